"""What is told of a value at its push, without anything that it holds."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.codec.class_names import name_of
from exclusive_redis_xcom.codec.describing import describe
from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.formats import description as format_
from exclusive_redis_xcom.model import Description

VERSION = "0123456789abcdef" * 2


@dataclass
class Fields:
    secret: str = "s3cret"


PLAIN = [
    ({"a": 1, "b": 2}, Description("dict", (2,), keys=("a", "b"))),
    ({}, Description("dict", (0,))),
    ({"a": 1, 7: 2, date(2026, 1, 1): 3}, Description("dict", (3,), keys=("a",), more=2)),
    ({f"k{i}": i for i in range(25)}, Description("dict", (25,), keys=tuple(f"k{i}" for i in range(20)), more=5)),
    (OrderedDict(a=1), Description("collections.OrderedDict", (1,), keys=("a",))),
    (defaultdict(int, a=1), Description("collections.defaultdict", (1,), keys=("a",))),
    (Counter("aab"), Description("collections.Counter", (2,))),
    ([1, 2, 3], Description("list", (3,), items="int")),
    ([1, "a"], Description("list", (2,))),
    ([], Description("list", (0,))),
    ([True, 1], Description("list", (2,))),
    ((Fields(),), Description("tuple", (1,), items=f"{__name__}.Fields")),
    ({"a"}, Description("set", (1,), items="str")),
    (frozenset(), Description("frozenset", (0,))),
    (deque([1.5]), Description("collections.deque", (1,), items="float")),
    (bytearray(7), Description("bytearray", (7,))),
    (date(2026, 1, 1), Description("datetime.date")),
    (Fields(), Description(f"{__name__}.Fields")),
]


@pytest.mark.parametrize(("value", "expected"), PLAIN, ids=lambda part: str(part)[:30])
def test_plain_data_and_objects(value: Any, expected: Description) -> None:
    assert describe(value) == expected


@pytest.mark.parametrize("value", [None, True, 7, 2.5, "text", b"bytes"])
def test_nothing_is_told_where_the_envelope_tells_as_much(value: Any) -> None:
    assert describe(value) is None


def test_numpy() -> None:
    records: Any = np.zeros(3, dtype=[("x", "i4"), ("y", "f8")])

    assert describe(np.zeros((4, 6), "int32")) == Description("numpy.ndarray", (4, 6), items="int32")
    assert describe(np.array(5.0)) == Description("numpy.ndarray", (), items="float64")
    assert describe(np.array([{}], dtype=object)) == Description("numpy.ndarray", (1,), items="object")
    assert describe(records) == Description("numpy.ndarray", (3,), (("x", "int32"), ("y", "float64")))


def test_pandas() -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "age": [1, 2]})
    frame["kind"] = pd.Categorical(["secret-1", "secret-2"])
    frame["sparse"] = pd.arrays.SparseArray([0, 1], fill_value=0)
    frame["maybe"] = pd.array([1, None], dtype="Int64")
    frame["since"] = pd.to_datetime(["2026-01-01", "2026-01-02"]).astype("datetime64[ns]").tz_localize("UTC")
    wide = pd.DataFrame(np.zeros((2, 1000)))
    pairs = pd.DataFrame(np.zeros((1, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    found = describe(frame)

    assert found is not None
    assert (found.type, found.shape, found.more) == (name_of(pd.DataFrame), (2, 6), 0)
    assert dict(found.columns) == {
        "name": frame.dtypes["name"].name,
        "age": "int64",
        "kind": "categorical",
        "sparse": "sparse",
        "maybe": "Int64",
        "since": "datetime64[ns, with time zone]",
    }
    found = describe(wide)
    assert found is not None
    assert (found.columns, found.more) == (tuple((str(number), "float64") for number in range(20)), 980)
    assert describe(pairs) == Description(name_of(pd.DataFrame), (1, 2), (("a, 1", "float64"), ("b, 2", "float64")))
    assert describe(pd.Series([1.5])) == Description(name_of(pd.Series), (1,), items="float64")
    assert describe(pd.Index([1, 2])) == Description(name_of(pd.Index), (2,), items="int64")


def test_polars_and_pyarrow() -> None:
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame = polars.DataFrame({"a": [1], "e": polars.Series(["secret"], dtype=polars.Enum(["secret"]))})

    assert describe(frame) == Description(name_of(type(frame)), (1, 2), (("a", "Int64"), ("e", "Enum")))
    assert describe(frame["a"]) == Description(name_of(type(frame["a"])), (1,), items="Int64")
    table = pyarrow.table({"a": [1], "s": [{"z": 1}]})
    columns = (("a", "int64"), ("s", "struct<z: int64>"))
    assert describe(table) == Description("pyarrow.lib.Table", (1, 2), columns)
    assert describe(table.to_batches()[0]) == Description("pyarrow.lib.RecordBatch", (1, 2), columns)
    assert describe(table["a"]) == Description("pyarrow.lib.ChunkedArray", (1,), items="int64")
    assert describe(pyarrow.array([1.5])) == Description("pyarrow.lib.DoubleArray", (1,), items="double")


def test_libraries_that_come_as_plugs() -> None:
    sparse, xarray = pytest.importorskip("scipy.sparse"), pytest.importorskip("xarray")
    geopandas, shapely = pytest.importorskip("geopandas"), pytest.importorskip("shapely")
    matrix, dataset = sparse.csr_array(np.eye(3)), xarray.Dataset({"t": (("x", "y"), np.zeros((2, 3)))})
    places = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(1, 2)])

    assert describe(matrix) == Description(name_of(type(matrix)), (3, 3), items="float64")
    assert describe(dataset) == Description(name_of(type(dataset)), (2, 3), (("t", "float64"),))
    assert describe(dataset["t"]) == Description(name_of(type(dataset["t"])), (2, 3), items="float64")
    found = describe(places)
    assert found is not None
    assert (found.shape, found.columns[1]) == ((1, 2), ("geometry", "geometry"))


class Hostile(type):
    """A metaclass whose classes may not be looked at."""

    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError(name)

    def __hash__(cls) -> int:
        raise AssertionError("hash")

    def __eq__(cls, other: object) -> bool:
        raise AssertionError("eq")

    def __instancecheck__(cls, instance: object) -> bool:
        raise AssertionError("isinstance")


def _raises(*_: Any, **__: Any) -> Any:
    raise AssertionError("code of a user's class ran")


HOSTILE = dict.fromkeys(
    ("__len__", "__iter__", "__repr__", "__str__", "__getattribute__", "__hash__", "__eq__", "__getitem__"), _raises
)
#: Classes of somebody else. Some derive from classes that are described, or claim to be one of them.
OTHERS = [
    type("Own", (), HOSTILE),
    type("Own", (dict,), HOSTILE),
    type("Own", (list,), HOSTILE),
    type("Own", (str,), HOSTILE),
    type("Own", (np.ndarray,), {"shape": property(_raises), "dtype": property(_raises)}),
    type("Own", (pd.DataFrame,), {"shape": property(_raises), "columns": property(_raises)}),
    type("DataFrame", (), {**HOSTILE, "__module__": "pandas"}),
    type("ndarray", (), {**HOSTILE, "__module__": "numpy"}),
    type("Table", (), {**HOSTILE, "__module__": "not_installed"}),
    Hostile("Own", (), HOSTILE),
]


@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_no_code_of_a_users_class_runs(number: int) -> None:
    cls = OTHERS[number]
    value = np.zeros(2).view(cls) if issubclass(cls, np.ndarray) else cls()

    found, of_items = describe(value), describe([value])

    assert found == Description(name_of(cls))
    assert of_items == Description("list", (1,), items=name_of(cls))


def test_the_keys_of_an_ordered_dict_are_not_asked_for_their_hashes() -> None:
    asked: list[object] = []

    class Key:
        def __hash__(self) -> int:
            asked.append(self)
            return 1

    value = OrderedDict([(Key(), 1), (Key(), 2)])
    asked.clear()

    assert describe(value) == Description("collections.OrderedDict", (2,), more=2)
    assert not asked


def test_a_column_and_an_index_of_somebody_else_are_not_asked() -> None:
    class Labels(pd.Index):
        def __len__(self) -> int:
            raise AssertionError("asked")

    frame = pd.DataFrame({"a": [1]})
    frame.index.__class__ = Labels

    assert describe(frame) == Description(name_of(pd.DataFrame))


def test_names_of_classes_are_those_of_the_reference() -> None:
    class Local: ...

    for cls in (int, dict, Fields, Local, pd.DataFrame, Counter):
        assert name_of(cls) == qualified_name(cls)


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.floats()),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=200), inner, max_size=40)),
    )
)
def test_what_is_written_is_bounded_and_read_back(value: Any) -> None:
    found = describe(value)
    if found is None:
        return
    data = format_.dumps(found, VERSION)
    read = format_.loads(data, VERSION)

    assert len(data) <= format_.LONGEST
    assert read is not None
    assert (read.type, read.shape) == (found.type, found.shape)
    assert len(read.keys) + read.more == len(found.keys) + found.more
    assert all(name.isprintable() and len(name) <= 67 for name in read.keys)


def test_no_library_is_imported() -> None:
    program = """
import sys
from exclusive_redis_xcom.codec.describing import describe
class DataFrame: pass
DataFrame.__module__ = "pandas"
assert describe(DataFrame()).type == "pandas.DataFrame"
describe({"a": [1]})
assert not {"numpy", "pandas", "polars", "pyarrow", "scipy", "xarray", "geopandas"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
