"""How a payload is encrypted on its way to Redis, and decrypted on its way back.

There are three cases:

- In server mode each push has a fresh data key. The data key is sealed (HPKE) to the API server's public key, and the
  sealed key goes into the reference.
- In worker mode the data key is derived from `encryption_keys`, which all workers share.
- Without such keys the payload stays plain.

An encrypted payload is bound to its coordinate, version and rule. It cannot be decrypted after it was moved or
replayed, nor under an edited rule.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom import crypto
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.crypto import (
    Forged,
    UnknownKey,
    decrypt,
    encrypt,
    new_data_key,
    payload_aad,
    payload_aads,
    seal_info,
    seal_key,
)
from exclusive_redis_xcom.errors import ConfigurationError, CorruptValue, InvalidAcl
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.memory import Buffer, joined
from exclusive_redis_xcom.process import kind
from exclusive_redis_xcom.reporting import losses
from exclusive_redis_xcom.reporting.wording import lines, short_xcom, where
from exclusive_redis_xcom.settings import SECTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exclusive_redis_xcom.crypto import SealPublicKey
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Alike

#: The data keys of the values that this process pushed, by version. The latest is last; see `own_data_key`.
_pushed_here: OrderedDict[str, bytes] = OrderedDict()
_MOST_PUSHED_HERE = 1000

#: `Envelope.key_id` begins with the first if the data key is sealed, and with the second if it is derived.
_SEALED, _SHARED = "seal:", "enc:"


@dataclass(frozen=True, slots=True)
class Encrypted:
    """An envelope with its payload as it goes to Redis, and in server mode the seal for the reference."""

    envelope: Envelope
    seal: Seal | None = None


def encrypt_payload(envelope: Envelope, acl: Acl, settings: Settings) -> Encrypted:
    """Encrypt a payload if the settings say so, and seal the data key in server mode.

    Args:
        envelope: The value, with its plain payload.
        acl: The rule in force for the value.
        settings: The settings of this process.

    Raises:
        ConfigurationError: Values are to be sealed and there is no public key.
    """
    if _is_to_be_sealed(acl, settings):
        return _sealed(envelope, acl.dumps(), _public_key(settings, envelope.coordinate.dag_id))
    if settings.encryption_keys:
        keys, rule = settings.encryption_keys, acl.dumps()
        info = seal_info(envelope.coordinate, envelope.version, rule)
        data_key = keys.data_key(keys.newest_id, envelope.version, info)
        payload = encrypt(envelope.payload, data_key, _aad(envelope, rule))
        return Encrypted(replace(envelope, payload=(payload,), key_id=_SHARED + keys.newest_id))
    return Encrypted(envelope)


def decrypt_payload(envelope: Envelope, seal: Seal | None, acl: Acl | None, settings: Settings) -> Buffer:
    """Return the plain payload of a value from Redis.

    Args:
        envelope: What Redis holds.
        seal: The seal of the reference, opened.
        acl: The rule that Redis holds for the value. Without a readable rule it is None, and then only plain
            payloads are returned.
        settings: The settings of this process.

    Raises:
        CorruptValue: Value, rule, version and coordinate were not pushed together. Or the payload is plain where it
            must be encrypted.
        ConfigurationError: This process lacks the encryption key of the value.
    """
    if envelope.key_id is None and seal is None:
        _require_plain_allowed(envelope, acl, settings)
        return joined(envelope.payload)
    if seal is not None:
        if seal.data_key is None or envelope.key_id != _SEALED + seal.key_id or not _is_rule(acl, seal.acl):
            raise _broken(envelope)
        return _decrypted(envelope, seal.data_key, seal.acl)
    rule = b"" if acl is None else acl.dumps()
    if envelope.key_id is None or not envelope.key_id.startswith(_SHARED):
        raise losses.damaged(
            envelope.coordinate,
            "its reference has no seal",
            "Redis holds a sealed value. The value or the reference in Airflow's database was replaced.",
        )
    return _decrypted(envelope, _shared_key(envelope, rule, settings), rule)


def decrypt_each(
    alike: Alike, sealed: tuple[str, bytes] | None, data_keys: Sequence[bytes], acl: Acl | None, settings: Settings
) -> Iterable[bytes] | None:
    """Return what `decrypt_payload` returns for each of several results; None if that function must be asked.

    Args:
        alike: What Redis holds.
        sealed: The id of the key pair and the rule in the seals of the references, opened; None without seals.
        data_keys: The data keys in these seals.
        acl: As for `decrypt_payload`.
        settings: The settings of this process.

    Raises:
        Forged: While a payload is asked for. `decrypt_payload` says what is wrong with it.
    """
    envelope = alike.envelope
    if sealed is None:
        is_plain = envelope.key_id is None and _may_be_plain(acl, settings)
        return alike.payloads if is_plain else None
    key_id, rule = sealed
    if envelope.key_id != _SEALED + key_id or not _is_rule(acl, rule):
        return None
    aads = payload_aads(alike.at, alike.indexes, alike.versions, rule, alike.hows, alike.decoded_sizes)
    return crypto.decrypt_each(alike.payloads, data_keys, aads)


def own_data_key(version: str) -> bytes | None:
    """Return the data key of one of the last thousand values that this process sealed; None for all other values.

    A task may read its own values even after Airflow has recorded the task as over. It does so in callbacks, and for
    the links that operators show in the UI. The API server opens nothing for the task then.
    """
    return _pushed_here.get(version)


def forget() -> None:
    """Drop the data keys of what this process pushed. Tests need this: they play many processes in one."""
    _pushed_here.clear()


def _is_to_be_sealed(acl: Acl | None, settings: Settings) -> bool:
    return settings.by_server and (settings.seal == "all" or acl is None or acl.restricted)


def _sealed(envelope: Envelope, rule: bytes, public_key: SealPublicKey) -> Encrypted:
    data_key = new_data_key()
    sealed_key = seal_key(data_key, public_key, seal_info(envelope.coordinate, envelope.version, rule))
    payload = encrypt(envelope.payload, data_key, _aad(envelope, rule))
    key_id = public_key.key_id
    _pushed_here[envelope.version] = data_key
    if len(_pushed_here) > _MOST_PUSHED_HERE:
        _pushed_here.popitem(last=False)
    return Encrypted(
        replace(envelope, payload=(payload,), key_id=_SEALED + key_id), Seal(key_id, rule, sealed_key=sealed_key)
    )


def _public_key(settings: Settings, dag_id: str) -> SealPublicKey:
    if settings.seal_public_key is not None:
        return settings.seal_public_key
    if settings.seal_private_keys:
        return settings.seal_private_keys.public
    remedy = "Run `exclusive-xcom keygen`: its first line is for workers, its second for API servers alone."
    if kind.of_this_process() == "dag_test":
        from exclusive_redis_xcom.reporting import dag_test

        remedy = dag_test.recipe(dag_id)
    raise ConfigurationError(f"[{SECTION}] enforcement = server needs seal_public_key where tasks run.\n{remedy}")


def _is_rule(acl: Acl | None, text: bytes) -> bool:
    """Tell whether a text is what the rule's `dumps` writes. The results of a mapped task share one rule."""
    if acl is None:
        return text == b""
    try:
        return Acl.loads_again(text) is acl or acl.dumps() == text
    except InvalidAcl:
        return False


