"""A push: value, rule, mark and TTL in one script; before it, the parts of a value that is too large for one field."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from exclusive_redis_xcom import keys, scripts
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.store.place import moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exclusive_redis_xcom.connection.session import Session
    from exclusive_redis_xcom.envelope import Envelope
    from exclusive_redis_xcom.store.place import Place

_MILLISECOND = timedelta(milliseconds=1)


def push(
    place: Place,
    envelope: Envelope,
    *,
    acl: bytes,
    ttl: timedelta,
    own_acl: bytes | None,
    once: bool,
    watched: bool,
) -> datetime:
    """As `Store.push` says."""
    at = envelope.coordinate
    ttl_ms = ttl // _MILLISECOND
    if ttl_ms < 1:
        raise ConfigurationError(f"{at}: a ttl of {ttl} would not keep it; it must be a millisecond at least.")
    name, arguments = place.hash_of(at), _arguments(envelope, acl, ttl_ms, own_acl, once=once, watched=watched)

    def command(session: Session) -> Sequence[int]:
        reply: Sequence[int] = scripts.PUSH.run(session, name, *arguments)
        return reply

    pushed_at, _ = place.client.run(f"Pushing {at}", command)
    return moment(int(pushed_at))


def _arguments(
    envelope: Envelope, acl: bytes, ttl_ms: int, own_acl: bytes | None, *, once: bool, watched: bool
) -> tuple[str | bytes | int, ...]:
    index = envelope.coordinate.map_index
    data = envelope.pack()
    return (
        keys.ACL_FIELD,
        acl,
        keys.field_name(index),
        data,
        ttl_ms,
        "1" if index != NOT_MAPPED else "",
        envelope.version,
        keys.claim_name(index),
        "1" if once else "",
        keys.parts_name(index),
        envelope.parts,
        keys.committed_name(index),
        f"{envelope.version} {len(data)}" if watched else "",
        keys.spilled_name(index),
        envelope.spilled or "",
        *(() if own_acl is None else (keys.rule_name(index), own_acl)),
    )
