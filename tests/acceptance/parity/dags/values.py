"""Values of many types, pushed under keys and pulled from another task. None, large values, and outputs of a dict."""

from __future__ import annotations

import collections
import ipaddress
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow import __version__
from airflow.sdk import DAG, BaseOperator, task

from tests.acceptance.parity.classes import Color, Crate, Level, Pair, Person, Point, Versioned
from tests.acceptance.parity.seen import attempt, see

NOON = datetime(2026, 1, 2, 12, 30, 15, 123456)

#: The API server of Airflow 3.1 takes no such numbers.
NO_JSON_NUMBERS = {} if __version__.startswith("3.1") else {"NaN": float("nan"), "infinity": float("inf")}


def values() -> dict[str, Any]:
    import numpy as np
    import pandas as pd
    import pendulum

    return {
        "None": None,
        "True": True,
        "large int": 2**70,
        "float": 0.1,
        **NO_JSON_NUMBERS,
        "text": "naïve 東京 🎈",
        "text like a template": "{{ ti.run_id }}",
        "text like JSON": '{"a": 1}',
        "bytes": b"\x00\xff",
        "list": [1, "two", None],
        "tuple": (1, (2, 3)),
        "set": {1, 2},
        "frozenset": frozenset({"a"}),
        "dict": {"a": {"b": [1]}},
        "int keys": {1: "a"},
        "OrderedDict": collections.OrderedDict(b=1, a=2),
        "Counter": collections.Counter("aab"),
        "deque": collections.deque([1]),
        "datetime": NOON,
        "datetime in UTC": NOON.replace(tzinfo=timezone.utc),
        "datetime in Paris": NOON.replace(tzinfo=ZoneInfo("Europe/Paris")),
        "pendulum": pendulum.datetime(2026, 1, 2, tz="Europe/Paris"),
        "date": date(2026, 1, 2),
        "time": time(1, 2),
        "timedelta": timedelta(days=1, seconds=1),
        "Decimal": Decimal("1.10"),
        "UUID": uuid.UUID(int=7),
        "Path": Path("/a/b"),
        "IP address": ipaddress.ip_address("127.0.0.1"),
        "enum": Color.RED,
        "str enum": Level.LOW,
        "named tuple": Pair(1, "a"),
        "dataclass": Point(1, 2),
        "nested dataclass": Point(Point(1)),
        "attrs": Crate("a", [1]),
        "pydantic": Person(name="a", tags=["b"]),
        "serialize": Versioned(3),
        "numpy int": np.int64(7),
        "numpy float": np.float32(0.5),
        "numpy bool": np.bool_(True),
        "numpy array": np.arange(4),
        "frame": pd.DataFrame({"a": [1, 2], "b": [1.5, None]}, index=[3, 4]),
        "series": pd.Series([1, 2], name="a"),
        "Timestamp": pd.Timestamp("2026-01-02", tz="UTC"),
        "object": object(),
    }


def pulled(ti: Any, name: str) -> Any:
    found = ti.xcom_pull(task_ids="push", key=name)
    # Types of columns and indexes differ between versions of pandas.
    return found.to_dict() if name == "frame" else found


with DAG("parity_values", schedule=None, catchup=False):

    @task
    def push(ti: Any) -> None:
        for name, value in values().items():
            attempt(f"push {name}", partial(ti.xcom_push, name, value))

    @task
    def pull(ti: Any) -> None:
        for name in values():
            attempt(f"pull {name}", partial(pulled, ti, name))

    @task
    def nothing() -> None:
        return None

    @task(do_xcom_push=False)
    def silent() -> str:
        return "not pushed"

    @task
    def large() -> Any:
        return ["x" * 1000] * 3000

    @task(multiple_outputs=True)
    def outputs() -> dict[str, Any]:
        return {"number": 1, "pair": (1, 2), "nothing": None, "inner": {"a": [1]}}

    @task(multiple_outputs=True)
    def inferred_none() -> Any:
        return None

    class Classic(BaseOperator):
        """Pushes keys of its own, as classic operators do, and what it returns."""

        def execute(self, context: Any) -> Any:
            context["ti"].xcom_push(key="rows", value=[(1, "a"), (2, "b")])
            context["ti"].xcom_push(key="job id", value="j/1 ä")
            context["ti"].xcom_push(key="rows", value=[(3, "c")])
            return {"done": True}

    @task
    def take(none: Any, number: Any, pair: Any, gone: Any, whole: Any, rows: Any, job: Any, ti: Any) -> None:
        see("None", none)
        see("outputs", [number, pair, gone, whole])
        see("of an operator", [rows, job])
        see("silent", ti.xcom_pull(task_ids="silent"))
        see("silent by default", ti.xcom_pull(task_ids="silent", default="default", map_indexes=-1))
        see("never pushed", ti.xcom_pull(task_ids="nothing", key="never"))
        found = ti.xcom_pull(task_ids="large")
        see("large", [type(found).__name__, len(found), len(found[-1])])
        see("several", ti.xcom_pull(task_ids=["outputs", "nothing", "classic"]))
        see("no outputs of None", ti.xcom_pull(task_ids="inferred_none"))
        attempt("argument None", lambda: ti.xcom_pull(task_ids=None))
        attempt("key None", lambda: ti.xcom_pull(task_ids="outputs", key=None))

    push() >> pull()
    made, classic = outputs(), Classic(task_id="classic")
    taken = take(
        nothing(), made["number"], made["pair"], made["nothing"], made, classic.output["rows"], classic.output["job id"]
    )
    [silent(), large(), inferred_none()] >> taken
