"""The table of values: what tasks return, push and put into containers. Name -> a function that makes the value."""

from __future__ import annotations

import collections
import contextlib
import fractions
import http
import ipaddress
import pathlib
import re
import string
import time as time_module
import types
import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

from tests.unit.codec import samples

UTC = timezone.utc
PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 1, 2, 12, 30, 15, 123456)

Make = Callable[[], Any]


def of(module: str, path: str, *arguments: Any, **options: Any) -> Make:
    """Call something of a library that need not be installed."""

    def make() -> Any:
        found: Any = import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
        return found(*arguments, **options)

    return make


PLAIN: dict[str, Any] = {
    "None": None,
    "True": True,
    "zero": 0,
    "a large int": 2**80,
    "a negative int": -(2**63) - 1,
    "a float": 0.1,
    "minus zero": -0.0,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "the smallest float": 5e-324,
    "text": "naïve 東京 🎈",
    "empty text": "",
    "text with a NUL": "a\x00b",
    "text with a lone surrogate": "\ud800",
    "text like JSON": '{"a": 1}',
    "text like a template": "{{ ti }}",
    "a long text": "x" * 1_000_000,
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"abc"),
    "memoryview": memoryview(b"abc"),
    "complex": 1 + 2j,
    "Ellipsis": ...,
    "NotImplemented": NotImplemented,
}

CONTAINERS: dict[str, Any] = {
    "empty list": [],
    "list": [1, "two", None, 3.0],
    "nested lists": [[1], [[2]], []],
    "tuple": (1, "two"),
    "empty tuple": (),
    "tuple in list": [(1, 2), (3, 4)],
    "tuple in dict in tuple": ({"a": (1,)},),
    "set": {1, 2, 3},
    "empty set": set(),
    "set of text": {"a", "b"},
    "frozenset": frozenset({1, 2}),
    "set of tuples": {(1, 2), (3, 4)},
    "dict": {"a": 1, "b": {"c": [1, 2]}},
    "empty dict": {},
    "dict with int keys": {1: "a", 2: "b"},
    "dict with bool and None keys": {True: 1, None: 2},
    "dict with float keys": {0.5: 1},
    "dict with tuple keys": {(1, 2): "a"},
    "dict with date keys": {date(2026, 1, 2): 1},
    "dict with enum keys": {samples.Color.RED: 1},
    "dict with str enum keys": {samples.Level.LOW: 1},
    "dict with path keys": {pathlib.PurePosixPath("/a"): 1},
    "dict with class keys": {int: 1},
    "dict with object keys": {fractions.Fraction(1, 3): 1},
    "dict in another order": {"b": 1, "a": 2},
    "dict with Airflow's own keys": {"__var": {"x": 1}, "__type": "dict"},
    "dict with __data__": {"__data__": 1},
    "dict with __classname__": {"__classname__": "x", "__version__": 1},
    "dict like our reference": {"exclusive_redis_xcom": {"version": 1}},
    "OrderedDict": collections.OrderedDict(b=1, a=2),
    "defaultdict": collections.defaultdict(list, a=[1]),
    "defaultdict with a lambda": collections.defaultdict(lambda: 0, a=1),
    "Counter": collections.Counter("abca"),
    "deque": collections.deque([1, 2], maxlen=3),
    "ChainMap": collections.ChainMap({"a": 1}, {"b": 2}),
    "UserDict": collections.UserDict(a=1),
    "UserList": collections.UserList([1]),
    "UserString": collections.UserString("a"),
    "mappingproxy": types.MappingProxyType({"a": 1}),
    "SimpleNamespace": types.SimpleNamespace(a=1),
    "dict view": {"a": 1}.keys(),
    "range": range(3),
    "slice": slice(1, 2),
    "generator": (number for number in [1]),
    "list with one of everything": [None, True, 1, 1.5, "a", (1,), {"k": {2}}, NOON, Decimal("1.10")],
}

MOMENTS: dict[str, Any] = {
    "naive datetime": NOON,
    "datetime in UTC": NOON.replace(tzinfo=UTC),
    "datetime with an offset": NOON.replace(tzinfo=timezone(timedelta(hours=5, minutes=45))),
    "datetime with a named offset": NOON.replace(tzinfo=timezone(timedelta(hours=2), "CEST")),
    "datetime in Paris": NOON.replace(tzinfo=PARIS),
    "datetime in the fold": datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=1),
    "earliest datetime": datetime.min,
    "latest datetime": datetime.max.replace(tzinfo=UTC),
    "datetime with seconds in the offset": NOON.replace(tzinfo=timezone(timedelta(seconds=3601))),
    "date": date(2026, 1, 2),
    "earliest date": date.min,
    "time": time(1, 2, 3),
    "time in UTC": time(1, 2, 3, tzinfo=UTC),
    "timedelta": timedelta(days=1, microseconds=1),
    "negative timedelta": -timedelta(seconds=1),
    "timezone.utc": UTC,
    "timezone with offset": timezone(timedelta(hours=1)),
    "ZoneInfo": PARIS,
    "struct_time": time_module.gmtime(0),
}

