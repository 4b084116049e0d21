"""Each kind of value has a preview, and a new kind cannot be forgotten."""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from exclusive_redis_xcom.codec import codec as codec_module
from exclusive_redis_xcom.codec import encode, kinds
from exclusive_redis_xcom.codec.registry import BY_CODE
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.preview import classes, literals, parts, shapes
from exclusive_redis_xcom.preview.preview import CODECS
from tests.unit.codec.samples import Address, Color, Crate, OwnProtocol, Pair, Point
from tests.unit.preview.support import previewed, require_bounded

_SAMPLES = "tests.unit.codec.samples"

#: By code: a value with a part of the kind, and what is shown: a text, or columns and the first row.
EXAMPLES: dict[int, tuple[Any, Any]] = {
    10: ((1, "a"), "(1, 'a')"),
    11: ({1}, "{1}"),
    12: (frozenset({1}), "frozenset({1})"),
    13: ({1: "a", None: [True]}, "{1: 'a', None: [True]}"),
    14: (OrderedDict(a=1), "OrderedDict({'a': 1})"),
    15: (Counter("aab"), "Counter({'a': 2, 'b': 1})"),
    16: (deque([1, 2], maxlen=3), "deque([1, 2])"),
    17: (defaultdict(list, {"a": [1]}), "defaultdict({'a': [1]})"),
    18: ([1, 2.5], "[1, 2.5]"),
    19: ([(1, "a"), (2, "b"), (3, "c"), (4, "d")], "[(1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')]"),
    20: ([2**70], "[1180591620717411303424]"),
    21: (["\ud800"], "['\\ud800']"),
    22: ([bytearray(b"a\x00")], "[bytearray(b'a\\x00')]"),
    23: ([Decimal("1.50")], "[Decimal('1.50')]"),
    24: ([UUID(int=1)], "[UUID('00000000-0000-0000-0000-000000000001')]"),
    25: ([b"x" * 70_000], f"[\n  b'{'x' * 2000}'…(+68000 bytes),\n]"),
    26: ([PurePosixPath("/a")], "[PurePosixPath('/a')]"),
    27: ([ipaddress.ip_address("10.0.0.1")], "[IPv4Address('10.0.0.1')]"),
    28: ({int: 1}, "{<class int: not decoded here>: 1}"),
    30: (
        [datetime(2024, 2, 3, 4, 5, tzinfo=timezone.utc), datetime(2024, 2, 3, tzinfo=ZoneInfo("Europe/Paris"))],
        "[datetime(2024-02-03T04:05:00+00:00), datetime(2024-02-03T00:00:00 (Europe/Paris))]",
    ),
    31: ([date(2024, 2, 3)], "[date(2024-02-03)]"),
    32: ([time(4, 5, tzinfo=timezone(timedelta(hours=-1)))], "[time(04:05:00-01:00)]"),
    33: ([timedelta(days=1, seconds=2)], "[timedelta(1 day, 0:00:02)]"),
    34: ([ZoneInfo("Europe/Paris")], "[tzinfo(Europe/Paris)]"),
    40: ([Color.RED], f"[<{_SAMPLES}.Color: not decoded here> 'RED']"),
    41: ([Pair(1, [2])], f"[<{_SAMPLES}.Pair: not decoded here> (1, [2])]"),
    42: ([Point(1, (2,))], f"[<{_SAMPLES}.Point: not decoded here> {{'x': 1, 'y': (2,)}}]"),
    43: (
        [Crate("x")],
        f"[\n  <{_SAMPLES}.Crate: not decoded here> {{'label': 'x', 'inside': None}} {{'weight': 1}},\n]",
    ),
    44: ([Address(street="s")], f"[<{_SAMPLES}.Address: not decoded here> {{'street': 's', 'path': None}}]"),
    45: ([OwnProtocol(1)], f"[<{_SAMPLES}.OwnProtocol: not decoded here> {{'content': 1}}]"),
    50: ([np.float32(0.1), np.int8(-3)], "[numpy.float32(0.1), numpy.int8(-3)]"),
    51: (np.array([[1, 2]], "i2"), (["0:int16", "1:int16"], ["1", "2"])),
    52: (np.array(["a", None, {"b": 1}], dtype=object), (["value:object"], ["a"])),
    53: (np.array([1.5], dtype=np.dtype("f8", metadata={"unit": "m"})), (["value:float64"], ["1.5"])),
    60: (pd.Series(pd.Categorical(["u"])), ([":int64", "value:category"], ["0", "u"])),
    61: (pd.Index([5, 6], name="i"), (["i:int64"], ["5"])),
    62: (pd.Series([1.5], name="n"), ([":int64", "n:float64"], ["0", "1.5"])),
    63: (pd.DataFrame({"a": [1], "b": [b"x"]}), ([":int64", "a:int64", "b:object"], ["0", "1", "b'x'"])),
    64: (
        [pd.Timestamp("2024-02-03 10:00", tz="Europe/Paris")],
        "[Timestamp(2024-02-03T09:00:00+00:00 (Europe/Paris))]",
    ),
    65: ([pd.Timedelta("1D")], "[Timedelta(1 day, 0:00:00)]"),
    66: ([pd.NaT, pd.NA], "[NaT, <NA>]"),
    70: (pa.table({"a": ["x", None]}), (["a:string"], ["x"])),
    71: (pa.record_batch({"a": [1]}), (["a:int64"], ["1"])),
    72: (pa.chunked_array([[1], [2]]), ([":int64"], ["1"])),
    73: (pa.array([b"\x00"]), ([":binary"], ["b'\\x00'"])),
    74: (pl.DataFrame({"a": [1]}), (["a:int64"], ["1"])),
    75: (pl.Series("n", [1.5]), (["n:double"], ["1.5"])),
}
#: An object that Airflow has a serializer for has the form of 45. Objects of plugs are in `test_hostile.py`.
_IN_OTHER_TESTS = {46, 47}


