"""No value of the table fares worse with this package than with Airflow's default backend.

Each value takes both roads. The default one is Airflow's own: `serialize_value`, JSON, `deserialize_value`. Ours is a
push and a pull with a real Redis. A road ends in one of four ways, and ours may not end in a worse one.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.task.sales import pull, push, sales_dag
from tests.integration.task.value_parity.differences import DIFFERENCES
from tests.integration.task.value_parity.table import VALUES
from tests.portraits import equal, portrait
from tests.unit.codec.conftest import OPTION, forget_patterns
from tests.unit.codec.samples import Point


class End(enum.IntEnum):
    """How well a value got through."""

    REFUSED = 0
    CHANGED = 1
    EQUAL = 2
    SAME = 3


@dataclass(frozen=True)
class Arrival:
    """What a road made of a value: `portrait` of what was pulled, or the error."""

    end: End
    text: str


class Row:
    """The shape that `deserialize_value` takes."""

    def __init__(self, value: Any) -> None:
        self.value = value


def default_road(value: Any) -> Any:
    from airflow.sdk.bases.xcom import BaseXCom

    return BaseXCom.deserialize_value(Row(json.loads(json.dumps(BaseXCom.serialize_value(value)))))


def arrival(make: Callable[[], Any], road: Callable[[Any], Any]) -> Arrival:
    try:
        value = make()
    except ModuleNotFoundError as missing:
        pytest.skip(f"{missing.name} is not installed here")
    try:
        found = road(value)
    except Exception as error:
        return Arrival(End.REFUSED, f"{type(error).__name__}: {str(error)[:200]}")
    text = portrait(found)
    if text == portrait(value):
        return Arrival(End.SAME, text)
    return Arrival(End.EQUAL if equal(found, value) else End.CHANGED, text)


#: What `[core] allowed_deserialization_classes` is.
ALLOWED = ["airflow.*", "airflow.* tests.unit.codec.*"]


@pytest.fixture
def options() -> dict[str, str]:
    """No test here is about a Redis that does not answer, so none ends where the machine pauses for a second."""
    return {"retry_deadline": "20"}


@pytest.fixture(scope="module")
def dag() -> Any:
    """One for all values: no test changes it, and to make it takes longer than a push."""
    return sales_dag({"extract": {"token": ["load"]}})


@pytest.fixture(params=ALLOWED)
def allowed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(OPTION, request.param)
    forget_patterns()
    yield request.param
    monkeypatch.undo()
    forget_patterns()


#: Where a value lies in what a task returns.
PLACES: dict[str, Callable[[Any], Any]] = {
    "itself": lambda value: value,
    "in a dict in a list": lambda value: [{"k": value}],
    "in a tuple": lambda value: (value, 1),
    "in a dataclass": Point,
}

CASES = [("itself", ALLOWED[0]), *((place, ALLOWED[1]) for place in PLACES)]


@pytest.mark.filterwarnings("ignore")  # what libraries say of these values is not the subject
@pytest.mark.parametrize(("place", "allowed"), CASES, indirect=["allowed"])
@pytest.mark.parametrize("name", VALUES)
def test_a_value_fares_no_worse_than_with_the_default_backend(name: str, place: str, allowed: str, dag: Any) -> None:
    def our_road(value: Any) -> Any:
        push(dag, value)
        return pull(dag)

    def make() -> Any:
        return PLACES[place](VALUES[name]())

    default = arrival(make, default_road)
    ours = arrival(make, our_road)

    worse = ours.end < default.end or (ours.end == default.end == End.CHANGED and ours.text != default.text)
    assert worse == ((name, place) in DIFFERENCES), f"default: {default}\nours: {ours}"


def test_every_difference_has_a_value_and_a_reason() -> None:
    assert {name for name, _ in DIFFERENCES} <= set(VALUES)
    assert all(reason.endswith(".") for reason in DIFFERENCES.values())
    assert len(VALUES) > 150
