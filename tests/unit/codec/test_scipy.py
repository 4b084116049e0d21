"""Sparse arrays and matrices of scipy come back exactly, and nothing forged reaches scipy's unchecked code."""

from __future__ import annotations

import struct

import ormsgpack
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import CorruptValue, XComNotRebuilt, XComNotSerializable
from tests.unit.codec.support import LIMIT, raw, round_trip

np = pytest.importorskip("numpy")
sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed here")

FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]
DTYPES = ["bool", "int8", "int64", "uint16", "float32", "float64", "complex128"]
DENSE = np.array([[0, 3, 0, 0], [0, 0, 5, 0], [1, 0, 0, 0]])


def state(matrix):
    """All that a sparse matrix is made of, as plain lists with their dtypes."""
    holder = {"shape": matrix.shape, "dtype": matrix.dtype, "nnz": matrix.nnz, "dense": matrix.toarray().tolist()}
    for name in ("data", "indices", "indptr", "offsets", "row", "col", "rows"):
        part = getattr(matrix, name, None)
        if isinstance(part, np.ndarray):
            holder[name] = (part.dtype, part.tolist())
    if matrix.format == "bsr":
        holder["blocksize"] = matrix.blocksize
    if matrix.format == "dok":
        holder["items"] = sorted(map(repr, matrix.items()))
    return holder


def same_matrix(found, value):
    assert type(found) is type(value)
    assert state(found) == state(value)


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_comes_back(form, kind, dtype):
    value = getattr(sparse, f"{form}_{kind}")(DENSE.astype(dtype))

    same_matrix(round_trip(value), value)
    same_matrix(round_trip({"a": [value]})["a"][0], value)
    assert (round_trip(value) @ np.ones(4)).tolist() == (value @ np.ones(4)).tolist()


@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 3), (2, 5)])
def test_an_empty_one_comes_back(form, kind, shape):
    try:
        value = getattr(sparse, f"{form}_{kind}")(np.zeros(shape))
    except ValueError as problem:
        pytest.skip(f"scipy itself makes no such matrix: {problem}")

    same_matrix(round_trip(value), value)


def test_64_bit_indexes_duplicates_and_explicit_zeros_stay():
    value = sparse.csr_array((np.array([1.0, 0.0, 2.0]), np.array([1, 0, 1]), np.array([0, 3, 3])), shape=(2, 2))
    value.indices, value.indptr = value.indices.astype("int64"), value.indptr.astype("int64")
    twice = sparse.coo_array((np.array([1, 2]), (np.array([0, 0]), np.array([1, 1]))), shape=(2, 2))
    lil = sparse.lil_array((2, 2))
    lil.rows[0], lil.data[0] = [1], [0.0]
    dok = sparse.dok_array((2, 2))
    dok[1, 1], dok[0, 0] = 5, 3

    for one in (value, twice, lil, dok):
        same_matrix(round_trip(one), one)
    assert not round_trip(value).has_sorted_indices


def test_other_dimensions_come_back():
    flat = sparse.coo_array(np.array([0, 1, 0, 2]))
    if flat.ndim != 1:
        pytest.skip("this scipy has no sparse arrays of one dimension")
    same_matrix(round_trip(flat), flat)
    for form in ("csr", "dok"):
        one = flat.asformat(form)
        same_matrix(round_trip(one), one)
    try:
        cube = sparse.coo_array(np.arange(8).reshape(2, 2, 2))
    except (ValueError, TypeError):
        pytest.skip("this scipy has no sparse arrays of three dimensions")
    found = round_trip(cube)
    assert (found.shape, found.toarray().tolist()) == (cube.shape, cube.toarray().tolist())


def test_a_large_one_comes_back_and_takes_slabs():
    value = sparse.random_array((2000, 2000), density=0.05, format="csr", rng=np.random.default_rng(1))

    assert encode(value, max_bytes=LIMIT).codec == "slabs"
    found = round_trip(value)
    assert (found != value).nnz == 0
    found.data[0] = 7  # writable


def test_diagonals_outside_of_the_shape_are_refused():
    with pytest.raises(XComNotSerializable, match="diagonals that lie outside"):
        encode(sparse.dia_array((np.ones((1, 2)), [9]), shape=(2, 2)), max_bytes=LIMIT)


