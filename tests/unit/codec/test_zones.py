"""A moment is never refused for its time zone, and always comes back as the same moment with the same wall clock."""

from __future__ import annotations

import io
import struct
import time as clock
from collections.abc import Iterator
from datetime import datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pendulum
import pytest
import pytz
from dateutil import tz

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import XComNotSerializable
from tests.unit.codec.support import LIMIT, round_trip

HOUR = timedelta(hours=1)
PARIS = ZoneInfo("Europe/Paris")


class Fixed(tzinfo):
    """As the fixed offsets of bson, isodate and psycopg2."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return HOUR

    def dst(self, moment: datetime | None) -> None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "+01"


def named(value: Any) -> str:
    """Name a case alike in every process: our own zones' `repr` has an address."""
    return type(value).__name__ if type(value).__module__ == __name__ else repr(value)


class Varying(tzinfo):
    """As isodate's LOCAL: it needs a moment to tell its offset."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else HOUR * (2 if 4 <= moment.month <= 9 else 1)

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else self.utcoffset(moment) - HOUR  # type: ignore[operator]


class Careless(Varying):
    """Its author did not think of None."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return HOUR * moment.month  # type: ignore[union-attr]


class Nowhere(tzinfo):
    """Python takes its moments for naive ones."""

    def utcoffset(self, moment: datetime | None) -> None:
        return None


class ParisTwice(ZoneInfo):
    """A class of the author's own."""


def from_a_file(key: str | None = None) -> ZoneInfo:
    """An hour east of UTC, from a file that no other machine has."""
    counts = struct.pack(">4s1s15s6I", b"TZif", b"1", b"", 0, 0, 0, 0, 1, 4)
    return ZoneInfo.from_file(io.BytesIO(counts + struct.pack(">iBB", 3600, 0, 0) + b"XXX\0"), key=key)


@pytest.fixture(params=["UTC", "Europe/Paris", "Asia/Kathmandu"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The machine's own time zone."""
    monkeypatch.setenv("TZ", request.param)
    clock.tzset()
    yield request.param
    monkeypatch.undo()
    clock.tzset()


ZONES = {
    "dateutil UTC": tz.UTC,
    "dateutil offset": tz.tzoffset("BRST", -10800),
    "dateutil name": tz.gettz("America/New_York"),
    "dateutil range": tz.tzrange("EST", -18000, "EDT"),
    "dateutil POSIX": tz.gettz("EST5EDT4,M3.2.0,M11.1.0"),
    "pytz fixed": pytz.FixedOffset(330),
    "pytz UTC": pytz.UTC,
    "pytz name": pytz.timezone("Etc/GMT-3"),
    "pendulum name": pendulum.timezone("Asia/Tokyo"),
    "pendulum fixed": pendulum.FixedTimezone(3600),
    "fixed": Fixed(),
    "varying": Varying(),
    "careless": Careless(),
    "ZoneInfo's subclass": ParisTwice("Europe/Paris"),
    "ZoneInfo without a name": from_a_file(),
    "ZoneInfo with its own name": from_a_file("My/Zone"),
    "ZoneInfo with a stolen name": from_a_file("Asia/Tokyo"),
}
WALLS = [
    datetime(2024, 1, 15, 12, 30, 1, 7),
    datetime(2024, 7, 15, 12, 30),
    datetime(2024, 3, 10, 2, 30),  # skipped in New York
    datetime(2024, 11, 3, 1, 30),  # twice in New York
    datetime(2024, 11, 3, 1, 30, fold=1),
    datetime(2050, 7, 15),  # old tables end in 2037
    datetime(1, 1, 2),
    datetime(9999, 12, 30),
]


def assert_same_moment(found: datetime, pushed: datetime) -> None:
    assert type(found) is type(pushed)
    assert found.replace(tzinfo=None) == pushed.replace(tzinfo=None)
    assert found.utcoffset() == pushed.utcoffset()


@pytest.mark.parametrize("wall", WALLS, ids=str)
@pytest.mark.parametrize("name", ZONES)
def test_a_moment_in_any_zone_comes_back(name, wall):
    moment = wall.replace(tzinfo=ZONES[name])

    found = round_trip({"a": [moment], "rows": [(1, moment)] * 5, moment: 1})

    assert_same_moment(found["a"][0], moment)
    assert_same_moment(found["rows"][4][1], moment)
    assert_same_moment(next(key for key in found if not isinstance(key, str)), moment)
    assert_same_moment(round_trip(moment), moment)


@pytest.mark.parametrize("wall", WALLS, ids=str)
def test_a_moment_of_the_machines_zone_comes_back(machine, wall):
    moment = wall.replace(tzinfo=tz.tzlocal())

    assert_same_moment(round_trip(moment), moment)


def test_answers_of_boto3_come_back():
    found = round_trip({"Buckets": [{"CreationDate": datetime(2024, 1, 15, tzinfo=tz.tzlocal())}]})

    assert found["Buckets"][0]["CreationDate"] == datetime(2024, 1, 15, tzinfo=tz.tzlocal())


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (tz.gettz("Europe/Paris"), PARIS),
        (ParisTwice("Europe/Paris"), PARIS),
        (tz.UTC, timezone.utc),
        (tz.tzoffset(None, 3600), timezone(HOUR)),
        (pytz.FixedOffset(60), timezone(HOUR)),
        (Fixed(), timezone(HOUR)),
        (Varying(), timezone(HOUR)),
        (from_a_file("Asia/Tokyo"), timezone(HOUR)),
    ],
    ids=named,
)
def test_a_zone_of_another_class_comes_back_by_its_name_or_as_a_fixed_offset(zone, expected):
    assert round_trip(datetime(2024, 1, 15, tzinfo=zone)).tzinfo == expected


