"""Times for people."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from exclusive_redis_xcom.pages.moments import moment, moment_of_ms

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("before", "ago"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=800), "800 days ago"),
        (timedelta(seconds=-30), "just now"),
        (timedelta(hours=-1), "in the future"),
    ],
)
def test_how_long_ago(before: timedelta, ago: str) -> None:
    assert moment(NOW - before, NOW).ago == ago


def test_a_time_is_shown_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    shown = moment(datetime(2026, 3, 1, 14, 0, tzinfo=zone), NOW)

    assert shown == ("2026-03-01T12:00:00+00:00", "2026-03-01 12:00:00 UTC", "just now")


def test_milliseconds() -> None:
    assert moment_of_ms(1_772_366_400_000, NOW) == ("2026-03-01T12:00:00+00:00", "2026-03-01 12:00:00 UTC", "just now")
    assert moment_of_ms(None, NOW) is None
