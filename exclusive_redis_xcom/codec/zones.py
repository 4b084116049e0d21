"""Time zones. Each is stored by its name, or as a fixed offset from UTC.

The name is stored where the time zone database has it, and where that zone has the offset of the moment. For every
other zone, the offset is stored. So every moment stays the same, whoever wrote the class of its zone. The name from a
payload is checked before `ZoneInfo` turns it into a path.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ormsgpack

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.msgpack_reader import read
from exclusive_redis_xcom.errors import XComNotImportable

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")
_LONGEST_NAME = 64
_MICROSECOND = timedelta(microseconds=1)


def is_pendulum(value: object) -> bool:
    """Return whether the class of an object is pendulum's."""
    return type(value).__module__.startswith("pendulum.")


def describe_zone(zone: tzinfo | None, moment: datetime | None = None) -> list[Any] | None:
    """Describe a time zone as it is stored: None or [how, ...].

    Args:
        zone: A time zone of any class.
        moment: The moment in that zone, if there is one. A `time` has none.

    Returns:
        None also stands for a zone that has no offset here. Python takes such a moment or time for a naive one.
    """
    if zone is None:
        return None
    if type(zone) is ZoneInfo and _known("zone", zone.key) is zone:
        return ["zone", zone.key]  # the usual case, without the steps below
    if type(zone) is timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
        return ["offset", offset // _MICROSECOND, *name]
    named = _named(zone)
    if named is not None and _is_as_named(zone, moment, *named):
        return named
    if is_pendulum(zone) and not isinstance(zone, ZoneInfo):
        return ["pendulum_offset", zone.offset, zone.name]  # type: ignore[attr-defined]
    fixed = fixed_zone(zone, moment)
    return None if fixed is None else ["offset", fixed.utcoffset(None) // _MICROSECOND]


def _named(zone: tzinfo) -> list[Any] | None:
    """Return [how, name] of a zone that has a name."""
    package_name = type(zone).__module__.partition(".")[0]
    how, name = "zone", None
    if isinstance(zone, ZoneInfo):
        how, name = "pendulum" if is_pendulum(zone) else "zone", zone.key
    elif package_name == "pytz":
        how, name = "pytz", getattr(zone, "zone", None)
    elif package_name == "dateutil":
        name = getattr(zone, "_filename", None)  # "Europe/Paris" or "/usr/share/zoneinfo/Europe/Paris"
        name = name.rpartition("zoneinfo/")[2] if isinstance(name, str) else None
    return [how, name] if isinstance(name, str) else None


def _is_as_named(zone: tzinfo, moment: datetime | None, how: str, name: str) -> bool:
    """Return whether the time zone database has the name, and gives this moment the same offset."""
    known = _known(how, name)
    if known is None:
        return False
    # What is stored for a zone of pytz has the offset of the moment with it.
    if known is zone or how == "pytz":
        return True
    offset = fixed_zone(zone, moment)
    return (offset is None and moment is None) or known.utcoffset(moment) == zone.utcoffset(moment)


@lru_cache(maxsize=64)
def _known(how: str, name: str) -> tzinfo | None:
    """Return the zone of a name in the time zone database; None if it has no such name."""
    try:
        return _named_zone(how, _checked_name(name))
    except (ValueError, XComNotImportable):
        return None


def fixed_zone(zone: tzinfo, moment: datetime | None = None) -> timezone | None:
    """Return the offset of a moment; without a moment, the offset that a zone always has, or None."""
    if moment is not None:
        offset = zone.utcoffset(moment)
    else:
        try:
            offset = zone.utcoffset(None)
        except Exception:  # the author's code, which may need a moment
            return None
    return None if offset is None else timezone(offset)


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise ValueError("not the name of a time zone")
    return name


def zone_of(described: list[Any] | None) -> tzinfo | None:
    """Reverse `describe_zone`."""
    if described is None:
        return None
    how, *rest = described
    if how == "offset":
        return timezone(rest[0] * _MICROSECOND, *rest[1:]) if rest != [0] else timezone.utc
    if how == "pendulum_offset":
        fixed: tzinfo = package("pendulum.tz.timezone").FixedTimezone(int(rest[0]), rest[1])
        return fixed
    return _named_zone(how, _checked_name(rest[0]))


def _named_zone(how: str, name: str) -> tzinfo:
    makers: dict[str, Callable[[], Any]] = {
        "zone": lambda: ZoneInfo,
        "pendulum": lambda: package("pendulum.tz.timezone").Timezone,
        "pytz": lambda: package("pytz").timezone,
    }
    make = makers[how]()
    try:
        zone: tzinfo = make(name)
    except (LookupError, OSError):  # OSError: the name of a directory, such as "America"
        raise XComNotImportable(
            "The value uses a time zone that this machine does not know.\n"
            "Its time zone database is older or smaller than that of the pushing task.\n"
            "Install the Python package 'tzdata' or the system's, as on the other machine."
        ) from None
    return zone


def dump_zone(value: tzinfo, moment: datetime | None = None) -> bytes:
    """Write a time zone on its own, or the one of a moment.

    Raises:
        NotCarriedError: The zone has no name, and no offset without a moment.
    """
    described = describe_zone(value, moment)
    if described is None:
        raise NotCarriedError
    return ormsgpack.packb(described)


def load_zone(data: bytes) -> tzinfo:
    """Reverse `dump_zone`."""
    zone = zone_of(read(data))
    if zone is None:
        raise ValueError("no time zone")
    return zone
