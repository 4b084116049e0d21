"""The reference to a value that Redis has just taken, with what people want to know of the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.shape import shape_of
from exclusive_redis_xcom.formats import about, reference_v2
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.memory import size_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.task.encryption import Encrypted


def new_reference(
    value: Any,
    plain: Envelope,
    *,
    type_name: str,
    acl: Acl,
    encrypted: Encrypted,
    pushed_at: datetime,
    ttl: timedelta,
    settings: Settings,
) -> Reference:
    """Return what Airflow's database gets.

    Args:
        value: The value.
        plain: Its envelope before encryption.
        type_name: The qualified name of its type.
        acl: The rule in force for the value.
        encrypted: The envelope that Redis took, and the sealed data key.
        pushed_at: When Redis took the value, by the clock of Redis.
        ttl: How long Redis keeps it.
        settings: The settings of this process.
    """
    shape, expires_at, consumers = shape_of(value), pushed_at + ttl, acl.consumers
    return Reference(
        coordinate=plain.coordinate,
        version=plain.version,
        type_name=type_name,
        size=plain.decoded_size,
        consumers=consumers,
        rule=acl.source,
        pushed_at=pushed_at,
        expires_at=expires_at,
        seal=encrypted.seal,
        shape=shape,
        format=settings.format,
        about=about.sentence(
            type_name,
            size=plain.decoded_size,
            shape=shape,
            readers=about.describe_readers(consumers, same_run=acl.same_run, once=acl.once),
            pushed_at=pushed_at,
            expires_at=expires_at,
            place="in object storage" if _is_spilled(encrypted.envelope, settings) else "in Redis",
            long=settings.format == reference_v2.FORMAT,
        ),
    )


def _is_spilled(envelope: Envelope, settings: Settings) -> bool:
    return settings.spill_path is not None and size_of(envelope.payload) > settings.spill_threshold_bytes
