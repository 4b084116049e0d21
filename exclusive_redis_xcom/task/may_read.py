"""May this stored value be read? Pulls by row and direct pulls share this one answer.

This module does not ask Redis, log or count. `acl.decide` says what a rule allows. `may_read` says what else must hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from exclusive_redis_xcom import clock
from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.formats import claims
from exclusive_redis_xcom.model import NOT_MAPPED

if TYPE_CHECKING:
    from datetime import timedelta

    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.model import Coordinate, Decision, Principal
    from exclusive_redis_xcom.store import Stored

#: What is in the way of a read. "gone": Redis no longer holds the value, or the value has outlived its TTL. "denied": a
#: rule refuses. "superseded": Redis holds another version. "unclaimed": a read-once value must be claimed first.
Obstacle: TypeAlias = Literal["gone", "denied", "superseded", "unclaimed"]

#: The rules that must all allow a read, as Redis holds them: the key's rule, and where the task is mapped the value's.
RuleTexts: TypeAlias = tuple[bytes | None, ...]


class Denial(NamedTuple):
    """A rule that refuses. `acl` is None where no rule can be read."""

    decision: Decision
    acl: Acl | None


class Permission(NamedTuple):
    """Whether a value may be read. Without an `obstacle`, it may.

    `acl` is the value's own rule. It is None if the rule was not looked at, and under `mode = report` also if no rule
    can be read. `once` and `ttl` are those of `acl`. `denials` are to be reported. Under `mode = report`, they are no
    obstacle.
    """

    obstacle: Obstacle | None = None
    acl: Acl | None = None
    denials: tuple[Denial, ...] = ()
    once: bool = False
    ttl: timedelta | None = None


def may_read(
    stored: Stored,
    at: Coordinate,
    reader: Principal | None,
    *,
    version: str | None = None,
    reports_only: bool = False,
    known: dict[RuleTexts, Permission] | None = None,
) -> Permission:
    """Tell whether the reader may have a value. In doubt, the answer is no.

    Args:
        stored: What Redis holds.
        at: The coordinate that was asked for.
        reader: Who asks; None if that cannot be established.
        version: The version that is wanted; None if the caller has checked the version.
        reports_only: Whether `mode = report` is set. Then a rule that refuses is no obstacle.
        known: What the rules said before, for one reader and values that differ in their map_index alone. A rule does
            not tell map indexes apart, and the results of a mapped task share most of their rules.
    """
    if not stored.found:
        return _GONE
    texts: RuleTexts = (stored.acl, stored.own_acl)
    if at.map_index == NOT_MAPPED or (stored.envelope is None and stored.own_acl is None):
        texts = (stored.acl,)  # of a result that Redis lost or that was purged, nothing is left: siblings keep the hash
    permission = None if known is None else known.get(texts)
    if permission is None:
        permission = _by_rules(texts, at, reader, reports_only=reports_only)
        if known is not None:
            known[texts] = permission
    obstacle = permission.obstacle or _beyond_rules(stored.envelope, permission, at, reader, version)
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
    if acl is None:
        return Permission(None, acl, tuple(denials))
    return Permission(None, acl, tuple(denials), acl.once, acl.ttl)


def _beyond_rules(
    envelope: Envelope | None, permission: Permission, at: Coordinate, reader: Principal | None, version: str | None
) -> Obstacle | None:
    if envelope is None or _has_outlived(envelope, permission.ttl):
        return "gone"
    if version is not None and envelope.version != version:
        return "superseded"
    if permission.once and not claims.is_producer(reader, at):
        return "unclaimed"
    return None


def _readable(text: bytes | None) -> Acl | None:
    """Return the rule; None if it is missing or cannot be read. None refuses everybody."""
    try:
        return None if text is None else Acl.loads_again(text)
    except InvalidAcl:
        return None


def _has_outlived(envelope: Envelope, ttl: timedelta | None) -> bool:
    """Tell whether a value of a mapped task has outlived its own TTL, in a hash that its siblings keep alive.

    Here the workers' clocks count. Everywhere else, Redis' clock alone counts.
    """
    is_mapped = envelope.coordinate.map_index != NOT_MAPPED
    return is_mapped and ttl is not None and clock.now() - envelope.pushed_at > ttl