STANDARD_LIBRARY: dict[str, Any] = {
    "Decimal": Decimal("1.10"),
    "Decimal with an exponent": Decimal("1E+5"),
    "Decimal NaN": Decimal("NaN"),
    "Decimal, whole": Decimal(10),
    "Decimal, long": Decimal("12345678901234567890.123456789012345678901234567890"),
    "Decimal, large": Decimal(10) ** 30,
    "Fraction": fractions.Fraction(1, 3),
    "UUID": uuid.UUID(int=7),
    "Path": pathlib.Path("/a/b"),
    "PureWindowsPath": pathlib.PureWindowsPath("c:/a"),
    "IPv4Address": ipaddress.ip_address("127.0.0.1"),
    "IPv6Network": ipaddress.ip_network("::/64"),
    "HTTPStatus": http.HTTPStatus.OK,
    "Pattern": re.compile("a+"),
    "Template": string.Template("$a"),
    "class": int,
    "function": len,
    "module": re,
    "exception": ValueError("no"),
    "exception class": ValueError,
    "lambda": lambda: None,
    "lock": contextlib.nullcontext(),
}

CLASSES: dict[str, Any] = {
    "enum": samples.Color.RED,
    "str enum": samples.Level.LOW,
    "int enum": samples.Size.BIG,
    "flags": samples.Bits.A | samples.Bits.B,
    "named tuple": samples.Pair(1, "a"),
    "named tuple of named tuples": samples.Pair(samples.Pair(1, 2), [samples.Old(1, 2)]),
    "named tuple made at run time": type("Row", (samples.Pair,), {})(1, "a"),
    "dataclass": samples.Point(1, 2),
    "dataclass of dataclasses": samples.Point(samples.Point(1, (2,)), [samples.Point(3)]),
    "frozen dataclass with a version": samples.Sealed("a"),
    "dataclass in containers": {"points": [samples.Point(1), samples.Point(2)]},
    "dataclass with an InitVar": samples.WithInitVar(1, seed=2),
    "attrs": samples.Crate("a", 1),
    "attrs of attrs": samples.Crate("a", samples.Crate("b")),
    "pydantic": samples.Address(street="a"),
    "pydantic with extras": samples.Person.model_validate({"fullName": "a", "address": {"street": "b"}, "more": 1}),
    "pydantic with a secret": samples.Person.model_validate(
        {"fullName": "a", "address": {"street": "b"}, "password": "s"}
    ),
    "pydantic root model": samples.Numbers([1, 2]),
    "serialize and deserialize": samples.OwnProtocol({"a": 1}),
    "serialize and deserialize, int keys": samples.OwnProtocol({1: "a"}),
    "only serialize": samples.OnlySerialize(1),
    "serialize gives a list": samples.Keyed([1, 2]),
    "serialize gives text": samples.Keyed("text"),
    "nested class": samples.Outer.Inner(1),
    "str subclass": samples.SlyText("a"),
    "no way to serialize": samples.Opaque(),
    "serialize fails": samples.Explosive(),
}


def _frame(**options: Any) -> Make:
    return of("pandas", "DataFrame", {"a": [1, 2], "b": ["x", None], "c": [1.5, float("nan")]}, **options)


def _scalar(name: str, value: Any) -> Make:
    return of("numpy", name, value)


def _dag_run() -> Any:
    from airflow.sdk.api.datamodels._generated import DagRun

    at = NOON.replace(tzinfo=UTC)
    known = {
        "dag_id": "d",
        "run_id": "r",
        "run_after": at,
        "start_date": at,
        "run_type": "manual",
        "data_interval_start": at,
        "data_interval_end": at,
        "end_date": None,
        "state": "running",
        "consumed_asset_events": [],
        "partition_key": None,
        "conf": {"a": 1},
        "logical_date": at,
    }
    return DagRun(**{name: value for name, value in known.items() if name in DagRun.model_fields})


def _xcom_arg() -> Any:
    from airflow.sdk import DAG, BaseOperator

    with DAG("of_an_argument", schedule=None):
        return BaseOperator(task_id="a").output


