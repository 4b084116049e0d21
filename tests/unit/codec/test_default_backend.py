"""docs/reference/values.md says how values come back from Airflow's default backend and from here. Each row is run."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pendulum
import pytest
import sqlalchemy

from devtools.postgres_server import PostgresServer, find_postgres
from exclusive_redis_xcom.codec.default_backend import MOST_NAMED, differences
from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.reporting import kept_types
from tests.unit.codec.conftest import SERDE
from tests.unit.codec.samples import Address, Color, Level, Old, Opaque, Pair, Person, Point, Size, SlyText
from tests.unit.codec.support import round_trip, same

np = pytest.importorskip("numpy")

DOCS = Path(__file__).parents[3] / "docs/reference/values.md"
HEADING = "## What existing DAGs may rely on"
NAMES = {
    name: globals()[name]
    for name in [
        "Color",
        "Counter",
        "Decimal",
        "Level",
        "OrderedDict",
        "Pair",
        "Point",
        "Size",
        "date",
        "datetime",
        "defaultdict",
        "deque",
        "np",
        "pd",
        "time",
        "timedelta",
        "timezone",
    ]
}


def rows():
    """The rows of the table under the heading, with the Python expressions in their cells."""
    section = DOCS.read_text().partition(HEADING)[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


ROWS = [row for row in rows() if len(row) == 3]
#: Rows with a cell for each database: what was pushed, SQLite, PostgreSQL, here.
ON_DATABASES = [row for row in rows() if len(row) == 4]


def of(cell: str) -> Any:
    (expression,) = re.findall(r"`(.+)`", cell)
    return eval(expression, dict(NAMES))  # noqa: S307 - our own documentation


def by_default(value: Any) -> Any:
    """The road through Airflow's default backend: serialised, stored as JSON, deserialised."""
    from airflow.sdk.bases.xcom import BaseXCom

    if isinstance(value, pd.DataFrame) and qualified_name(pd.DataFrame) not in getattr(SERDE, "_serializers", {}):
        pytest.skip("this Airflow refuses all frames of this pandas")
    stored = json.loads(json.dumps(BaseXCom.serialize_value(value)))
    return BaseXCom.deserialize_value(SimpleNamespace(value=stored))


def alike(left: Any, right: Any) -> bool:
    if isinstance(left, pd.DataFrame):
        left, right = left.to_dict("list"), right.to_dict("list")
        return repr(left) == repr(right)
    if isinstance(left, Point) and isinstance(right, Point):
        return same(vars(left), vars(right))
    return same(left, right)


def test_the_table_is_there():
    assert len(ROWS) > 20
    assert len(ON_DATABASES) == 5
    assert len(ROWS) + len(ON_DATABASES) == len(rows())


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_of_the_docs(row):
    pushed, default, here = row

    assert alike(round_trip(of(pushed)), of(here))
    if default == "refused":
        with pytest.raises(Exception):  # noqa: B017, PT011 - Airflow's refusals have many types
            by_default(of(pushed))
    else:
        assert alike(by_default(of(pushed)), of(default))


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_difference_is_found_where_the_docs_have_one(row):
    pushed, default, here = row
    differs = default != "refused" and not alike(of(default), of(here))

    assert bool(differences(of(pushed))) is differs


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stored_in(request):
    """A function that stores a value in a column of the type that Airflow's XComs have, and returns what it reads."""
    from airflow.models.xcom import XComModel

    table = sqlalchemy.Table(
        "rows", sqlalchemy.MetaData(), sqlalchemy.Column("value", XComModel.__table__.c.value.type)
    )
    with contextlib.ExitStack() as stack:
        url = "sqlite://"
        if request.param == "postgresql":
            programs = find_postgres()
            if programs is None:
                pytest.skip("there is no PostgreSQL: neither Debian's package nor an initdb on PATH")
            pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
            url = stack.enter_context(PostgresServer(programs)).url
        engine = sqlalchemy.create_engine(url)
        stack.callback(engine.dispose)
        table.create(engine)

        def stored(value):
            with engine.begin() as connection:
                connection.execute(table.delete())
                connection.execute(table.insert().values(value=value))
                return connection.execute(table.select()).scalar_one()

        yield request.param, stored


