"""The field that describes a value. Whoever has the workers' Redis password can write it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats.description import LONGEST, dumps, loads
from exclusive_redis_xcom.model import Description

VERSION = "0123456789abcdef" * 2
FRAME = Description("pandas.DataFrame", (1000, 3), (("a", "int64"), ("b", "float64")), more=1)


@pytest.mark.parametrize(
    ("description", "data"),
    [
        (Description("datetime.date"), b'1 01234567 {"type":"datetime.date"}'),
        (Description("dict", (1,), keys=("a",)), b'1 01234567 {"type":"dict","shape":[1],"keys":["a"]}'),
        (
            FRAME,
            b'1 01234567 {"type":"pandas.DataFrame","shape":[1000,3],'
            b'"columns":[["a","int64"],["b","float64"]],"more":1}',
        ),
        (Description("list", (2,), items="int"), b'1 01234567 {"type":"list","shape":[2],"items":"int"}'),
    ],
)
def test_the_form(description: Description, data: bytes) -> None:
    assert dumps(description, VERSION) == data
    assert loads(data, VERSION) == description


def test_that_of_another_version_is_none() -> None:
    assert loads(dumps(FRAME, VERSION), "f" * 32) is None


def test_what_does_not_print_is_replaced_when_written_and_when_read() -> None:
    hostile = "a\x1b[2Jb\n\u202ec\ud800"

    written = dumps(Description(hostile, keys=(hostile,)), VERSION)
    assert json.loads(written[11:]) == {"type": "a?[2Jb??c?", "keys": ["a?[2Jb??c?"]}
    read = loads(b"1 01234567 " + json.dumps({"type": hostile, "columns": [[hostile, hostile]]}).encode(), VERSION)
    assert read == Description("a?[2Jb??c?", columns=(("a?[2Jb??c?", "a?[2Jb??c?"),))


def test_long_names_are_cut_and_the_last_ones_are_left_out() -> None:
    many = Description("t" * 500, (50,), keys=tuple("\U0001f600" * 100 for _ in range(20)), more=30)

    data = dumps(many, VERSION)
    read = loads(data, VERSION)

    assert len(data) <= LONGEST
    assert read is not None
    assert read.type == "t" * 100 + "..."
    assert read.keys == ("\U0001f600" * 64 + "...",) * 2
    assert read.more == 48


def test_a_type_alone_always_fits() -> None:
    long = "\U0001f600" * 500

    data = dumps(Description(long, (2**62,) * 32, items=long), VERSION)

    assert len(data) <= LONGEST
    assert loads(data, VERSION) == Description("\U0001f600" * 100 + "...")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"1",
        b"1 01234567",
        b"1 01234567 ",
        b"1 01234567 []",
        b"1 01234567 {}",
        b'2 01234567 {"type":"t"}',
        b'1  01234567 {"type":"t"}',
        b'1 01234567 {"type":1}',
        b'1 01234567 {"type":null}',
        b'1 01234567 {"type":"t","other":1}',
        b'1 01234567 {"type":"t","shape":[]}',
        b'1 01234567 {"type":"t","shape":[-1]}',
        b'1 01234567 {"type":"t","shape":[1.5]}',
        b'1 01234567 {"type":"t","shape":[true]}',
        b'1 01234567 {"type":"t","shape":[NaN]}',
        b'1 01234567 {"type":"t","shape":[' + b"9" * 1000 + b"]}",
        b'1 01234567 {"type":"t","shape":[9223372036854775808]}',
        b'1 01234567 {"type":"t","shape":' + json.dumps([1] * 33).encode() + b"}",
        b'1 01234567 {"type":"t","shape":"12"}',
        b'1 01234567 {"type":"t","keys":"ab"}',
        b'1 01234567 {"type":"t","keys":[1]}',
        b'1 01234567 {"type":"t","keys":' + json.dumps(["k"] * 65).encode() + b"}",
        b'1 01234567 {"type":"t","columns":[["a"]]}',
        b'1 01234567 {"type":"t","columns":["ab"]}',
        b'1 01234567 {"type":"t","columns":[["a","b","c"]]}',
        b'1 01234567 {"type":"t","more":-1}',
        b'1 01234567 {"type":"t","items":null}',
        b'1 01234567 {"type":"\xc3\xa9"}',
        b"1 01234567 " + b"[" * 2000,
        b'1 01234567 {"type":"' + b"t" * LONGEST + b'"}',
    ],
    ids=lambda text: str(text[:40]),
)
def test_anything_else_is_none(text: bytes) -> None:
    assert loads(text, VERSION) is None


JSON: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)


@given(st.one_of(st.binary(), JSON.map(lambda value: b"1 01234567 " + json.dumps(value).encode())))
def test_no_bytes_raise(data: bytes) -> None:
    loads(data, VERSION)


@given(st.fixed_dictionaries({"type": st.text()}, optional=dict.fromkeys(("shape", "columns", "keys", "more"), JSON)))
def test_what_is_read_can_be_printed(document: dict[str, Any]) -> None:
    read = loads(b"1 01234567 " + json.dumps(document).encode(), VERSION)

    if read is not None:
        texts = [read.type, read.items or "", *read.keys, *(text for column in read.columns for text in column)]
        assert all(text.isprintable() and len(text) <= 103 for text in texts)
