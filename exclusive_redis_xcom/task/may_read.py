"""May this stored value be read? The one answer, for pulls by row and for direct pulls.

Nothing here asks Redis, logs or counts. `acl.decide` says what a rule allows; this says what else must hold.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.formats import claims
from exclusive_redis_xcom.model import NOT_MAPPED

if TYPE_CHECKING:
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.model import Coordinate, Decision, Principal
    from exclusive_redis_xcom.store import Stored

#: What is in the way of a read. "gone": Redis no longer holds the value, or it has outlived its time. "denied": a rule
#: refuses. "superseded": Redis holds another version. "unclaimed": it may be read once, and must be claimed first.
Obstacle: TypeAlias = Literal["gone", "denied", "superseded", "unclaimed"]

#: The rules that must all allow a read, as Redis holds them: the key's, and the value's own where the task is mapped.
RuleTexts: TypeAlias = tuple[bytes | None, ...]


class Denial(NamedTuple):
    """A rule that refuses. `acl` is None where there is no rule that can be read."""

    decision: Decision
    acl: Acl | None


class Permission(NamedTuple):
    """Whether a value may be read: it may, where there is no `obstacle`.

    `acl` is the value's own rule. It is None where a rule was not looked at, and under `mode = report` also where no
    rule can be read. `denials` are to be reported: under `mode = report` they are no obstacle.
    """

    obstacle: Obstacle | None = None
    acl: Acl | None = None
    denials: tuple[Denial, ...] = ()


def may_read(
    stored: Stored,
    at: Coordinate,
    reader: Principal | None,
    *,
    version: str | None = None,
    reports_only: bool = False,
    known: dict[RuleTexts, Permission] | None = None,
) -> Permission:
    """Whether the reader may have a value. In doubt: no.

    Args:
        stored: What Redis holds.
        at: The coordinate that was asked for.
        reader: Who asks; None where that cannot be established.
        version: The version that is wanted; None where whoever read it has checked that.
        reports_only: `mode = report`: what a rule refuses is no obstacle.
        known: What the rules said before, for one reader and values that differ in their map_index alone. A rule does
            not tell map indexes apart, and the results of a mapped task share most of their rules.
    """
    if not stored.found:
        return _GONE
    texts = (stored.acl,) if at.map_index == NOT_MAPPED else (stored.acl, stored.own_acl)
    permission = None if known is None else known.get(texts)
    if permission is None:
        permission = _by_rules(texts, at, reader, reports_only=reports_only)
        if known is not None:
            known[texts] = permission
    obstacle = permission.obstacle or _beyond_rules(stored.envelope, permission.acl, at, reader, version)
    return permission if obstacle is permission.obstacle else permission._replace(obstacle=obstacle)


_GONE = Permission("gone")


def _by_rules(texts: RuleTexts, at: Coordinate, reader: Principal | None, *, reports_only: bool) -> Permission:
    denials: list[Denial] = []
    acl = None
    for text in texts:
        acl = _readable(text)
        decision = decide(acl, at, reader)
        if decision.allowed:
            continue
        denials.append(Denial(decision, acl))
        if not reports_only:
            return Permission("denied", denials=tuple(denials))
    return Permission(None, acl, tuple(denials))


def _beyond_rules(
    envelope: Envelope | None, acl: Acl | None, at: Coordinate, reader: Principal | None, version: str | None
) -> Obstacle | None:
    if envelope is None or _has_outlived(envelope, acl):
        return "gone"
    if version is not None and envelope.version != version:
        return "superseded"
    if acl is not None and acl.once and not claims.is_producer(reader, at):
        return "unclaimed"
    return None


def _readable(text: bytes | None) -> Acl | None:
    """The rule; None, which refuses, for one that is missing or cannot be read."""
    try:
        return None if text is None else Acl.loads_again(text)
    except InvalidAcl:
        return None


def _has_outlived(envelope: Envelope, acl: Acl | None) -> bool:
    """Whether a value of a mapped task has outlived its own TTL, in a hash that its siblings keep alive.

    By the workers' clocks; everywhere else Redis' clock alone counts.
    """
    ttl = None if acl is None or envelope.coordinate.map_index == NOT_MAPPED else acl.ttl
    return ttl is not None and datetime.now(timezone.utc) - envelope.pushed_at > ttl
