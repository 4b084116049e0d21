"""Durations as people write them, for the remedy of an error: "1h" was meant as 3600 seconds."""

from __future__ import annotations

import re

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
#: A number of at most nine digits, and a unit or its first letter; or hours, minutes and seconds as `str(timedelta)`.
_WITH_UNIT = r"(\d{1,9}) ?(s|sec|seconds?|m|min|minutes?|h|hr|hours?|d|days?|w|weeks?|)"
_CLOCK = r"(\d{1,4}):([0-5]\d):([0-5]\d)"


def seconds_meant(text: str) -> int | None:
    """Return how many seconds a text means, such as "1h", "30 min", "1:00:00" or "60"; None if that is not certain."""
    clock = re.fullmatch(_CLOCK, text.strip())
    if clock:
        hours, minutes, seconds = map(int, clock.groups())
        return hours * 3600 + minutes * 60 + seconds
    found = re.fullmatch(_WITH_UNIT, text.strip(), re.IGNORECASE)
    return None if found is None else int(found[1]) * _SECONDS[found[2][:1].lower()]