def _shared_key(envelope: Envelope, rule: bytes, settings: Settings) -> bytes:
    key_id = (envelope.key_id or "").removeprefix(_SHARED)
    info = seal_info(envelope.coordinate, envelope.version, rule)
    try:
        return settings.encryption_keys.data_key(key_id, envelope.version, info)
    except UnknownKey:
        raise ConfigurationError(
            lines(
                f"[{SECTION}] encryption_keys lacks the key of a value here.",
                "Keep old keys in the list, after the new one, until the values encrypted with them have expired.",
                where(envelope.coordinate),
            )
        ) from None


def _decrypted(envelope: Envelope, data_key: bytes, rule: bytes) -> Buffer:
    try:
        return decrypt(joined(envelope.payload), data_key, _aad(envelope, rule))
    except Forged:
        raise _broken(envelope) from None


def _aad(envelope: Envelope, rule: bytes) -> bytes:
    return payload_aad(
        envelope.coordinate,
        envelope.version,
        rule,
        codec=envelope.codec,
        compression=envelope.compression,
        decoded_size=envelope.decoded_size,
    )


def _require_plain_allowed(envelope: Envelope, acl: Acl | None, settings: Settings) -> None:
    if _may_be_plain(acl, settings):
        return
    at = envelope.coordinate
    raise CorruptValue(
        lines(
            fitted(lambda short: f"{short_xcom(at, short)} is not encrypted in Redis, as it must be here."),
            "It was pushed before encryption was switched on, or by somebody without the keys.",
            f"Clear {at.task_id}, or set [{SECTION}] allow_plaintext_read until old values have expired.",
            where(at),
        )
    )


def _may_be_plain(acl: Acl | None, settings: Settings) -> bool:
    return settings.allow_plaintext_read or not (_is_to_be_sealed(acl, settings) or settings.encryption_keys)


def _broken(envelope: Envelope) -> CorruptValue:
    return losses.damaged(
        envelope.coordinate,
        "its parts do not belong together",
        "The value in Redis and its rule were not pushed with this reference. One of them was replaced.",
    )