def test_each_kind_and_each_codec_has_a_preview() -> None:
    trees = {code for code, kind in BY_CODE.items() if isinstance(kind, kinds.Tree)}

    assert trees == parts.TREES
    assert set(BY_CODE) == literals.LEAVES | literals.CONTAINERS | classes.TREES | shapes.CODES
    assert set(CODECS) == set(codec_module._READERS)
    assert EXAMPLES.keys() | _IN_OTHER_TESTS == BY_CODE.keys()


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_a_value_of_each_kind_is_shown(code: int) -> None:
    value, expected = EXAMPLES[code]
    encoded = encode(value, compression="off", max_bytes=10**6)
    part = parts.read(joined(encoded.payload), encoded.codec)
    assert code in {code for code, _ in _codes(part)}

    shown = previewed(value)

    require_bounded(shown)
    if isinstance(expected, str):
        assert (shown.kind, shown.text) == ("data", expected)
    else:
        columns, first_row = expected
        assert shown.kind in ("table", "array")
        assert [f"{column.name}:{column.dtype}" for column in shown.columns] == columns
        assert list(shown.rows[0]) == first_row


def _codes(part: parts.Part) -> Iterator[tuple[int, parts.Part]]:
    if isinstance(part, parts.Plain):
        return
    yield part.code, part
    if isinstance(part, parts.Tree):
        for child in part.children():
            yield from _codes(child)


@pytest.mark.parametrize(
    ("value", "kind", "type_name", "summary", "text", "truncated"),
    [
        ("one\ntwo\x1b[31m", "text", "str", "12 characters", "one\ntwo\\x1b[31m", False),
        ("x" * 30_000, "text", "str", "30000 characters", "x" * 20_000, True),
        ("\ud800", "text", "str", "1 character", "\\ud800", False),
        (b"\x00\xff", "bytes", "bytes", "2 bytes", "00 ff", False),
        (bytearray(b"a" * 33), "bytes", "bytearray", "33 bytes", " ".join(["61"] * 32) + "\n61", False),
        (None, "data", "NoneType", "", "None", False),
        (set(), "data", "set", "0 items", "set()", False),
        ((1,), "data", "tuple", "1 item", "(1,)", False),
        (2**5000, "data", "int", "", "<int of 5008 bits>", True),
        ({"w": np.arange(12.0)}, "data", "dict", "1 item", None, True),
    ],
)
def test_values_that_are_one_text(
    value: Any, kind: str, type_name: str, summary: str, text: str | None, truncated: bool
) -> None:
    shown = previewed(value)

    require_bounded(shown)
    assert (shown.kind, shown.type_name, shown.summary, shown.truncated) == (kind, type_name, summary, truncated)
    if text is None:
        text = "{'w': array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, … 2 more], float64)}"
    assert shown.text == text


