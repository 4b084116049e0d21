"""Sizes and durations, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

_PARTS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def in_bytes(number: float) -> str:
    """Write a number of bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def in_two_units(duration: timedelta) -> str:
    """Write a duration for people, in its two largest units."""
    seconds = int(duration.total_seconds())
    parts: list[str] = []
    for size, unit in _PARTS:
        number, seconds = divmod(seconds, size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2])
