"""Dates, times and time zones, of the standard library and of pendulum.

A moment is stored as its fields, not as a timestamp. So microseconds, fold and the times that a change of clocks skips
all come back. `zones.py` says how a time zone is stored.
"""

from __future__ import annotations

import struct
import sys
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import ormsgpack

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.msgpack_reader import read
from exclusive_redis_xcom.codec.zones import describe_zone, is_pendulum, zone_of

_PLAIN = struct.Struct(">HBBBBBIB")
_IN_UTC = 2  # added to fold in UTC
_FIRST_BYTE_OF_A_LIST = 0x90  # in msgpack; the first byte of a year is 0x27 at most


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
    zone = describe_zone(value.tzinfo, value)
    fields = [is_pendulum(value), value.year, value.month, value.day, *_clock(value), zone]
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
    moment: datetime = cls(*fields, tzinfo=zone_of(zone), fold=fold)
    if zone is not None and zone[0] == "pytz" and moment.tzinfo is not None:
        offset = timedelta(seconds=read(data)[10])
        return moment.tzinfo.fromutc(moment - offset)
    return moment


def dump_date(value: date) -> bytes:
    """Write [is pendulum's, year, month, day]."""
    return ormsgpack.packb([is_pendulum(value), value.year, value.month, value.day])


def load_date(data: bytes) -> date:
    """Reverse `dump_date`."""
    by_pendulum, *fields = read(data)
    found: date = (package("pendulum").Date if by_pendulum else date)(*fields)
    return found


def dump_time(value: time) -> bytes:
    """Write [is pendulum's, hour, minute, second, microsecond, fold, zone]."""
    return ormsgpack.packb([is_pendulum(value), *_clock(value), describe_zone(value.tzinfo)])


def load_time(data: bytes) -> time:
    """Reverse `dump_time`."""
    by_pendulum, *fields, fold, zone = read(data)
    cls: Any = package("pendulum").Time if by_pendulum else time
    found: time = cls(*fields, tzinfo=zone_of(zone), fold=fold)
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
