"""The sentence with which a reference begins."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from exclusive_redis_xcom.formats import about

PUSHED = datetime(2026, 11, 29, 11, 57, 31, tzinfo=timezone.utc)


def sentence(type_name: str = "list", **changes: Any) -> str:
    facts: dict[str, Any] = {
        "size": 13,
        "shape": (2,),
        "readers": "load",
        "pushed_at": PUSHED,
        "expires_at": PUSHED + timedelta(days=7),
        "place": "in Redis",
    }
    return about.sentence(type_name, **facts | changes)


def readers(*consumers: str, same_run: bool = False, once: bool = False) -> str:
    return about.describe_readers(consumers, same_run=same_run, once=once)


def test_it_says_what_for_whom_until_when_and_where() -> None:
    assert sentence(readers=readers("*")) == (
        "list of 2, 13 bytes, for all tasks of this DAG until 6 Dec 11:57 UTC; the value is in Redis, not here"
    )


@pytest.mark.parametrize(
    ("facts", "begins"),
    [
        ({"type_name": "str", "shape": None, "size": 1}, "str, 1 byte, for"),
        (
            {"type_name": "pandas.core.frame.DataFrame", "shape": (1000, 3), "size": 24_700},
            "DataFrame of 1000 x 3, 24.1",
        ),
        ({"type_name": "numpy.ndarray", "shape": (2, 3, 4, 5), "size": 960}, "ndarray of 4 dimensions, 960 bytes,"),
        ({"type_name": "numpy.ndarray", "shape": (), "size": 8}, "ndarray, 8 bytes,"),
        ({"type_name": "list", "shape": (0,), "size": 0}, "list of 0, 0 bytes,"),
        ({"type_name": "bytes", "shape": None, "size": 140_000_000}, "bytes, 133.5 MiB,"),
        ({"type_name": "bytes", "shape": None, "size": 2_146_435_072}, "bytes, 2.0 GiB,"),
        ({"type_name": f"m.{'C' * 300}", "shape": None}, f"{'C' * 40}..., 13 bytes,"),
        ({"type_name": "m.\u202eC", "shape": None}, "?C, 13 bytes,"),
    ],
)
def test_what_the_value_is(facts: dict[str, Any], begins: str) -> None:
    assert sentence(**facts).startswith(begins)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (readers(), "its own task alone"),
        (readers("*/*"), "all tasks of all DAGs"),
        (readers("load"), "load"),
        (readers("load", "reports/*"), "load and reports/*"),
        (readers("load", "b", "c", "d"), "load and 3 more"),
        (readers("load", same_run=True), "load in this run"),
        (readers("load", once=True), "load, to be read once,"),
        (readers("a", "*", same_run=True, once=True), "a and all tasks of this DAG in this run, to be read once,"),
        (readers("x" * 600), f"{'x' * 40}..."),
    ],
)
def test_for_whom(named: str, said: str) -> None:
    assert named == said
    assert f" bytes, for {said} until 6 Dec" in sentence(readers=named)


@pytest.mark.parametrize(
    ("ttl", "said"),
    [
        (timedelta(seconds=29), "until 29 Nov 11:58 UTC;"),
        (timedelta(hours=15), "until 30 Nov 02:57 UTC;"),
        (timedelta(days=33), "until 1 Jan 2027 11:57 UTC;"),
        (timedelta(days=3650), "until 26 Nov 2036 11:57 UTC;"),
    ],
)
def test_until_when(ttl: timedelta, said: str) -> None:
    assert said in sentence(expires_at=PUSHED + ttl)


def test_where_the_value_is() -> None:
    assert sentence(place="in object storage").endswith("; the value is in object storage, not here")


def test_rows_of_format_2_end_as_before() -> None:
    assert sentence(long=True).endswith("; the value is in Redis, this is only a reference to it")


def test_it_stays_short() -> None:
    assert len(sentence("m." + "C" * 999, shape=(2**40,) * 3, readers=readers("x" * 501, "y" * 501))) < 300


@pytest.mark.parametrize(
    ("consumers", "read"),
    [
        ((), ()),
        (("load",), ("load",)),
        (("*",), ("*",)),
        (("*/*",), ("*/*",)),
        (("load", "reports/*"), ("load", "reports/*")),
        (("load", "b", "c", "d"), ("load", "... and 3 more")),
        (("x" * 41, "load"), ("load", "... and 1 more")),
        (("x" * 41,), ("... and 1 more",)),
        (("x" * 41, "b", "c"), ("... and 3 more",)),
    ],
)
@pytest.mark.parametrize("same_run", [False, True])
@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("type_name", ["list", "m.a, 1 byte, for nobody until 1 Jan"])
def test_the_readers_are_read_for_people(
    consumers: tuple[str, ...], read: tuple[str, ...], same_run: bool, once: bool, type_name: str
) -> None:
    named = readers(*consumers, same_run=same_run, once=once)

    for ttl in (timedelta(days=7), timedelta(days=400)):
        for size in (0, 1, 2000, 3_000_000_000):
            said = sentence(type_name, readers=named, size=size, expires_at=PUSHED + ttl)
            assert about.readers_in(said) == read


@pytest.mark.parametrize(
    "text", ["", "anything", "list of 2, 13 bytes, for load; the value is in Redis", ", for a until b"]
)
def test_other_texts_name_no_readers(text: str) -> None:
    assert about.readers_in(text) == ()
