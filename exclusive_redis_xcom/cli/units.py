"""Sizes, durations, ages and counts on the command line: as commands write them, and as people give them."""

from __future__ import annotations

import argparse
import math
import re
from datetime import timedelta

from exclusive_redis_xcom.reporting.quantities import in_bytes, in_two_units

__all__ = ["age", "in_bytes", "in_two_units"]

_UNITS_OF_AGE = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_COUNT = re.compile(r"[1-9][0-9]{0,8}")
_AGE = re.compile(r"([1-9][0-9]{0,5})([mhd])")


def age(text: str) -> timedelta:
    """Read an age, such as 30m, 12h or 7d. It is the `type` of an option.

    Raises:
        ArgumentTypeError: It is none.
    """
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an age; write a number and m, h or d, as in 30m")
    return int(found[1]) * _UNITS_OF_AGE[found[2]]


def count(text: str) -> int:
    """Read how many lines or rows are wanted. It is the `type` of an option.

    Raises:
        ArgumentTypeError: It is no whole number above 0.
    """
    if _COUNT.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of items; write a whole number above 0")
    return int(text)


def seconds(text: str) -> float:
    """Read a time limit in seconds. It is the `type` of an option.

    Raises:
        ArgumentTypeError: It is no number above 0.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time limit; write seconds, as a number above 0")
    return number
