"""What time it is where values are pulled. Redis has a clock of its own, and expires values by that one.

A test of a TTL moves this clock ahead and shortens what Redis has left (`exclusive_redis_xcom.testing`). Nothing else
moves it.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_ahead = timedelta(0)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc) + _ahead


def ahead() -> timedelta:
    """Return how far the clock was moved ahead."""
    return _ahead


def set_ahead(by: timedelta) -> None:
    """Put the clock ahead of the real time, and not of what it showed before."""
    global _ahead  # noqa: PLW0603 - a process has one clock
    _ahead = by
