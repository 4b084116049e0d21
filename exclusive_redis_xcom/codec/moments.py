"""Dates, times and time zones, of the standard library and of pendulum.

A moment is stored as its fields, not as a timestamp. So microseconds, fold and the times that a change of clocks skips
all come back. Time zones are stored by name. The name is checked before `ZoneInfo` turns it into a path.
"""

from __future__ import annotations

import re
import struct
import sys
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ormsgpack

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.msgpack_reader import read
from exclusive_redis_xcom.errors import XComNotImportable

if TYPE_CHECKING:
    from collections.abc import Callable

_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")
_LONGEST_ZONE = 64
_MICROSECOND = timedelta(microseconds=1)

_PLAIN = struct.Struct(">HBBBBBIB")
_IN_UTC = 2  # added to fold in UTC
_FIRST_BYTE_OF_A_LIST = 0x90  # in msgpack; the first byte of a year is 0x27 at most


def _is_pendulum(value: object) -> bool:
    return type(value).__module__.startswith("pendulum.")


def _zone_key(key: object) -> str:
    if not isinstance(key, str) or len(key) > _LONGEST_ZONE or not _ZONE.fullmatch(key):
        raise ValueError("not the name of a time zone")
    return key


def _describe_zone(zone: tzinfo | None) -> list[Any] | None:
    """Describe a time zone as it is stored: None or [how, ...]."""
    if zone is None:
        return None
    cls = type(zone)
    if cls is timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
        return ["offset", offset // _MICROSECOND, *name]
    key = getattr(zone, "key", None)
    if cls is ZoneInfo and key is not None:
        return ["zone", key]
    if _is_pendulum(zone):
        return ["pendulum", key] if key is not None else ["pendulum_offset", zone.offset, zone.name]  # type: ignore[attr-defined]
    if cls.__module__.partition(".")[0] == "pytz" and isinstance(getattr(zone, "zone", None), str):
        return ["pytz", zone.zone]  # type: ignore[attr-defined]
    if cls.__module__.startswith("dateutil.") and cls.__name__ == "tzutc":
        return ["offset", 0]
    raise NotCarriedError


def _zone(described: list[Any] | None) -> tzinfo | None:
    """Reverse `_describe_zone`."""
    if described is None:
        return None
    how, *rest = described
    if how == "offset":
        return timezone(rest[0] * _MICROSECOND, *rest[1:]) if rest != [0] else timezone.utc
    if how == "pendulum_offset":
        fixed: tzinfo = package("pendulum.tz.timezone").FixedTimezone(int(rest[0]), rest[1])
        return fixed
    return _named_zone(how, _zone_key(rest[0]))


def _named_zone(how: str, key: str) -> tzinfo:
    makers: dict[str, Callable[[], Any]] = {
        "zone": lambda: ZoneInfo,
        "pendulum": lambda: package("pendulum.tz.timezone").Timezone,
        "pytz": lambda: package("pytz").timezone,
    }
    make = makers[how]()
    try:
        zone: tzinfo = make(key)
    except (LookupError, OSError):  # OSError: the name of a directory, such as "America"
        raise XComNotImportable(
            "The value uses a time zone that this machine's time zone database does not have; "
            "install the Python package 'tzdata' or the system's, as on the machine of the task that pushed it."
        ) from None
    return zone


def dump_zone(value: tzinfo) -> bytes:
    """Write a time zone on its own."""
    return ormsgpack.packb(_describe_zone(value))


def load_zone(data: bytes) -> tzinfo:
    """Reverse `dump_zone`."""
    zone = _zone(read(data))
    if zone is None:
        raise ValueError("no time zone")
    return zone


def _clock(value: datetime | time) -> list[Any]:
    return [value.hour, value.minute, value.second, value.microsecond, value.fold]


def dump_datetime(value: datetime) -> bytes:
    """Write a moment in one of two forms. The first byte tells them apart.

    The long form is [is pendulum's, year, month, day, hour, minute, second, microsecond, fold, zone, UTC offset for
    pytz]. The short form has 12 bytes: year, month, day, hour, minute, second, microsecond, fold (+ 2 in UTC). Plain
    moments have the short form, because rows of a table hold many of them.
    """
    zone = value.tzinfo
    if type(value) is datetime and (zone is None or zone is timezone.utc):
        fold = value.fold if zone is None else value.fold + _IN_UTC
        return _PLAIN.pack(
            value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, fold
        )
    return _dump_any_datetime(value)


def _dump_any_datetime(value: datetime) -> bytes:
    zone = _describe_zone(value.tzinfo)
    fields = [_is_pendulum(value), value.year, value.month, value.day, *_clock(value), zone]
    if zone is not None and zone[0] == "pytz":
        # A pytz zone object stands for one of the offsets of its zone. Only UTC time finds the right one again.
        fields.append(int((value.utcoffset() or timedelta(0)).total_seconds()))
    return ormsgpack.packb(fields)


def load_datetime(data: bytes) -> datetime:
    """Reverse `dump_datetime`."""
    if data[0] < _FIRST_BYTE_OF_A_LIST:
        year, month, day, hour, minute, second, microsecond, fold = _PLAIN.unpack(data)
        zone = timezone.utc if fold & _IN_UTC else None
        return datetime(year, month, day, hour, minute, second, microsecond, zone, fold=fold & ~_IN_UTC)
    return _load_any_datetime(data)


def _load_any_datetime(data: bytes) -> datetime:
    by_pendulum, *fields, fold, zone = read(data)[:10]
    cls: Any = package("pendulum").DateTime if by_pendulum else datetime
    moment: datetime = cls(*fields, tzinfo=_zone(zone), fold=fold)
    if zone is not None and zone[0] == "pytz" and moment.tzinfo is not None:
        offset = timedelta(seconds=read(data)[10])
        return moment.tzinfo.fromutc(moment - offset)
    return moment


def dump_date(value: date) -> bytes:
    """Write [is pendulum's, year, month, day]."""
    return ormsgpack.packb([_is_pendulum(value), value.year, value.month, value.day])


def load_date(data: bytes) -> date:
    """Reverse `dump_date`."""
    by_pendulum, *fields = read(data)
    found: date = (package("pendulum").Date if by_pendulum else date)(*fields)
    return found


def dump_time(value: time) -> bytes:
    """Write [is pendulum's, hour, minute, second, microsecond, fold, zone]."""
    return ormsgpack.packb([_is_pendulum(value), *_clock(value), _describe_zone(value.tzinfo)])


def load_time(data: bytes) -> time:
    """Reverse `dump_time`."""
    by_pendulum, *fields, fold, zone = read(data)
    cls: Any = package("pendulum").Time if by_pendulum else time
    found: time = cls(*fields, tzinfo=_zone(zone), fold=fold)
    return found


def dump_timedelta(value: timedelta) -> bytes:
    """Write [days, seconds, microseconds]."""
    return ormsgpack.packb([value.days, value.seconds, value.microseconds])


def load_timedelta(data: bytes) -> timedelta:
    """Reverse `dump_timedelta`."""
    return timedelta(*read(data))


def pendulum_leaf(value: object) -> str | None:
    """Return the leaf that carries this pendulum object; None for one that Airflow's default backend cannot carry."""
    pendulum: Any = sys.modules.get("pendulum")
    if pendulum is None:
        return None
    zones = pendulum.tz.timezone
    names = {
        pendulum.DateTime: "datetime",
        pendulum.Date: "date",
        pendulum.Time: "time",
        zones.Timezone: "zone",
        zones.FixedTimezone: "zone",
    }
    return names.get(type(value))


def is_zone(value: object) -> bool:
    """Return whether this is a time zone that can be stored."""
    try:
        return isinstance(value, tzinfo) and _describe_zone(value) is not None
    except NotCarriedError:
        return False