@pytest.mark.parametrize("row", ON_DATABASES, ids=lambda row: row[0])
def test_a_row_of_the_docs_on_a_database(stored_in, row):
    from airflow.sdk.bases.xcom import BaseXCom

    database, stored = stored_in
    pushed, *defaults, here = row
    default = defaults[["sqlite", "postgresql"].index(database)]

    found = BaseXCom.deserialize_value(SimpleNamespace(value=stored(BaseXCom.serialize_value(of(pushed)))))

    assert repr(found) == repr(of(default))
    assert repr(round_trip(of(pushed))) == repr(of(here))


def nested_frame():
    return pd.DataFrame({"n": [1], "tags": [["a"]]})


LINES = [
    ({"a": {1: "x"}}, ["['a'][1]: an int key; the default gives text"]),
    (
        [{1: 2}, {3: 4}, {None: 5}],
        ["[0][1]: an int key; the default gives text", "[2][None]: a NoneType key; the default gives text"],
    ),
    ({Level.LOW: 1}, ["[...]: a Level key; the default gives text"]),
    (
        [(Level.LOW, Size.BIG)],
        ["[0][0]: of type Level; the default gives its value", "[0][1]: of type Size; the default gives its value"],
    ),
    (
        OrderedDict(a=Counter("a")),
        [
            "The value: of type OrderedDict; the default gives a dict",
            "['a']: of type Counter; the default gives a dict",
        ],
    ),
    (
        {"row": Pair(1, {2: 3})},
        ["['row']: of type Pair; the default gives a tuple", "['row'].right[2]: an int key; the default gives text"],
    ),
    (Point([Point(1)]), [".x[0]: a dataclass in a dataclass; the default gives a dict"]),
    ([nested_frame()], ["[0]['tags']: lists or tuples in a column; the default gives arrays"]),
    (pd.DataFrame({"a": [{1, 2}]}), ["['a']: sets in a column; the default gives arrays"]),
    (pd.DataFrame({"a": [{"k": 1}]}), ["['a']: dicts in a column; the default gives each of them all keys"]),
    (
        pd.DataFrame({"a": [None, 1]}, dtype=object),
        ["['a']: numbers in a column of objects; the default gives a column of numbers"],
    ),
    (
        pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2024", periods=2, freq="D")),
        [".index: an index with a frequency; the default drops the frequency"],
    ),
    ({"price": Decimal("1.10")}, ["['price']: a Decimal; the default gives one with other digits"]),
    (
        Person(fullName="a", address=Address(street="s"), anything=(1,), password="x"),
        [
            ".anything: of type tuple in a field of type Any; the default gives JSON",
            ".password: of type SecretStr; the default gives asterisks",
        ],
    ),
]


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(("value", "lines"), LINES, ids=[lines[0] for _, lines in LINES])
def test_the_path_and_the_change_are_named(value, lines):
    assert differences(value) == lines


@pytest.mark.usefixtures("allowed")
def test_state_beside_the_fields_is_named():
    point = Point(1)
    point.note = "x"

    assert differences([point]) == ["[0].note: no field of its class; the default drops it"]
    assert by_default([point])[0].__dict__ == {"x": 1, "y": 0}