def test_a_moment_without_an_offset_comes_back_naive():
    assert round_trip(datetime(2024, 1, 15, tzinfo=Nowhere())) == datetime(2024, 1, 15)


@pytest.mark.parametrize("name", ZONES)
def test_a_time_in_any_zone_comes_back(name):
    value = time(12, 30, tzinfo=ZONES[name])
    found = round_trip([value])[0]

    assert found.replace(tzinfo=None) == value.replace(tzinfo=None)
    try:
        offset = value.utcoffset()
    except AttributeError:  # of the careless author
        offset = None
    assert found.utcoffset() == offset


@pytest.mark.parametrize("name", [name for name in ZONES if name not in ("varying", "careless", "dateutil range")])
def test_a_zone_on_its_own_comes_back(name):
    zone = ZONES[name]
    try:
        expected = zone.utcoffset(None)
    except AttributeError:
        expected = None

    if expected is None and "name" not in name and "subclass" not in name:
        with pytest.raises(XComNotSerializable):
            encode(zone, max_bytes=LIMIT)
    else:
        assert round_trip({"zone": zone})["zone"].utcoffset(None) == expected


@pytest.mark.parametrize(
    "zone",
    [Varying(), Careless(), Nowhere(), tz.tzrange("EST", -18000, "EDT")],
    ids=named,
)
def test_a_zone_without_name_and_offset_is_refused_on_its_own(zone):
    with pytest.raises(XComNotSerializable):
        encode(zone, max_bytes=LIMIT)


@pytest.mark.parametrize("name", ZONES)
def test_a_timestamp_in_any_zone_comes_back(name):
    moment = pd.Timestamp(datetime(2024, 7, 15, 12, 30, tzinfo=ZONES[name]))
    found = round_trip([moment])[0]

    assert found == moment
    assert found.unit == moment.unit
    # pandas itself has no offset for some zones of dateutil.
    assert found.utcoffset() == moment.to_pydatetime().utcoffset()


def test_a_timestamp_in_a_year_that_python_does_not_have_comes_back():
    moment = pd.Timestamp(np.datetime64("20000-01-01", "s")).tz_localize("UTC")

    assert round_trip(moment) == moment


FIXED = ["dateutil UTC", "dateutil offset", "dateutil name", "pytz fixed", "fixed"]


@pytest.mark.parametrize("name", FIXED)
def test_columns_and_indexes_in_any_zone_come_back(name):
    index = pd.date_range("2024-03-08", periods=5, freq="D", tz=ZONES[name])
    frame = pd.DataFrame({"at": index}, index=index)
    found = round_trip({"frame": frame})["frame"]

    for back in (found["at"].array, found.index.array):
        assert (back.asi8 == index.asi8).all()
        assert (back.tz_localize(None) == index.tz_localize(None)).all()
    assert found.index.freq == index.freq


def test_a_column_of_the_machines_zone_comes_back(machine):
    index = pd.date_range("2024-01-01", periods=3, freq="D", tz=tz.tzlocal())
    found = round_trip(pd.Series(index, index=index))

    assert (found.array.asi8 == index.asi8).all()
    assert (found.index.tz_localize(None) == index.tz_localize(None)).all()


def test_a_column_in_two_offsets_of_the_machines_zone_comes_back_in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Paris")
    clock.tzset()
    try:
        index = pd.date_range("2024-03-30", periods=3, freq="D", tz=tz.tzlocal()).insert(0, pd.NaT)
        daily = index[1:]._with_freq("infer")
        found, found_daily = round_trip(index), round_trip(daily)
    finally:
        monkeypatch.undo()
        clock.tzset()

    assert str(found.tz) == "UTC"
    assert (found.asi8 == index.asi8).all()
    assert (found_daily.asi8 == daily.asi8).all()
    assert found_daily.freq is None


def test_a_failure_of_the_authors_zone_is_refused_without_its_text():
    class Broken(tzinfo):
        def utcoffset(self, moment: datetime | None) -> timedelta:
            raise RuntimeError("canary")

    with pytest.raises(XComNotSerializable) as caught:
        encode([datetime(2024, 1, 1, tzinfo=Broken())], max_bytes=LIMIT)

    assert "canary" not in str(caught.value)
