"""What Airflow's own rendering shows of restricted objects, and that tasks keep the objects themselves."""

from __future__ import annotations

import enum
import json
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

import attrs
import pydantic
import pytest
from airflow.sdk import BaseOperator
from airflow.sdk._shared.secrets_masker import _secrets_masker
from airflow.sdk.execution_time import task_runner

from exclusive_redis_xcom.reporting import masking

SECRET = "kR7-pQ2.vX9_mZ4"
NUMBER = 82736451


class Operator(BaseOperator):
    template_fields = ("field",)
    field: Any = None


@pytest.fixture(autouse=True)
def nothing_is_masked_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    masking.forget()
    _secrets_masker().reset_masker()
    monkeypatch.setattr(task_runner, "_serialize_template_field", task_runner._serialize_template_field)
    yield
    masking.forget()
    _secrets_masker().reset_masker()


def rendered(field: Any) -> Any:
    """Return what Airflow would store and show of a field."""
    task = Operator(task_id="load")
    task.field = field
    return task_runner._serialize_rendered_fields(task)["field"]


class Login(NamedTuple):
    user: int
    password: str


@dataclass
class Point:
    x: int
    name: str


@attrs.define
class Place:
    x: int
    name: str


class Model(pydantic.BaseModel):
    x: int
    name: pydantic.SecretStr


class Color(enum.Enum):
    RED = SECRET


class Named(str, enum.Enum):
    ONE = SECRET


class Own:
    """Airflow's protocol for classes. Airflow renders what `serialize` returns."""

    def serialize(self) -> dict[str, Any]:
        return {SECRET: [NUMBER]}


def library(name: str, make: Callable[[Any], Any]) -> Any:
    return pytest.param(name, make, id=f"{name} {make.__code__.co_firstlineno}")


def _geodataframe(geopandas: Any) -> Any:
    shapely = pytest.importorskip("shapely")
    return geopandas.GeoDataFrame({"name": [SECRET]}, geometry=[shapely.Point(NUMBER, 1)])


LIBRARIES = [
    library("pandas", lambda pandas: pandas.DataFrame({"a": [NUMBER], "b": [SECRET]})),
    library("pandas", lambda pandas: pandas.DataFrame({"a": range(NUMBER, NUMBER + 100)})),
    library("pandas", lambda pandas: pandas.Series([NUMBER, NUMBER])),
    library("pandas", lambda pandas: pandas.Index([SECRET])),
    library("pandas", lambda pandas: pandas.array([NUMBER])),
    library("pandas", lambda pandas: pandas.Timestamp(NUMBER, unit="s")),
    library("numpy", lambda numpy: numpy.array([[NUMBER, 1]])),
    library("numpy", lambda numpy: numpy.array(NUMBER)),
    library("numpy", lambda numpy: numpy.arange(NUMBER, NUMBER + 5000)),
    library("numpy", lambda numpy: numpy.int64(NUMBER)),
    library("numpy", lambda numpy: numpy.float64(NUMBER)),
    library("numpy", lambda numpy: numpy.str_(SECRET)),
    library("polars", lambda polars: polars.DataFrame({"a": [NUMBER], "b": [SECRET]})),
    library("polars", lambda polars: polars.Series([NUMBER])),
    library("pyarrow", lambda pyarrow: pyarrow.table({"a": [NUMBER], "b": [SECRET]})),
    library("pyarrow", lambda pyarrow: pyarrow.record_batch({"a": [NUMBER]})),
    library("pyarrow", lambda pyarrow: pyarrow.array([SECRET])),
    library("pyarrow", lambda pyarrow: pyarrow.chunked_array([[NUMBER]])),
    library("xarray", lambda xarray: xarray.DataArray([NUMBER], dims="x", coords={"x": [SECRET]})),
    library("xarray", lambda xarray: xarray.Dataset({"a": ("x", [NUMBER])})),
    library("geopandas", _geodataframe),
    library("shapely", lambda shapely: shapely.Point(NUMBER, 1)),
    library("scipy.sparse", lambda sparse: sparse.csr_matrix([[0, NUMBER]])),
    library("msgspec", lambda msgspec: msgspec.defstruct("Struct", [("name", str)])(SECRET)),
]

VALUES = [
    Login(NUMBER, SECRET),
    Point(NUMBER, SECRET),
    Place(NUMBER, SECRET),
    Model(x=NUMBER, name=pydantic.SecretStr(SECRET)),
    pydantic.SecretStr(SECRET),
    Color.RED,
    Named.ONE,
    Own(),
    date(8273, 6, 4),
    datetime(8273, 6, 4, tzinfo=timezone.utc),
    time(8, 27, 36),
    timedelta(days=NUMBER),
    Decimal(NUMBER),
    UUID(int=NUMBER),
    PurePosixPath(f"/{SECRET}"),
    SECRET.encode(),
    bytearray(SECRET.encode()),
    OrderedDict({SECRET: NUMBER}),
    defaultdict(int, {SECRET: NUMBER}),
    Counter([SECRET]),
    deque([NUMBER, SECRET]),
    {date(8273, 6, 4): NUMBER},
    {(date(8273, 6, 4), 1): NUMBER},
    {Login(NUMBER, SECRET): 1},
    {date(8273, 6, 4), date(8274, 6, 4)},
    frozenset({Point, date(8273, 6, 4)}),
]

