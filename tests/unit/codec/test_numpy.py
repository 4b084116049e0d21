"""NumPy scalars and arrays come back with dtype, shape and memory order."""

from __future__ import annotations

import numpy as np
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import XComNotSerializable
from exclusive_redis_xcom.memory import joined
from tests.unit.codec.samples import Opaque
from tests.unit.codec.support import LIMIT, round_trip

INNER = np.dtype({"names": ["e"], "formats": ["i4"], "offsets": [6], "itemsize": 10})
NESTED = np.dtype([("a", "<i4"), ("b", [("c", "<f8"), ("d", "U3")]), ("e", "<i2", (2, 3))])
RECORD = np.dtype((np.record, np.dtype([("a", "i1"), ("b", "f8")], align=True)))
OVERLAPPING = {"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 2], "itemsize": 8}

ARRAYS = [
    np.arange(12).reshape(3, 4),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.arange(24)[::2],
    np.array(5),
    np.array([]),
    np.zeros((0, 3), dtype="f4"),
    np.array([True, False]),
    np.array([1 + 2j], dtype="c8"),
    np.array(["a", "", "longer\x00"]),
    np.array([b"x", b""]),
    np.array([1, 2], dtype=">i4"),
    np.array(["2024-01-01", "NaT"], dtype="M8[ns]"),
    np.array([1, 2], dtype="M8[25s]"),
    np.array([np.nan, -0.0, np.inf], dtype="f2"),
    np.zeros(2, dtype=NESTED),
    np.zeros(2, dtype=np.dtype({"names": ["a"], "formats": ["<i4"], "offsets": [4], "itemsize": 16})),
    np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "i8")], align=True)),
    np.zeros(2, dtype="V5"),
    np.zeros(2, dtype=OVERLAPPING),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.str}{a.shape}")
def test_an_array_comes_back(array):
    for found in (round_trip(array), round_trip({1: (array,)})[1][0]):
        assert type(found) is np.ndarray
        assert found.dtype == array.dtype
        assert found.shape == array.shape
        assert found.tobytes() == array.tobytes()
        assert found.flags.f_contiguous >= array.flags.f_contiguous
        assert found.flags.writeable
        assert found.flags.owndata


@pytest.mark.parametrize(
    "scalar",
    [
        np.float64(1.5),
        np.float32("nan"),
        np.float16(-0.0),
        np.int8(-1),
        np.uint64(2**64 - 1),
        np.bool_(True),
        np.complex64(1 + 2j),
        np.longdouble("1.1"),
        np.str_("a\x00"),
        np.str_("\ud800"),
        np.str_(""),
        np.bytes_(b"a\x00"),
        np.datetime64("2024-01-01"),
        np.datetime64("NaT", "s"),
        np.timedelta64(5, "D"),
        np.zeros(1, dtype=[("a", "i4")])[0],
    ],
    ids=lambda s: f"{type(s).__name__}-{s!r}",
)
def test_a_scalar_comes_back(scalar):
    for found in (round_trip(scalar), round_trip([(scalar, {1: 1})])[0][0]):
        assert type(found) is type(scalar)
        assert found.dtype == scalar.dtype
        assert found.tobytes() == scalar.tobytes()


@pytest.mark.parametrize(
    "dtype",
    [RECORD, np.dtype([("r", RECORD), ("s", RECORD, (2,))]), np.dtype(RECORD, metadata={"unit": "m"})],
    ids=["alone", "in a field", "with metadata"],
)
def test_records_stay_records(dtype):
    array = np.zeros(2, dtype)

    found = round_trip(array)

    assert _classes(found.dtype) == _classes(dtype)
    assert found.dtype.isalignedstruct == dtype.isalignedstruct
    assert found.dtype.metadata == dtype.metadata


def _classes(dtype):
    """The class of a dtype's items, and of the items of its fields."""
    return [dtype.type, *(_classes(dtype[name].base) for name in dtype.names or ())]


def test_a_record_comes_back_with_its_fields_as_attributes():
    found = round_trip(np.array([(1, 2.5)], RECORD)[0])

    assert type(found) is np.record
    assert found.b == 2.5


def test_a_numpy_str_is_a_key_of_its_own_type():
    (found,) = round_trip({np.str_("k"): 1})

    assert type(found) is np.str_


def test_an_array_of_objects_is_carried_item_by_item():
    array = np.empty((2, 2), dtype=object)
    array[0, 0], array[0, 1], array[1, 0] = (1, 2), [3], np.arange(2)

    found = round_trip(array)

    assert found.dtype == object
    assert found.shape == (2, 2)
    assert type(found[0, 0]) is tuple
    assert found[0, 1] == [3]
    assert found[1, 0].tolist() == [0, 1]
    assert found[1, 1] is None


def test_fields_that_were_left_out_are_not_sent():
    whole = np.zeros(3, dtype=[("a", "i2"), ("b", "S6"), ("c", [("d", "S6"), ("e", "i4")]), ("f", "i1")])
    whole["b"] = whole["c"]["d"] = b"SECRET"
    whole["a"] = [1, 2, 3]
    part = whole[["a", "c"]].view({"names": ["a", "c"], "formats": ["i2", INNER], "offsets": [0, 8], "itemsize": 19})

    overlapping = np.frombuffer(b"\1\0\0\0SECRET" * 3, {**OVERLAPPING, "formats": ["i2", "i2"], "itemsize": 10})
    twice = np.frombuffer(
        b"\1\0\0\0SECRET" * 3, {**OVERLAPPING, "formats": ["i4", "V6"], "offsets": [0, 0], "itemsize": 10}
    )

    parts = (whole[["a", "f"]], part, part.reshape(3, 1), np.asfortranarray(np.stack([part, part])))
    for array in (*parts, overlapping, twice[["a"]]):
        assert b"SECRET" not in joined(encode(array, compression="off", max_bytes=LIMIT).payload)
        found = round_trip(array)
        assert found.dtype == array.dtype
        assert found["a"].tolist() == array["a"].tolist()


@pytest.mark.parametrize(
    "value",
    [
        np.array([Opaque()]),
        np.ma.masked_array([1, 2], mask=[True, False]),
        np.zeros(2, dtype=[("a", object)]),
        np.zeros(2, dtype="V0"),
        np.rec.array([(1,)], dtype=[("a", "i4")]),
        np.zeros(2, dtype=(np.int32, {"low": (np.int16, 0), "high": (np.int16, 2)})),
    ],
    ids=lambda v: f"{type(v).__name__}-{v.dtype}",
)
def test_what_cannot_be_carried_exactly_is_refused(value):
    with pytest.raises(XComNotSerializable):
        encode(value, max_bytes=LIMIT)


def test_dtypes_of_other_libraries_are_refused_and_do_not_come_back_as_raw_bytes():
    """ml_dtypes' bfloat16 is such a dtype. NumPy brings one for its own tests."""
    rational = pytest.importorskip("numpy._core._rational_tests", reason="NumPy 1 has it elsewhere").rational

    for value in (np.zeros(2, rational), np.zeros(2, [("a", rational)])):
        with pytest.raises(XComNotSerializable, match=r"Its dtype belongs to another library\.") as caught:
            encode({"a": value}, max_bytes=LIMIT)
        assert str(caught.value).startswith("['a'] of type ndarray cannot be carried.\n")
