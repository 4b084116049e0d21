"""How the commands write sizes, durations and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import describe_consumers
from exclusive_redis_xcom.errors import InvalidAcl

if TYPE_CHECKING:
    from datetime import timedelta

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def in_bytes(number: float) -> str:
    """Write a number of bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def left(ttl: timedelta | None) -> str:
    """Write how long something is kept, in its two largest units."""
    if ttl is None:
        return "never"
    seconds = int(ttl.total_seconds())
    parts: list[str] = []
    for size, unit in _UNITS:
        number, seconds = divmod(seconds, size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])


def rule_of(acl: bytes) -> Acl | None:
    """Read the rule of a hash; None if it cannot be read, so that it lets nobody in."""
    try:
        return Acl.loads(acl)
    except InvalidAcl:
        return None


def readers(acl: Acl | None) -> str:
    """Say who may pull what a rule is about, besides its producer."""
    return "nobody: the rule cannot be read" if acl is None else describe_consumers(acl.consumers, acl.dag_id)
