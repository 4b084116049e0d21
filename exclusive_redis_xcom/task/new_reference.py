"""The reference to a value that Redis has just taken, with what people want to know of the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.shape import shape_of
from exclusive_redis_xcom.formats import about
from exclusive_redis_xcom.formats.reference import Reference

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.seal import Seal


def new_reference(
    value: Any,
    plain: Envelope,
    *,
    type_name: str,
    acl: Acl,
    seal: Seal | None,
    pushed_at: datetime,
    ttl: timedelta,
    spilled: bool,
) -> Reference:
    """Return what Airflow's database gets.

    Args:
        value: The value.
        plain: Its envelope before encryption.
        type_name: The qualified name of its type.
        acl: The rule in force for the value.
        seal: The sealed data key; None where the value is not sealed.
        pushed_at: When Redis took the value, by the clock of Redis.
        ttl: How long Redis keeps it.
        spilled: Whether its payload lies in object storage.
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
        seal=seal,
        shape=shape,
        about=about.sentence(
            type_name,
            size=plain.decoded_size,
            shape=shape,
            readers=about.describe_readers(consumers, same_run=acl.same_run, once=acl.once),
            pushed_at=pushed_at,
            expires_at=expires_at,
            place="in object storage" if spilled else "in Redis",
        ),
    )