SAME = [
    None,
    1,
    2**70,
    "x",
    1.5,
    [1, "a", {"b": (1, {2}, frozenset({3}))}],
    {"a": {"b": [None, True]}},
    date(2024, 1, 1),
    datetime(2024, 1, 1, tzinfo=timezone.utc),
    datetime(2024, 1, 1, tzinfo=ZoneInfo("Europe/Paris")),
    pendulum.datetime(2024, 1, 1),
    timedelta(hours=1),
    Decimal("1.5"),
    Decimal(7),
    np.int64(1),
    np.float32(1.5),
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
    pd.DataFrame({"a": [1.5]}, index=pd.Index(["k"], name="i")),
    Point(1, (2, 3)),
    Address(street="s"),
]
#: The default backend refuses these, so no DAG relies on anything.
REFUSED = [b"x", deque([1]), time(1), Path("a"), Color.RED, 1j, Opaque(), np.arange(3), pd.Series([1])]


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("value", SAME, ids=lambda value: type(value).__name__)
def test_nothing_is_said_where_nothing_differs(value):
    assert differences(value) == []
    found = by_default(value)
    equal = found.equals(value) if isinstance(value, pd.DataFrame) else found == value
    assert equal
    assert type(found) is type(value)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_nothing_is_said_of_what_the_default_backend_refuses(value):
    with pytest.raises(Exception):  # noqa: B017, PT011 - Airflow's refusals have many types
        by_default(value)
    assert differences(value) == []


def test_classes_that_are_not_allowed_come_back_plain_here_too():
    assert differences([Level.LOW, Pair(1, 2), Old(1, 2), SlyText("x")]) == []


def test_a_member_of_such_a_class_is_its_value_as_a_key_and_the_default_gives_its_name():
    assert round_trip({Level.LOW: 1}) == {"low": 1}
    assert by_default({Level.LOW: 1}) == {"Level.LOW": 1}
    assert differences({Level.LOW: 1}) == ["[...]: a Level key; the default gives text"]


def test_no_part_of_the_value_is_in_the_lines():
    value = {"canary 4711!": {("canary",): "canary"}, "ok": {20_000: Decimal("4711.10")}}

    lines = differences(value)

    assert len(lines) == 3
    assert "canary" not in str(lines)
    assert "4711" not in str(lines)
    assert "20" not in str(lines)


def test_a_large_value_takes_bounded_work():
    class Watched(list):
        looked = 0

        def __iter__(self):
            for item in super().__iter__():
                Watched.looked += 1
                yield item

    differences(Watched([[n] for n in range(1_000_000)]))

    assert Watched.looked <= 200


def test_many_kinds_of_changes_are_not_all_named():
    value = [Counter(), OrderedDict(), defaultdict(list), {1: 1}, {None: 1}, {1.5: 1}, Decimal("1.10")]

    assert len(differences(value)) == MOST_NAMED


def test_a_cycle_ends():
    value: list[Any] = []
    value.append(value)

    assert differences(value) == []


AT = Coordinate("sales", "run", "extract", "rows")


@pytest.fixture
def _nothing_reported(monkeypatch):
    monkeypatch.setattr(kept_types, "_reported", set())


@pytest.mark.usefixtures("_nothing_reported")
class TestTheLogLine:
    def test_it_is_logged_once_per_key(self, caplog):
        with caplog.at_level(logging.WARNING, "exclusive_redis_xcom"):
            for _ in range(3):
                kept_types.report_kept_types(AT, {"a": {1: Counter()}})

        assert [record.getMessage().splitlines() for record in caplog.records] == [
            [
                "'rows' of extract comes back as it was pushed. Airflow's default backend would change parts of it:",
                "['a'][1]: an int key; the default gives text",
                "['a'][1]: of type Counter; the default gives a dict",
                "Look at the tasks that pull it: they get the value as it was pushed.",
            ]
        ]

    def test_nothing_is_logged_where_nothing_differs(self, caplog):
        kept_types.report_kept_types(AT, {"a": [1, "x"]})

        assert not caplog.records

    def test_an_authors_failing_property_does_not_stop_the_push(self, caplog):
        class Failing(dict):
            def items(self):
                raise RuntimeError("canary")

        kept_types.report_kept_types(AT, [Failing()])

        assert not caplog.records
