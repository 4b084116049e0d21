"""Times for people: how long ago, and in UTC."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import NamedTuple

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


class Moment(NamedTuple):
    """A time in the past, as a page shows it.

    Attributes:
        iso: For programs.
        utc: For people, to the second.
        ago: How long ago, in the largest unit that fits.
    """

    iso: str
    utc: str
    ago: str


def moment(at: datetime, now: datetime | None = None) -> Moment:
    """Describe a time.

    Args:
        at: The time, with its zone.
        now: What "ago" counts from; the time of the call by default.
    """
    utc = at.astimezone(timezone.utc)
    seconds = ((now or datetime.now(timezone.utc)) - utc).total_seconds()
    return Moment(utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M:%S} UTC", _ago(seconds))


def moment_of_ms(milliseconds: int | None, now: datetime | None = None) -> Moment | None:
    """Describe a time in milliseconds since 1970; return None for an unknown time."""
    if milliseconds is None:
        return None
    return moment(datetime.fromtimestamp(milliseconds / 1000, timezone.utc), now)


def _ago(seconds: float) -> str:
    for size, unit in _UNITS:
        number = int(seconds // size)
        if number > 0:
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now" if seconds > -60 else "in the future"