#: What would be seen of the values above.
SEEN = (SECRET, str(NUMBER), "8273", "08:27:36", str(UUID(int=NUMBER)), "1972")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_nothing_of_an_object_is_seen(value: Any) -> None:
    assert any(text in json.dumps(rendered(value)) for text in SEEN) or type(value) in (pydantic.SecretStr, Color)

    masking.mask(value, "an XCom")

    for field in (value, [value], (value, 1), {"a": value}, {"a": {"b": [value]}}):
        assert [text for text in SEEN if text in json.dumps(rendered(field))] == []
        assert "restricted>" in json.dumps(rendered(field))


@pytest.mark.parametrize(("name", "make"), LIBRARIES)
def test_nothing_of_a_librarys_object_is_seen(name: str, make: Callable[[Any], Any]) -> None:
    value = make(pytest.importorskip(name))

    masking.mask({"nested": [value]}, "an XCom")

    for field in (value, [value], {"a": value}):
        assert [text for text in SEEN if text in json.dumps(rendered(field))] == []
        assert "restricted>" in json.dumps(rendered(field))


def test_a_frame_is_shown_by_type_and_shape() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [NUMBER], "b": [SECRET]})

    masking.mask(frame, "an XCom")

    assert rendered([frame, "plain"]) == ["<DataFrame 1x2, restricted>", "plain"]
    assert rendered(Point(1, "x")) == str(Point(1, "x"))  # no such object was in the value


class Pair(NamedTuple):
    first: Any
    second: Any


class OwnList(list[Any]):
    pass


class OwnDict(dict[Any, Any]):
    pass


@pytest.mark.parametrize(
    "around",
    [
        lambda value: Pair(value, 1),  # Airflow renders the items of a named tuple, and keeps its class
        lambda value: [Pair(1, [value])],
        lambda value: {Pair(value, 1): 1},
        lambda value: OwnList([value]),
        lambda value: OwnDict(a=value),
    ],
    ids=["named tuple", "named tuple in a list", "named tuple as a key", "list", "dict"],
)
def test_an_object_is_hidden_in_an_authors_own_container(around: Callable[[Any], Any]) -> None:
    value = date(8273, 6, 4)
    assert "8273" in json.dumps(rendered(around(value)))

    masking.mask(value, "an XCom")

    assert "8273" not in json.dumps(rendered(around(value)))
    assert "<date, restricted>" in json.dumps(rendered(around(value))) or type(around(value)) is dict


def test_the_task_keeps_its_fields() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"a": [NUMBER]})
    task = Operator(task_id="load")
    task.field = {"a": [frame]}
    masking.mask(frame, "an XCom")

    task_runner._serialize_rendered_fields(task)

    assert task.field["a"][0] is frame


def test_what_holds_no_objects_is_rendered_as_before() -> None:
    field = {"b": [1, "plain", None, 1.5, True], "a": ("x", {"y"})}
    expected = rendered(field)
    masking.mask(date(8273, 6, 4), "an XCom")

    assert rendered(field) == expected


def test_strings_and_numbers_of_small_tables_are_masked_in_logs() -> None:
    pandas = pytest.importorskip("pandas")

    masking.mask(pandas.DataFrame({"a": [NUMBER], "b": [SECRET]}), "an XCom")

    assert _secrets_masker().redact(f"{SECRET} of {NUMBER}") == "*** of ***"


def test_the_cells_of_a_large_table_do_not_use_up_what_may_be_masked(caplog: pytest.LogCaptureFixture) -> None:
    numpy = pytest.importorskip("numpy")

    masking.mask(numpy.arange(100_000, 200_000), "an XCom")

    assert masking._registered.spent == 0
    assert "could be masked only in part" in caplog.text


def test_where_not_all_of_a_value_was_searched_every_object_is_hidden() -> None:
    value = [Point(1, SECRET), *range(10_000)]

    masking.mask(value, "an XCom")

    assert rendered([Place(NUMBER, SECRET)]) == ["<Place, restricted>"]
    assert "restricted>" in str(rendered(value))


def test_a_field_that_holds_itself_is_not_shown() -> None:
    field: list[Any] = [date(8273, 6, 4)]
    field.append(field)
    masking.mask(date(8273, 6, 4), "an XCom")

    assert task_runner._serialize_template_field(field, "field") == "<restricted>"


def test_it_is_hidden_once_however_many_values_are_pulled() -> None:
    masking.mask(date(8273, 6, 4), "an XCom")
    first = task_runner._serialize_template_field
    masking.mask(Point(1, SECRET), "an XCom")

    assert task_runner._serialize_template_field is first
    assert rendered([date(8273, 6, 4), Point(1, SECRET)]) == ["<date, restricted>", "<Point, restricted>"]


def test_a_process_that_runs_no_task_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "airflow.sdk.execution_time.task_runner")

    masking.mask(date(8273, 6, 4), "an XCom")

    assert "airflow.sdk.execution_time.task_runner" not in sys.modules


def test_an_airflow_that_renders_otherwise_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(task_runner, "_serialize_template_field")

    masking.mask(Point(NUMBER, SECRET), "an XCom")
    masking.mask(Point(NUMBER, SECRET), "an XCom")

    (record,) = caplog.records
    assert record.getMessage() == (
        "Rendered fields may show restricted objects: this release of Airflow renders them in another way.\n"
        "Pull such values with ti.xcom_pull(...) inside the task."
    )
