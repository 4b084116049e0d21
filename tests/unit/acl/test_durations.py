from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl.durations import seconds_meant


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3600", 3600),
        (" 90 s ", 90),
        ("1h", 3600),
        ("1 hr", 3600),
        ("2 Hours", 7200),
        ("30min", 1800),
        ("30m", 1800),
        ("7d", 604800),
        ("1 week", 604800),
        ("0", 0),
    ],
)
def test_durations_as_people_write_them(text: str, seconds: int) -> None:
    assert seconds_meant(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "soon", "1 month", "1.5h", "-1h", "1h30", "1:60:00", "1e9", "9" * 10, "٣h x"]
)
def test_what_is_not_certain_is_not_guessed(text: str) -> None:
    assert seconds_meant(text) is None


@given(st.integers(0, 86399))
def test_a_timedelta_written_as_text(seconds: int) -> None:
    assert seconds_meant(str(timedelta(seconds=seconds))) == seconds
