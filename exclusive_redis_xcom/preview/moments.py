"""Dates, times and durations as text, from their numbers alone. No time zone is looked up: its name is shown."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from exclusive_redis_xcom.preview import safe_text
from exclusive_redis_xcom.preview.parts import DICT, LIST, Leaf, Part, Plain, Tree

NOT_A_TIME: Final = "NaT"

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "D": 86_400 * 10**9,
    "W": 7 * 86_400 * 10**9,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LOWEST: Final = -(2**63)


def moment(number: int, unit: str) -> str:
    """Return the moment so many units after 1970, as ISO 8601."""
    if number == _LOWEST:
        return NOT_A_TIME
    if unit in ("Y", "M"):
        year, month = divmod(number, 1 if unit == "Y" else 12)
        return f"{1970 + year}" if unit == "Y" else f"{1970 + year}-{month + 1:02}"
    if unit not in _NANOSECONDS:
        return f"{number} {unit} since 1970"
    microseconds, nanoseconds = divmod(number * _NANOSECONDS[unit], 1000)
    try:
        found = (_EPOCH + timedelta(microseconds=microseconds)).replace(tzinfo=None)
    except OverflowError:
        return f"{number} {unit} since 1970"
    if nanoseconds:
        return f"{found.isoformat(timespec='microseconds')}{nanoseconds:03}"
    return str(found.date()) if unit in ("D", "W") else found.isoformat()


def duration(number: int, unit: str) -> str:
    """Return so many units, as `1 day, 0:00:02`."""
    if number == _LOWEST:
        return NOT_A_TIME
    if unit not in _NANOSECONDS:
        return f"{number} {unit}"
    microseconds, nanoseconds = divmod(number * _NANOSECONDS[unit], 1000)
    try:
        shown = str(timedelta(microseconds=microseconds))
    except OverflowError:
        return f"{number} {unit}"
    return f"{shown} and {nanoseconds} ns" if nanoseconds else shown


def clock(number: int, unit: str) -> str:
    """Return the time of a day so many units after midnight."""
    microseconds, nanoseconds = divmod(number * _NANOSECONDS[unit], 1000)
    shown = (datetime.min + timedelta(microseconds=microseconds)).time().isoformat()
    return f"{shown} and {nanoseconds} ns" if nanoseconds else shown


def of_datetime(leaf: Leaf) -> str:
    """Return a moment of kind 30 (`codec/moments.py`)."""
    data = leaf.data
    if data[0] < 0x90:
        year, month, day = int.from_bytes(data[:2], "big"), data[2], data[3]
        hour, minute, second = data[4], data[5], data[6]
        microsecond, (fold,) = int.from_bytes(data[7:11], "big"), data[11:]
        found = datetime(year, month, day, hour, minute, second, microsecond)
        return found.isoformat() + ("+00:00" if fold & 2 else "")
    _, *fields, zone = _fields(leaf, 10)
    year, month, day, hour, minute, second, microsecond = _numbers(fields[:7])
    return datetime(year, month, day, hour, minute, second, microsecond).isoformat() + _with_zone(zone)


def of_date(leaf: Leaf) -> str:
    """Return a date of kind 31."""
    return date(*_numbers(_fields(leaf, 4)[1:])).isoformat()


def of_time(leaf: Leaf) -> str:
    """Return a time of kind 32."""
    _, *fields, _, zone = _fields(leaf, 7)
    return (datetime.min + _day(*_numbers(fields))).time().isoformat() + _with_zone(zone)


def of_timedelta(leaf: Leaf) -> str:
    """Return a duration of kind 33."""
    return str(timedelta(*_numbers(_fields(leaf, 3))))


def of_zone(leaf: Leaf) -> str:
    """Return a time zone of kind 34."""
    return _zone(leaf.source.message(leaf.data))


def of_timestamp(leaf: Leaf) -> str:
    """Return pandas' Timestamp: kind 64. A moment with a zone is shown in UTC, with the zone's name."""
    number, unit, zone = _fields(leaf, 3)
    shown = moment(*_number_and_unit(number, unit))
    return shown if zone == Plain(None) else f"{shown}+00:00 ({zone_in(leaf, zone)})"


def of_long_duration(leaf: Leaf) -> str:
    """Return pandas' Timedelta: kind 65."""
    return duration(*_number_and_unit(*_fields(leaf, 2)))


def zone_in(leaf: Leaf, zone: Part) -> str:
    """Return the time zone that a part holds as bytes."""
    return _zone(leaf.source.message(leaf.source.take(zone)))


def _fields(leaf: Leaf, count: int) -> list[Part]:
    whole = leaf.source.message(leaf.data)
    if not isinstance(whole, Tree) or whole.code != LIST or whole.count < count:
        raise ValueError("not the fields of a moment")
    return whole.first(count)


def _numbers(parts: list[Part]) -> list[int]:
    found = [part.value if isinstance(part, Plain) else None for part in parts]
    if not all(type(number) is int for number in found):
        raise TypeError("not numbers")
    return found  # type: ignore[return-value]


def _number_and_unit(number: Part, unit: Part) -> tuple[int, str]:
    (found,) = _numbers([number])
    if not isinstance(unit, Plain) or unit.value not in ("s", "ms", "us", "ns"):
        raise ValueError("not a unit of time")
    return found, unit.value


def _day(hour: int, minute: int, second: int, microsecond: int) -> timedelta:
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microsecond)


def _with_zone(part: Part) -> str:
    if part == Plain(None):
        return ""
    shown = _zone(part)
    return shown if shown[:1] in "+-" else f" ({shown})"


def _zone(part: Part) -> str:
    """Return the name or the offset of a time zone (`codec/zones.py`)."""
    if not isinstance(part, Tree) or part.code == DICT:
        raise TypeError("not a time zone")
    how, *rest = [each.value if isinstance(each, Plain) else None for each in part.first(3)]
    found: Any = rest[0]
    if how not in ("offset", "pendulum_offset") or type(found) is not int:
        return safe_text.name(found)
    seconds = found // 10**6 if how == "offset" else found
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    hours, rest_of_hour = divmod(seconds, 3600)
    minutes, left = divmod(rest_of_hour, 60)
    return f"{sign}{hours:02}:{minutes:02}" + (f":{left:02}" if left else "")
