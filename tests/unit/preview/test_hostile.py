"""Whoever can write to Redis can write any bytes: they give a bounded preview, import nothing, and raise nothing."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import ormsgpack
import pandas as pd
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.codec.registry import BY_CODE
from exclusive_redis_xcom.codec.slabs import Outgoing
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.preview import MOST_BYTES, preview
from exclusive_redis_xcom.preview.preview import _DAMAGED, CODECS, TOO_LARGE
from tests.unit.codec.samples import Bits, Color, Crate, Pair, Point
from tests.unit.preview.support import previewed, raw, require_bounded

ROOT = Path(__file__).parents[3]
CODES = sorted(BY_CODE)
#: Seconds. The largest payloads take one or two on a busy machine.
LONGEST = 10

REAL = [
    {"a": [1, (2, {3}), Decimal("1.5"), UUID(int=1), datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Paris"))]},
    {1: [2**70, "\ud800", bytearray(b"x"), frozenset({(1, 2)})], (1,): None},
    np.zeros(3, dtype=[("a", "i4"), ("b", "U2")]),
    np.array([1, "x", None], dtype=object),
    pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])}, index=pd.Index([5, 6], name="i")),
    pd.Series(pd.date_range("2024", periods=2, tz="Europe/Paris")),
    pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
    [Point(1, Pair(1, 2)), Color.RED, Bits.A, Crate("x")],
    [np.arange(10_000), b"x" * 70_000, {1: [(1, "a")] * 9}],
    pd.Series([{"a": [1]}, None], dtype=pd.ArrowDtype(pa.struct({"a": pa.list_(pa.int8())}))),
    [pa.table({"a": [1, 2], "b": ["x", None]}), pa.array(["x"]).dictionary_encode()],
    pa.table({"a": [1, 2], "b": ["x", None], "t": pa.array([0, 1], pa.timestamp("ns", "Europe/Paris"))}),
]
ENCODED = [encode(value, compression="off", max_bytes=10**7) for value in REAL]


def ext(code: int, content: object) -> bytes:
    data = content if isinstance(content, bytes) else ormsgpack.packb(content, option=ormsgpack.OPT_NON_STR_KEYS)
    return ormsgpack.packb(ormsgpack.Ext(code, data))


def nested(code: int, content: object) -> ormsgpack.Ext:
    return ormsgpack.Ext(code, ormsgpack.packb(content))


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return ormsgpack.packb(sink.getvalue().to_pybytes())


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(range(len(ENCODED))),
    st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=6),
    st.integers(0),
)
def test_changed_and_cut_bytes_give_a_bounded_preview(number: int, changes: list[tuple[int, int]], cut: int) -> None:
    encoded = ENCODED[number]
    payload = bytearray(joined(encoded.payload))
    for position, byte in changes:
        payload[position % len(payload)] = byte
    if cut % 4 == 0:
        del payload[cut % len(payload) :]
    start = time.process_time()

    shown = raw(bytes(payload), encoded.codec)

    require_bounded(shown)
    assert time.process_time() - start < LONGEST


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(CODES),
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=6) | st.binary(max_size=12),
        lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=12,
    )
    | st.binary(max_size=20),
)
def test_any_content_of_any_kind_gives_a_bounded_preview(code: int, content: object) -> None:
    require_bounded(raw(ext(code, content)))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*sorted(CODECS), "pickle", ""]), st.binary(max_size=60), st.sampled_from(["off", "zstd", "?"]))
def test_any_bytes_give_a_bounded_preview(codec: str, payload: bytes, compression: str) -> None:
    require_bounded(preview(codec, compression, len(payload), payload))


_FEW_BYTES = {
    "a list of 2**32 items": b"\xdd\xff\xff\xff\xff" + b"\xc0" * 100,
    "a map of 2**32 items": b"\xdf\xff\xff\xff\xff" + b"\xc0" * 100,
    "a text of 4 GiB": b"\xdb\xff\xff\xff\xff",
    "half a mebibyte of nested lists": b"\x91" * 500_000 + b"\xc0",
    "a mebibyte of None": b"\xdd" + (10**6).to_bytes(4, "big") + b"\xc0" * 10**6,
    "a mebibyte of empty dicts": b"\xdd" + (10**6).to_bytes(4, "big") + b"\x80" * 10**6,
    "pairs of a long list and a number, nested": b"\x92" * 20
    + b"\xdd"
    + (10**6).to_bytes(4, "big")
    + b"\xc0" * 1000020,
    "an integer of a mebibyte": b"\xc9" + (10**6).to_bytes(4, "big") + b"\x14" + b"\x7f" * 10**6,
    "a decimal of a mebibyte": b"\xc9" + (10**6).to_bytes(4, "big") + b"\x17" + b"9" * 10**6,
    "a wrong decimal": ext(23, b"1e5; import os"),
    "an endless range": ext(61, ["range", 0, 2**62, 1, None]),
    "a range without a step": ext(61, ["range", 0, 5, 0, None]),
    "a frame as long as a range": ext(
        63, [nested(61, ["range", 0, 2**62, 1, None]), nested(61, ["range", 0, 0, 1, None]), [], {}]
    ),
    "columns as many as a range": ext(
        63, [nested(61, ["range", 0, 1, 1, None]), nested(61, ["range", 0, 2**62, 1, None]), [], {}]
    ),
    "an array of 2**62 items": ext(51, ["<i8", [2**62], False, b""]),
    "an array of no items in 2**62 rows": ext(51, ["<i8", [2**62, 0], False, b""]),
    "a dtype of a gibibyte": ext(51, ["|V1073741824", [1], False, b""]),
    "a dtype of nested arrays": ext(51, [[[["<i8", [2**31]], [2**31]], [2**31]], [1], False, b""]),
    "a dtype that is code": ext(51, ["O", [1], False, bytes(8)]),
    "a field beyond the item": ext(
        51,
        [
            {"names": ["a"], "formats": ["<i8"], "offsets": [2**31], "itemsize": 8, "aligned": False},
            [1],
            False,
            bytes(8),
        ],
    ),
    "rows as wide as a number": ext(19, [2**62, 1, 2]),
    "a slab that is none": ext(25, 0),
    "no bytes": b"",
}


@pytest.mark.parametrize("name", _FEW_BYTES)
def test_few_bytes_that_stand_for_much_end_soon(name: str) -> None:
    start = time.process_time()

    shown = raw(_FEW_BYTES[name])

    require_bounded(shown)
    assert time.process_time() - start < LONGEST


def test_a_program_of_the_flat_form_is_bounded() -> None:
    step = ormsgpack.packb(ormsgpack.Ext(1, b"\x0a\x00\x00\x00\x01"))
    deep = b"\xdd" + (100_001).to_bytes(4, "big") + b"\xc0" + step * 100_000
    many = b"\xdd" + (10**6).to_bytes(4, "big") + b"\xc0" * 10**6

    assert raw(deep, "flat").reason == _DAMAGED
    assert raw(many, "flat").reason == "The value has too many parts to be shown."
    assert raw(b"\x91" + ormsgpack.packb(ormsgpack.Ext(1, b"\x0a\xff\xff\xff\xff")), "flat").reason == _DAMAGED


def test_late_categories_of_the_flat_form_are_found_soon() -> None:
    many = 190_000
    codes = nested(51, ["<i4", [50], False, np.full(50, many - 1, "<i4").tobytes()])
    steps = {
        code: [ormsgpack.Ext(1, bytes([code]) + count.to_bytes(4, "big"))]
        for code, count in ((18, 1), (52, many + 2), (60, 4))
    }
    program = ["categorical", codes, many, *steps[18], None, *[1] * many, *steps[52], False, *steps[60]]
    payload = ormsgpack.packb(program)
    start = time.process_time()

    shown = raw(payload, "flat")

    assert shown.rows == (("1",),) * 50
    assert time.process_time() - start < LONGEST / 4


def test_arrow_columns_that_stand_for_much_end_soon() -> None:
    start = time.process_time()
    nulls = pa.table({"a": pa.nulls(10**9)})
    lists = pa.table({"a": pa.FixedSizeListArray.from_arrays(pa.nulls(10**9), 10**9)})
    wide = pa.table({f"c{number}": pa.nulls(1) for number in range(3000)})

    found = [raw(ext(70, stream(table))) for table in (nulls, lists, wide)]

    for shown in found:
        require_bounded(shown)
    assert found[0].summary == "1000000000 rows x 1 column"
    assert found[1].rows == (("[null, null, null, null, null, null, null, null, null, null, …]",),)
    assert (found[2].summary, len(found[2].columns), found[2].truncated) == ("1 row x 3000 columns", 50, True)
    assert time.process_time() - start < LONGEST


def test_nested_items_that_stand_for_much_end_soon() -> None:
    start = time.process_time()
    items = pa.nulls(50 * 10**4)
    for _ in range(4):
        items = pa.FixedSizeListArray.from_arrays(items, 10)
    described: object = "|i1"
    for _ in range(5):
        described = [described, [10]]
    fields = {"names": [str(at) for at in range(50)], "formats": [described] * 50, "offsets": [0] * 50}
    structure = {**fields, "itemsize": 10**5, "aligned": False}

    lists = raw(ext(70, stream(pa.table({f"c{number}": items for number in range(50)}))))
    numbers = raw(ext(51, [structure, [2], False, bytes(2 * 10**5)]))

    for shown in (lists, numbers):
        require_bounded(shown)
        assert all(len(cell) == 200 for row in shown.rows for cell in row)
    assert time.process_time() - start < LONGEST / 2


@pytest.mark.parametrize(
    ("leaf", "slab"),
    [
        (ormsgpack.Ext(70, b"\0"), stream(pa.table({f"c{number}": pa.nulls(1) for number in range(1500)}))[5:]),
        (nested(50, ["str", 0]), "é".encode() * 200_000),
        (nested(51, ["|i1", [400_000], False, 0]), bytes(400_000)),
        (ormsgpack.Ext(25, b"\0"), bytes(400_000)),
    ],
    ids=["streams", "texts", "arrays", "bytes"],
)
def test_a_slab_that_many_parts_name_is_not_read_for_each_of_them(leaf: ormsgpack.Ext, slab: bytes) -> None:
    slabs = Outgoing()
    slabs.put(slab)
    message = ext(52, [[50, 50], None, *([leaf] * 15 for _ in range(2500))])
    payload = b"".join(slabs.payload(0, message))
    assert len(payload) < MOST_BYTES
    start = time.process_time()

    shown = raw(payload, "slabs")

    assert shown.reason == "The value has too many parts to be shown."
    assert time.process_time() - start < LONGEST / 2


def test_views_that_overlap_are_damage() -> None:
    _, views, text = pa.array(["a text of more than twelve bytes " * 9], pa.string_view()).buffers()
    twice = pa.py_buffer(views.to_pybytes()[:16] * 2)
    overlapping = pa.Array.from_buffers(pa.string_view(), 2, [None, twice, text])

    assert raw(ext(70, stream(pa.table({"a": overlapping})))).reason == _DAMAGED


def test_a_time_zone_of_arrow_is_a_name_and_nothing_more() -> None:
    table = pa.table({"t": pa.array([0], pa.timestamp("s", "../../etc/passwd"))})

    shown = raw(ext(70, stream(table)))

    assert shown.columns[0].dtype == "timestamp[s, tz=../../etc/passwd]"
    assert shown.rows == (("1970-01-01T00:00:00+00:00",),)


def test_compressed_bytes_that_expand_are_not_expanded() -> None:
    bomb = zstandard.compress(bytes(512 * MOST_BYTES))

    assert preview("bytes", "zstd", 512 * MOST_BYTES, bomb).reason == TOO_LARGE
    assert preview("bytes", "zstd", 100, bomb).reason == _DAMAGED
    assert preview("bytes", "off", 100, bytes(101)).reason == _DAMAGED
    assert preview("bytes", "off", -1, b"").reason == _DAMAGED
    assert preview("bytes", "off", 1, bytes(3 * MOST_BYTES)).reason == TOO_LARGE
    assert previewed("x" * MOST_BYTES).kind == "text"
    assert previewed("x" * (MOST_BYTES + 1)).reason == TOO_LARGE


def test_names_of_classes_cannot_move_a_cursor_or_begin_markup() -> None:
    shown = raw(ext(42, ["a.B\x1b[2J\u202e", 1, {"x\x1b": "\x07"}, {}]))

    assert shown.text == r"<a.B?[2J?: not decoded here> {'x\x1b': '\x07'}"
    assert shown.type_name == "a.B?[2J?"


@pytest.mark.parametrize("code", [40, 41, 42, 43, 44, 45, 46, 47])
def test_objects_show_their_plain_parts(code: int) -> None:
    content = {
        40: ["m.C", "RED", [1]],
        41: ["m.C", 1, 2],
        44: ["m.C", {"a": 1}, ["a"], {}],
        45: ["m.C", 1, {"a": 1}],
        46: ["m.C", 1, {"a": 1}],
        47: ["scipy.csr", 1, {"a": 1}],
    }.get(code, ["m.C", 1, {"a": 1}, {}])

    name = "plug scipy.csr" if code == 47 else "m.C"
    parts = {40: "'RED'", 41: "(1, 2)"}.get(code, "{'a': 1}")
    assert raw(ext(code, content)).text == f"<{name}: not decoded here> {parts}"


def test_nothing_that_the_bytes_name_is_imported(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    script = textwrap.dedent(
        """
        import importlib.abc, sys
        import ormsgpack, pyarrow, pyarrow.ipc, pyarrow.compute, zstandard, zoneinfo
        from exclusive_redis_xcom.preview import preview

        def ext(code, content):
            data = content if isinstance(content, bytes) else ormsgpack.packb(content)
            return ormsgpack.packb(ormsgpack.Ext(code, data))

        names = ["evil", "evil.Class", "evil:Class", "os.system", "../evil", "Europe/Paris"]
        payloads = [ext(code, [name, 1, {"a": 1}, {}]) for code in (41, 42, 43, 44, 45, 46, 47) for name in names]
        payloads += [ext(40, [name, "RED", None]) for name in names]
        payloads += [ext(47, ["evil.plug", 1, None]), ext(28, b"evil.Class"), ext(34, ["zone", "../evil"])]
        payloads += [ext(34, [how, name]) for how in ("zone", "pytz", "pendulum") for name in names]
        payloads += [ext(30, [by, 2024, 1, 1, 0, 0, 0, 0, 0, ["pytz", "evil"], 0]) for by in (True, False)]
        payloads += [ext(64, [0, "ns", ormsgpack.packb(["pytz", "evil"])]), ext(66, b"NaT")]
        payloads += [ext(26, b"PosixPath /evil"), ext(27, b"IPv4Address evil")]
        payloads += [ext(50, ["<f8", bytes(8)]), ext(51, ["<f8", [1], False, bytes(8)])]
        index = ormsgpack.Ext(61, ormsgpack.packb(["range", 0, 1, 1, None]))
        column = ormsgpack.Ext(51, ormsgpack.packb(["<f8", [1], False, bytes(8)]))
        payloads += [ext(63, [index, index, [column], {}]), ext(60, ["period", column, "evil"])]
        payloads += [ext(74, sys.stdin.buffer.read())]

        asked = []
        class Asked(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path, target=None):
                asked.append(name)

        sys.meta_path.insert(0, Asked())
        before = set(sys.modules)
        zoneinfo.ZoneInfo = None
        for payload in payloads:
            shown = preview("msgpack", "off", len(payload), payload)
            assert shown.kind != "hidden", (payload, shown)
        print(sorted(asked), sorted(set(sys.modules) - before))
        print(*(name for name in ("airflow", "pandas", "polars", "redis") if name in sys.modules))
        """
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": ""},
        input=stream(pa.table({"t": pa.array([0], pa.timestamp("ns", "evil/../evil"))})),
        capture_output=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (b"[] []\n\n", 0), done.stderr


def test_without_pyarrow_a_sentence_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = ext(74, stream(pa.table({"a": [1]})))
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert raw(payload).reason == (
        "The value holds Arrow's columns, and pyarrow is not installed here. Install it to see them."
    )
