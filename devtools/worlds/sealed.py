"""Seal values as a push does, and return the data key, which a push keeps to itself."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import crypto
from exclusive_redis_xcom.acl import Acl, Rule
from exclusive_redis_xcom.crypto.opening import wrap_seal
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import Reference, parse
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate
from exclusive_redis_xcom.store import Push

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.store import Store

TTL = timedelta(minutes=30)


@dataclass(frozen=True)
class Keys:
    """A key pair of the API server, as the texts that settings hold."""

    public: str
    private: str = field(repr=False)

    @classmethod
    def generate(cls) -> Keys:
        """Make a new pair."""
        return cls(*crypto.generate_seal_keys())

    @property
    def id(self) -> str:
        """The public half's fingerprint."""
        return str(crypto.SealPublicKey.parse(self.public).key_id)


@dataclass(frozen=True)
class Pushed:
    """A sealed value: its reference as it lies in the database, and the data key that must stay hidden."""

    reference: Reference
    data_key: bytes = field(repr=False)


def seal(
    at: Coordinate,
    consumers: Sequence[str],
    *,
    keys: Keys,
    payload: bytes = b"canary",
    store: Store | None = None,
    **rule: Any,
) -> Pushed:
    """Seal a value as a push does, and store the ciphertext if there is a store."""
    acl = Acl(at.dag_id, (Rule(at.task_id, at.key, tuple(consumers), "xcom_acl", exact=True, **rule),), "nobody")
    text, version, now = acl.dumps(), secrets.token_hex(16), datetime.now(timezone.utc)
    data_key = crypto.new_data_key()
    public = crypto.SealPublicKey.parse(keys.public)
    sealed_key = crypto.seal_key(data_key, public, crypto.seal_info(at, version, text))
    facts: dict[str, Any] = {"codec": "msgpack", "compression": "off", "decoded_size": len(payload)}
    if store is not None:
        ciphertext = crypto.encrypt((payload,), data_key, crypto.payload_aad(at, version, text, **facts))
        envelope = Envelope(
            coordinate=at,
            version=version,
            pushed_at=now,
            payload=(ciphertext,),
            key_id=f"seal:{public.key_id}",
            **facts,
        )
        own_acl, once = None if at.map_index == NOT_MAPPED else text, bool(rule.get("once"))
        store.push(Push(envelope, acl=text, ttl=TTL, own_acl=own_acl, once=once))
    reference = Reference(
        coordinate=at,
        version=version,
        type_name="str",
        size=len(payload),
        consumers=tuple(consumers),
        rule="xcom_acl",
        pushed_at=now,
        expires_at=now + TTL,
        seal=Seal(public.key_id, text, sealed_key=sealed_key),
    )
    return Pushed(reference, data_key)


def as_the_ring_stores(row: Any, private_keys: str) -> Any:
    """Return what Airflow's database holds after a push, for a row that is written past the API server.

    Args:
        row: What a push hands to Airflow.
        private_keys: The API server's private keys, as the setting has them.
    """
    reference = parse(row)
    if reference.seal is None:
        return row
    return wrap_seal(reference, crypto.SealPrivateKeys.parse(private_keys)).to_json()
