"""A push: value, rule, mark and TTL in one script; before it, the parts of a value that is too large for one field."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from exclusive_redis_xcom.errors import ConfigurationError, XComTooLarge
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import INLINE_BYTES, MAX_PARTS, PART_BYTES
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.store import parts, scripts
from exclusive_redis_xcom.store.place import moment

if TYPE_CHECKING:
    from datetime import datetime

    from exclusive_redis_xcom.connection.session import Session
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.store.place import Place

_Arguments: TypeAlias = "tuple[scripts.Argument, ...]"
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
    large = envelope.spilled is None and envelope.payload_size > INLINE_BYTES
    if large and envelope.payload_size > MAX_PARTS * PART_BYTES:
        raise XComTooLarge(f"{at} takes {envelope.payload_size} bytes; at most {MAX_PARTS * PART_BYTES} are stored.")
    head = envelope.in_parts() if large else envelope
    arguments = _arguments(head, acl, ttl_ms, own_acl, once=once, watched=watched)
    for _ in range(parts.MOST_RESTARTS):
        if large:
            parts.write(place, envelope, ttl_ms)
        pushed = _push(place, head, arguments)
        if pushed is not None:
            pushed_at, garbage = pushed
            if garbage:
                parts.sweep_if_possible(place, at)
            return moment(pushed_at)
    raise parts.contended(at)


def _push(place: Place, head: Envelope, arguments: _Arguments) -> tuple[int, int] | None:
    """Time of the push, and whether there are parts to remove; None if parts of this version are missing."""
    name = place.hash_of(head.coordinate)

    def command(session: Session) -> Any:
        return scripts.PUSH.run(session, name, *arguments)

    reply = place.client.run(
        f"Pushing {head.coordinate}", parts.or_give_up(place, head, command) if head.parts else command
    )
    return None if reply is None else (int(reply[0]), int(reply[1]))


def _arguments(
    envelope: Envelope, acl: bytes, ttl_ms: int, own_acl: bytes | None, *, once: bool, watched: bool
) -> _Arguments:
    index = envelope.coordinate.map_index
    data = envelope.pack()
    return (
        redis_names.ACL_FIELD,
        acl,
        redis_names.field_name(index),
        data,
        ttl_ms,
        "1" if index != NOT_MAPPED else "",
        envelope.version,
        redis_names.claim_name(index),
        "1" if once else "",
        redis_names.parts_name(index),
        envelope.parts,
        redis_names.committed_name(index),
        f"{envelope.version} {len(data)}" if watched else "",
        redis_names.spilled_name(index),
        envelope.spilled or "",
        redis_names.COMPLETE_FIELD,
        *(() if own_acl is None else (redis_names.rule_name(index), own_acl)),
    )