def test_subclasses_are_refused():
    class Mine(sparse.csr_array):
        pass

    with pytest.raises(XComNotSerializable):
        encode(Mine(DENSE), max_bytes=LIMIT)


def array(code, *numbers, shape=None):
    items = struct.pack(f"<{len(numbers)}{code}", *numbers)
    dtype = {"i": "<i4", "q": "<i8", "d": "<f8"}[code]
    return ormsgpack.Ext(51, ormsgpack.packb([dtype, shape or [len(numbers)], False, items]))


FORGED = {
    "csr, column outside": {
        "format": "csr",
        "data": array("d", 1),
        "indices": array("i", 9),
        "indptr": array("i", 0, 1, 1),
    },
    "csr, negative": {"format": "csr", "data": array("d", 1), "indices": array("i", -1), "indptr": array("i", 0, 1, 1)},
    "csr, pointers": {"format": "csr", "data": array("d", 1), "indices": array("i", 0), "indptr": array("i", 0, 9, 1)},
    "csr, float indexes": {
        "format": "csr",
        "data": array("d", 1),
        "indices": array("d", 0),
        "indptr": array("i", 0, 1, 1),
    },
    "csc, column outside": {
        "format": "csc",
        "data": array("d", 1),
        "indices": array("i", 2),
        "indptr": array("i", 0, 1, 1),
    },
    "bsr": {
        "format": "bsr",
        "data": array("d", 1, shape=[1, 1, 1]),
        "indices": array("i", 7),
        "indptr": array("i", 0, 1, 1),
    },
    "coo": {"format": "coo", "data": array("d", 1), "coords": [array("i", 0), array("i", 5)]},
    "coo, axes": {"format": "coo", "data": array("d", 1), "coords": [array("i", 0)]},
    "coo, data of two dimensions": {
        "format": "coo",
        "data": array("d", 1, shape=[1, 1]),
        "coords": [array("i", 0), array("i", 0)],
    },
    "dia": {"format": "dia", "data": array("d", 1, shape=[1, 1]), "offsets": array("q", -(2**63))},
    "lil, lengths": {
        "format": "lil",
        "data": array("d", 1),
        "indices": array("q", 0),
        "lengths": array("q", 2, -1),
    },
    "lil, outside": {"format": "lil", "data": array("d", 1), "indices": array("q", 5), "lengths": array("q", 1, 0)},
    "lil, order": {"format": "lil", "data": array("d", 1, 2), "indices": array("q", 1, 0), "lengths": array("q", 2, 0)},
    "dok": {"format": "dok", "data": array("d", 1), "keys": [ormsgpack.Ext(10, ormsgpack.packb([0, 2]))]},
    "dok, short key": {"format": "dok", "data": array("d", 1), "keys": [0]},
    "dok, more keys": {"format": "dok", "data": array("d"), "keys": [ormsgpack.Ext(10, ormsgpack.packb([0, 1]))]},
    "format": {"format": "os", "data": array("d")},
    "data": {"format": "csr", "data": [1], "indices": array("i", 0), "indptr": array("i", 0, 1, 1)},
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("is_array", [True, False])
def test_forged_parts_are_refused(name, is_array):
    parts = {"is_array": is_array, "shape": [2, 2], **FORGED[name]}

    with pytest.raises((XComNotRebuilt, CorruptValue)):
        raw(ormsgpack.packb(ormsgpack.Ext(47, ormsgpack.packb(["scipy.csr_array", 1, parts]))))


@pytest.mark.parametrize("pointers", [[], [1, 2], [0, 2, 1, 3], [0, -1, 3], [0, 4]])
def test_pointers_out_of_order_or_outside_are_refused(pointers):
    from exclusive_redis_xcom.codec.libraries.scipy import _require_pointers

    _require_pointers(np.array([0, 1, 1, 3]), 3)
    with pytest.raises(ValueError, match="not in order"):
        _require_pointers(np.array(pointers, dtype="i8"), 3)


@pytest.mark.parametrize("shape", [[-1, 2], [2**63, 2], ["2", 2], [True, 2], 5])
def test_a_forged_shape_is_refused(shape):
    parts = {"format": "coo", "is_array": True, "shape": shape, "data": array("d"), "coords": [array("i"), array("i")]}

    with pytest.raises((XComNotRebuilt, CorruptValue)):
        raw(ormsgpack.packb(ormsgpack.Ext(47, ormsgpack.packb(["scipy.coo_array", 1, parts]))))
