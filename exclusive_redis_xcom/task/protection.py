"""How a value is protected in Redis: sealed to the API server, encrypted at rest, or plain.

Sealed: a fresh data key per push, itself sealed (HPKE) to the API server's public key and put into the reference. At
rest: a data key derived from `encryption_keys`, which all workers share. Either way the payload is bound to
coordinate, version and rule: moved, replayed or under an edited rule it does not open.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.crypto import (
    Forged,
    UnknownKey,
    decrypt,
    encrypt,
    new_data_key,
    payload_aad,
    seal_info,
    seal_key,
)
from exclusive_redis_xcom.errors import ConfigurationError, CorruptValue
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.memory import Buffer, joined
from exclusive_redis_xcom.settings import SECTION

if TYPE_CHECKING:
    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.crypto import SealPublicKey
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.settings import Settings

#: The data keys of what this process pushed, by version, the latest last; see `own_data_key`.
_pushed_here: OrderedDict[str, bytes] = OrderedDict()
_MOST_PUSHED_HERE = 1000

#: How `Envelope.key_id` begins, by the kind of key.
_SEALED, _AT_REST = "seal:", "enc:"


@dataclass(frozen=True, slots=True)
class Protected:
    """An envelope with its payload as it goes to Redis, and the seal for the reference, if it is sealed."""

    envelope: Envelope
    seal: Seal | None = None


def protect(envelope: Envelope, acl: Acl, settings: Settings) -> Protected:
    """Seal, encrypt or leave a value as the settings say.

    Args:
        envelope: With the plain payload.
        acl: The rule in force for the value.
        settings: Of this process.

    Raises:
        ConfigurationError: Values are to be sealed and there is no public key.
    """
    if _is_to_be_sealed(acl, settings):
        return _sealed(envelope, acl.dumps(), _public_key(settings))
    if settings.encryption_keys:
        keys, rule = settings.encryption_keys, acl.dumps()
        info = seal_info(envelope.coordinate, envelope.version, rule)
        data_key = keys.data_key(keys.newest_id, envelope.version, info)
        payload = encrypt(envelope.payload, data_key, _aad(envelope, rule))
        return Protected(replace(envelope, payload=(payload,), key_id=_AT_REST + keys.newest_id))
    return Protected(envelope)


def reveal(envelope: Envelope, seal: Seal | None, acl: Acl | None, settings: Settings) -> Buffer:
    """The plain payload of a value from Redis.

    Args:
        envelope: What Redis holds.
        seal: The reference's, opened.
        acl: The rule that Redis holds for the value; None where there is none that can be read, in which case only
            plain values are revealed.
        settings: Of this process.

    Raises:
        CorruptValue: Value, rule, version or coordinate are not those that were pushed together; or the value is
            plain where it may not be.
        ConfigurationError: This process lacks the key a value was encrypted with at rest.
    """
    if envelope.key_id is None and seal is None:
        _require_plain_allowed(envelope, acl, settings)
        return joined(envelope.payload)
    rule = b"" if acl is None else acl.dumps()
    if seal is not None:
        if seal.data_key is None or envelope.key_id != _SEALED + seal.key_id or rule != seal.acl:
            raise _broken(envelope)
        return _decrypted(envelope, seal.data_key, rule)
    if envelope.key_id is None or not envelope.key_id.startswith(_AT_REST):
        raise CorruptValue(
            f"{envelope.coordinate}: Redis holds a sealed value, and the reference in Airflow's database has no seal: "
            "one of them was replaced. Clear the producing task."
        )
    return _decrypted(envelope, _at_rest_key(envelope, rule, settings), rule)


def own_data_key(version: str) -> bytes | None:
    """The data key of a value that this very process sealed; None for all others, and for all but the last thousand.

    A task may read its own values, also when Airflow has recorded it as over and the API server opens nothing for it
    any more: in callbacks, and for the links that operators show in the UI.
    """
    return _pushed_here.get(version)


def forget() -> None:
    """Drop what this process pushed. For tests, which are many processes in one."""
    _pushed_here.clear()


def _is_to_be_sealed(acl: Acl | None, settings: Settings) -> bool:
    return settings.by_server and (settings.seal == "all" or acl is None or acl.restricted)


def _sealed(envelope: Envelope, rule: bytes, public_key: SealPublicKey) -> Protected:
    data_key = new_data_key()
    sealed_key = seal_key(data_key, public_key, seal_info(envelope.coordinate, envelope.version, rule))
    payload = encrypt(envelope.payload, data_key, _aad(envelope, rule))
    key_id = public_key.key_id
    _pushed_here[envelope.version] = data_key
    if len(_pushed_here) > _MOST_PUSHED_HERE:
        _pushed_here.popitem(last=False)
    return Protected(
        replace(envelope, payload=(payload,), key_id=_SEALED + key_id), Seal(key_id, rule, sealed_key=sealed_key)
    )


def _public_key(settings: Settings) -> SealPublicKey:
    if settings.seal_public_key is not None:
        return settings.seal_public_key
    if settings.seal_private_keys:
        return settings.seal_private_keys.public
    raise ConfigurationError(
        f"[{SECTION}] enforcement = server needs seal_public_key where tasks run. Run `exclusive-xcom keygen`: its "
        "first line is for workers, its second for API servers alone."
    )


def _at_rest_key(envelope: Envelope, rule: bytes, settings: Settings) -> bytes:
    key_id = (envelope.key_id or "").removeprefix(_AT_REST)
    info = seal_info(envelope.coordinate, envelope.version, rule)
    try:
        return settings.encryption_keys.data_key(key_id, envelope.version, info)
    except UnknownKey:
        raise ConfigurationError(
            f"{envelope.coordinate} is encrypted with a key that [{SECTION}] encryption_keys does not have here. Keep "
            "old keys in the list, after the new one, until the values encrypted with them have expired."
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
    if settings.allow_plaintext_read or not (_is_to_be_sealed(acl, settings) or settings.encryption_keys):
        return
    raise CorruptValue(
        f"{envelope.coordinate} lies in Redis unencrypted, and values are encrypted here: it was pushed before that "
        f"was switched on, or by somebody without the keys. Clear the producing task, or set [{SECTION}] "
        "allow_plaintext_read until old values have expired."
    )


def _broken(envelope: Envelope) -> CorruptValue:
    return CorruptValue(
        f"{envelope.coordinate}: the value in Redis and the rule with it are not what was pushed with this reference: "
        "something was replaced. Clear the producing task."
    )
