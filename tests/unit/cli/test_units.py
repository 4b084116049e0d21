"""Sizes, durations and ages, as commands write and read them."""

from __future__ import annotations

import argparse
from datetime import timedelta

import pytest

from exclusive_redis_xcom.cli import units


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1024**3, "1.0 GiB"), (5 * 1024**5, "5120.0 TiB")],
)
def test_a_size(number: int, written: str) -> None:
    assert units.in_bytes(number) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0 s"), (0.4, "0 s"), (59, "59 s"), (3600, "1 h"), (90061, "1 d 1 h"), (86401, "1 d 1 s")],
)
def test_a_duration(seconds: float, written: str) -> None:
    assert units.in_two_units(timedelta(seconds=seconds)) == written


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), ("12h", 720), ("7d", 10080)])
def test_an_age(text: str, minutes: int) -> None:
    assert units.age(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "0h", "1", "1s", "-1h", "1.5h", "1h\n"])
def test_what_is_no_age(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        units.age(text)

    assert str(caught.value) == f"{text!r} is not an age; write a number and m, h or d, as in 30m"
