"""Convert an option's text to its value. A text that is not accepted raises ValueError.

`word`, `integer` and `seconds` return a converter; the other functions are converters.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_CONN_ID = re.compile(r"[^\s:/@]{1,250}")


def conn_id(text: str) -> str:
    """Accept the id of an Airflow connection, and no URL."""
    if not _CONN_ID.fullmatch(text):
        raise ValueError
    return text


def word(*words: str) -> Callable[[str], str]:
    """Accept one of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return read


def integer(low: int, high: int) -> Callable[[str], int]:
    """Accept a whole number from `low` to `high`."""

    def read(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def seconds(low: float, high: float) -> Callable[[str], float]:
    """Accept a number from `low` to `high`."""

    def read(text: str) -> float:
        number = float(text)
        if not math.isfinite(number) or not low <= number <= high:
            raise ValueError
        return number

    return read


def yes_or_no(text: str) -> bool:
    """Accept True or False, as Airflow writes them."""
    # The words that Airflow's own getboolean accepts (airflow/configuration.py).
    words = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}
    if text.lower() not in words:
        raise ValueError
    return words[text.lower()]


def prefix(text: str) -> str:
    """Accept the first part of Redis keys."""
    if not _PREFIX.fullmatch(text):
        raise ValueError
    return text


def object_storage_url(text: str) -> str | None:
    """Accept a URL that names a place and holds no password, or an empty text."""
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    login = rest.rpartition("@")[0]  # A login may hold a slash: keys of S3 do.
    if not separator or not scheme.isalnum() or not rest or ":" in login:
        raise ValueError
    return text.rstrip("/")