def test_a_table_has_fifty_rows_and_says_how_many_there_are() -> None:
    shown = previewed(pd.DataFrame({"n": range(2000), "text": [f"t{n}" for n in range(2000)]}))

    assert (shown.kind, shown.type_name, shown.summary) == ("table", "pandas.DataFrame", "2000 rows x 2 columns")
    assert (len(shown.rows), shown.rows[49], shown.truncated) == (50, ("49", "49", "t49"), True)
    wide = previewed(pd.DataFrame(np.zeros((2, 80))))
    assert (wide.summary, len(wide.columns), wide.truncated) == ("2 rows x 80 columns", 51, True)


def test_columns_of_every_dtype_of_pandas() -> None:
    frame = pd.DataFrame(
        {
            "masked": pd.array([1, None], "Int64"),
            "text": pd.array(["None", None], pd.StringDtype("python")),
            "zoned": pd.date_range("2024", periods=2, tz="Europe/Paris", unit="ns"),
            "period": pd.period_range("2024", periods=2, freq="M"),
            "interval": pd.interval_range(0, 2),
            "arrow": pd.array([[1, 2], None], pd.ArrowDtype(pa.list_(pa.int8()))),
            "category": pd.Categorical(["b", None], categories=[f"c{n}" for n in range(60)] + ["b"]),
        },
        index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["i", None]),
    )

    shown = previewed(frame)

    assert shown.rows == (
        ("1", "x", "1", "None", "2023-12-31T23:00:00+00:00", "period 648", "(0, 1]", "[1, 2]", "b"),
        ("2", "y", "<NA>", "<NA>", "2024-01-01T23:00:00+00:00", "period 649", "(1, 2]", "null", "NaN"),
    )
    assert [column.dtype for column in shown.columns[4:7]] == [
        "datetime64[ns, Europe/Paris]",
        "period[M]",
        "interval[int64, right]",
    ]


def test_cells_of_arrow() -> None:
    table = pa.table(
        {
            "moment": pa.array([1], pa.timestamp("ns", "Europe/Paris")),
            "day": pa.array([1], pa.date32()),
            "clock": pa.array([3_600_000_001], pa.time64("us")),
            "long": pa.array([86_400], pa.duration("s")),
            "struct": [{"a": 1, "b": "x"}],
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())),
            "dictionary": pa.array(["q"]).dictionary_encode(),
            "decimal": [Decimal("1.20")],
        }
    )

    (row,) = previewed(table).rows

    assert row == (
        "1970-01-01T00:00:00.000000001+00:00",
        "1970-01-02",
        "01:00:00.000001",
        "1 day, 0:00:00",
        "{'a': 1, 'b': 'x'}",
        "{'k': 1}",
        "q",
        "1.20",
    )


@pytest.mark.parametrize(
    ("array", "columns", "row"),
    [
        (np.array(5), ["value:int64"], ["5"]),
        (np.zeros(2, [("a", "i4"), ("b", "U2"), ("c", "f4", (2,))]), None, ["0", "", "[0.0, 0.0]"]),
        (np.asfortranarray([[1, 2], [3, 4]]), ["0:int64", "1:int64"], ["1", "2"]),
        (np.zeros((1, 2, 2), "u1"), ["value:uint8 2 x 2"], ["0, 0, 0, 0, …"]),
        (np.array(["2024-02-03", "NaT"], "M8[D]"), ["value:datetime64[D]"], ["2024-02-03"]),
        (np.array([90], "m8[s]"), ["value:timedelta64[s]"], ["0:01:30"]),
        (np.array([b"a\x00b"]), ["value:S3"], ["b'a\\x00b'"]),
        (np.array(["a\x1b"]), ["value:U2"], ["a\\x1b"]),
        (np.array([True]), ["value:bool"], ["True"]),
        (np.array([1 + 2j]), ["value:complex128"], ["(1.0, 2.0j)"]),
        (np.array([0.1], "f2"), ["value:float16"], ["0.1"]),
        (np.array([0.1], ">f4"), ["value:float32"], ["0.1"]),
        (np.array([[None, "a"], [1, 2]], dtype=object), ["0:object", "1:object"], ["None", "a"]),
    ],
)
def test_arrays_of_numpy(array: Any, columns: list[str] | None, row: list[str]) -> None:
    shown = previewed(array)

    require_bounded(shown)
    assert (shown.kind, list(shown.rows[0])) == ("array", row)
    if columns is not None:
        assert [f"{column.name}:{column.dtype}" for column in shown.columns] == columns