def _sql_rows() -> Any:
    sqlalchemy = import_module("sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            return connection.execute(sqlalchemy.text("SELECT 1 AS a, 'x' AS b")).all()
    finally:
        engine.dispose()


def _sqlite_rows() -> Any:
    sqlite3 = import_module("sqlite3")
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        return connection.execute("SELECT 1, 'x', NULL, x'00ff'").fetchall()


def _delta_table() -> Any:
    folder = pathlib.Path(import_module("tempfile").mkdtemp())
    deltalake = import_module("deltalake")
    deltalake.write_deltalake(folder / "table", import_module("pyarrow").table({"a": [1]}))
    return deltalake.DeltaTable(folder / "table")


def _iceberg_table() -> Any:
    catalog = import_module("pyiceberg.catalog.sql")
    folder = import_module("tempfile").mkdtemp()
    found = catalog.SqlCatalog("c", uri=f"sqlite:///{folder}/c.db", warehouse=f"file://{folder}")
    found.create_namespace("n")
    return found.create_table("n.t", schema=import_module("pyarrow").schema([("a", import_module("pyarrow").int64())]))


LIBRARIES: dict[str, Make] = {
    **{
        f"numpy.{name}": _scalar(name, 7)
        for name in [
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "float16",
            "float32",
            "float64",
            "longdouble",
            "complex64",
            "complex128",
        ]
    },
    "numpy.bool_": of("numpy", "bool_", True),
    "numpy.str_": of("numpy", "str_", "a"),
    "numpy.bytes_": of("numpy", "bytes_", b"a"),
    "numpy.datetime64": of("numpy", "datetime64", "2026-01-02"),
    "numpy.float64 NaN": of("numpy", "float64", "nan"),
    "numpy scalars in containers": lambda: {
        "a": [import_module("numpy").int64(1)],
        "b": import_module("numpy").mean([1]),
    },
    "numpy keys": lambda: {import_module("numpy").int64(1): 1},
    "numpy array": of("numpy", "arange", 6),
    "numpy matrix of floats": of("numpy", "eye", 3),
    "numpy object array": of("numpy", "array", [1, "a", None], dtype=object),
    "numpy masked array": of("numpy", "ma.masked_array", [1, 2], [0, 1]),
    "numpy record array": of("numpy", "rec.array", [(1, "a")], dtype=[("x", "i4"), ("y", "U1")]),
    "numpy dtype": of("numpy", "dtype", "int64"),
    "pandas frame": _frame(),
    "pandas frame, empty": of("pandas", "DataFrame"),
    "pandas frame with text index": _frame(index=["i", "j"]),
    "pandas frame with dates": lambda: import_module("pandas").DataFrame(
        {"at": import_module("pandas").date_range("2026-01-01", periods=3, tz="Europe/Paris")}
    ),
    "pandas frame with categories": lambda: import_module("pandas").DataFrame({"a": ["x", "y"]}).astype("category"),
    "pandas frame with int columns": of("pandas", "DataFrame", [[1, 2], [3, 4]]),
    "pandas frame with lists": of("pandas", "DataFrame", {"a": [[1], [2, 3]]}),
    "pandas frame with decimals": of("pandas", "DataFrame", {"a": [Decimal("1.1")]}),
    "pandas frame with mixed objects": of("pandas", "DataFrame", {"a": [1, "x"]}),
    "pandas frame with two levels": lambda: import_module("pandas").DataFrame({("a", "x"): [1], ("a", "y"): [2]}),
    "pandas frame in a dict": lambda: {"frame": _frame()()},
    "pandas sparse frame": lambda: import_module("pandas").DataFrame({"a": [0, 1]}).astype("Sparse[int]"),
    "pandas series": of("pandas", "Series", [1, 2], name="s"),
    "pandas index": of("pandas", "Index", ["a", "b"]),
    "pandas Timestamp": of("pandas", "Timestamp", "2026-01-02 03:04:05.123456789", tz="UTC"),
    "pandas Timedelta": of("pandas", "Timedelta", "1 days 00:00:00.000000001"),
    "pandas Period": of("pandas", "Period", "2026-01"),
    "pandas NaT": lambda: import_module("pandas").NaT,
    "pandas NA": lambda: import_module("pandas").NA,
    "polars frame": of("polars", "DataFrame", {"a": [1, 2]}),
    "polars series": of("polars", "Series", "s", [1, 2]),
    "polars lazy frame": of("polars", "LazyFrame", {"a": [1]}),
    "pyarrow table": of("pyarrow", "table", {"a": [1, 2]}),
    "pyarrow array": of("pyarrow", "array", [1, 2]),
    "pyarrow scalar": of("pyarrow", "scalar", 1),
    "pendulum DateTime": of("pendulum", "datetime", 2026, 1, 2, tz="Europe/Paris"),
    "pendulum DateTime in UTC": of("pendulum", "datetime", 2026, 1, 2),
    "pendulum naive DateTime": of("pendulum", "naive", 2026, 1, 2),
    "pendulum Date": of("pendulum", "date", 2026, 1, 2),
    "pendulum Time": of("pendulum", "time", 1, 2),
    "pendulum Duration": of("pendulum", "duration", days=1, hours=2),
    "pendulum Timezone": of("pendulum", "timezone", "Europe/Paris"),
    "pendulum FixedTimezone": of("pendulum", "timezone", 3600),
    "arrow": of("arrow", "get", "2026-01-02"),
    "dateutil tzutc": lambda: NOON.replace(tzinfo=import_module("dateutil.tz").tzutc()),
    "dateutil tzlocal": lambda: NOON.replace(tzinfo=import_module("dateutil.tz").tzlocal()),
    "dateutil gettz": lambda: NOON.replace(tzinfo=import_module("dateutil.tz").gettz("Europe/Paris")),
    "dateutil relativedelta": of("dateutil.relativedelta", "relativedelta", days=1),
    "pytz": lambda: import_module("pytz").timezone("Europe/Paris").localize(NOON),
    "pytz UTC": lambda: NOON.replace(tzinfo=import_module("pytz").UTC),
    "markupsafe Markup": of("markupsafe", "Markup", "<b>"),
    "yarl or httpx URL": of("httpx", "URL", "http://localhost/a"),
    "lazy proxy of text": of("lazy_object_proxy", "Proxy", lambda: "text"),
    "sqlalchemy URL": of("sqlalchemy.engine", "make_url", "sqlite:///a"),
    "sqlalchemy rows": _sql_rows,
    "sqlalchemy row mappings": lambda: [dict(row._mapping) for row in _sql_rows()],
    "sqlite rows": _sqlite_rows,
    "msgspec Struct": lambda: import_module("msgspec").defstruct("Point", ["x"])(1),
    "semver or packaging Version": of("packaging.version", "Version", "1.2"),
    "kubernetes V1Pod": of("kubernetes.client", "V1Pod"),
    "kubernetes V1ResourceRequirements": of(
        "kubernetes.client", "V1ResourceRequirements", limits={"cpu": "1"}, requests={"memory": "1Gi"}
    ),
    "deltalake table": _delta_table,
    "iceberg table": _iceberg_table,
}

AIRFLOW: dict[str, Make] = {
    "Asset": of("airflow.sdk", "Asset", name="a", uri="s3://bucket/a", extra={"k": 1}),
    "AssetAlias": of("airflow.sdk", "AssetAlias", "alias"),
    "Connection": of("airflow.sdk", "Connection", conn_id="c", conn_type="redis", password="p", extra='{"a": 1}'),
    "Variable": of("airflow.sdk", "Variable", key="k", value="v"),
    "Param": of("airflow.sdk", "Param", 1, type="integer"),
    "ObjectStoragePath": of("airflow.sdk", "ObjectStoragePath", "file:///tmp/a"),
    "params": of("airflow.sdk.definitions.param", "ParamsDict", {"a": 1}),
    "DataInterval": of("airflow.timetables.base", "DataInterval", NOON.replace(tzinfo=UTC), NOON.replace(tzinfo=UTC)),
    "time trigger": of("airflow.providers.standard.triggers.temporal", "TimeDeltaTrigger", timedelta(seconds=1)),
    "date time trigger": of(
        "airflow.providers.standard.triggers.temporal", "DateTimeTrigger", NOON.replace(tzinfo=UTC)
    ),
    "DagRun of the context": _dag_run,
    "TaskInstanceState": lambda: import_module("airflow.sdk").TaskInstanceState.SUCCESS,
    "TriggerRule": lambda: import_module("airflow.sdk").TriggerRule.ALL_DONE,
    "XComArg": _xcom_arg,
    "operator": lambda: _xcom_arg().operator,
    "DAG": of("airflow.sdk", "DAG", "a_dag"),
}


def _levels(number: int) -> Any:
    value: Any = []
    for _ in range(number):
        value = [value]
    return value


def _is(value: Any) -> Make:
    return lambda: value


VALUES: dict[str, Make] = {
    **{
        name: _is(value)
        for part in (PLAIN, CONTAINERS, MOMENTS, STANDARD_LIBRARY, CLASSES)
        for name, value in part.items()
    },
    **LIBRARIES,
    **AIRFLOW,
    "300 levels of lists": lambda: _levels(300),
}
