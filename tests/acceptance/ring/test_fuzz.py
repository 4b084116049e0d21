"""Hostile requests to the XCom routes of the real API server: whatever they are, three things never happen.

The server never fails. No task gets a data key if the rule does not name it. No row is changed by another task than its
owner. The requests are made around rows whose keys look like routes, queries and escapes.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devtools.airflow_home import airflow_version
from devtools.worlds.api_plan import EARLIER_RUN, LATER_RUN, RUN, at
from devtools.worlds.api_world import World
from devtools.worlds.sealed import Pushed
from tests.acceptance.ring.conftest import Asker

KEYS = ("k", "k/slice", "k/item/0", "slice", "item/0", "a b", "a%2Fb", "%2e%2e", "..", "a?b", "a#b", "ü", "k;x", "K")
FOR_LOAD, FOR_REPORT = ["load"], ["report"]
FOR_NOBODY: list[str] = []

#: Caller -> which of the three it may open.
CALLERS: dict[str | None, list[list[str]]] = {
    "consumer": [FOR_LOAD],
    "stranger": [FOR_REPORT],
    "part 1": [],
    "finished": [],
    "earlier try": [],
    "workload": [],
    "expired": [],
    "ui": [],
    None: [],
}

#: What its running callers own: the rest is not theirs to change.
OWN = {"consumer": "load", "stranger": "report", "part 1": "parts"}

#: Of SQLite: at a larger number Airflow itself fails, with or without a ring.
LARGEST = 2**63 - 1

names = st.sampled_from(
    ["sales", "other", RUN, EARLIER_RUN, LATER_RUN, "extract", "load", "report", "parts", *KEYS, ".", "", "*", "%00"]
)
pieces = (
    names | names.map(lambda name: quote(name, safe="")) | st.text(max_size=8).map(lambda text: quote(text, safe=""))
)
usual = st.tuples(
    st.just("sales"), st.sampled_from([RUN, LATER_RUN]), st.sampled_from(["extract", "parts"]), st.sampled_from(KEYS)
).map(lambda ids: "/".join(quote(part, safe="/") for part in ids))
paths = usual | st.lists(pieces, min_size=1, max_size=7).map("/".join)
routes = st.sampled_from(["", "/slice", "/item/0", "/item/-1", "/item/x", "/slice/", "/", f"/item/{LARGEST}", "/SLICE"])
prefixes = st.sampled_from(
    ["/execution/xcoms/"] * 8
    + ["//execution/xcoms/", "/execution//xcoms/", "/execution/./xcoms/", "/execution/%78coms/", "/execution/XCOMS/"]
)
numbers = st.sampled_from(["-1", "0", "1", "2", "99", "x", "", "1.0", "+1", " 1", "٣", "1e3", "-0", str(LARGEST)])
queries = st.lists(
    st.tuples(
        st.sampled_from(
            ["map_index", "offset", "start", "stop", "step", "mapped_length", "include_prior_dates", "junk"]
        ),
        numbers | st.sampled_from(["true", "false"]),
    ),
    max_size=4,
)
bodies = st.sampled_from([b"", b"null", b"1", b'"x"', b"{", b"[]", b'{"exclusive_redis_xcom":{}}', b"\xff", b"NaN"]) | (
    st.binary(max_size=20)
)
methods = st.sampled_from(["GET"] * 6 + ["HEAD", "POST", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"])
#: Airflow 3.1 itself answers 500 to a query that an older version would not take.
OLDER = [] if airflow_version().startswith("3.1.") else ["2025-04-28", "2025-11-05"]
versions = st.sampled_from([None, None, None, *OLDER, "1999-01-01", "head", "x"])


class Rows(list[tuple[Pushed, list[str]]]):
    """Pushed values and their consumers; short in Hypothesis' reports."""

    def __repr__(self) -> str:
        return f"{len(self)} rows"


@pytest.fixture(scope="module")
def rows(world: World) -> Rows:
    """Sealed values under all keys, each in three runs and tasks with another consumer."""
    found = Rows()
    for number, key in enumerate(KEYS):
        for shift, coordinate in enumerate(
            [at("extract", key), at("extract", key, run_id=LATER_RUN), at("parts", key, map_index=number % 3)]
        ):
            consumers = (FOR_LOAD, FOR_REPORT, FOR_NOBODY)[(number + shift) % 3]
            found.append((world.push(coordinate, consumers), consumers))
    return found


@given(
    caller=st.sampled_from(list(CALLERS)),
    method=methods,
    target=st.tuples(prefixes, paths, routes).map("".join),
    query=queries,
    body=bodies,
    version=versions,
)
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_gets_what_is_not_its_callers(
    world: World,
    ask: Asker,
    rows: Rows,
    caller: str | None,
    method: str,
    target: str,
    query: list[tuple[str, str]],
    body: bytes,
    version: str | None,
) -> None:
    before = foreign_rows(world, caller)
    headers = {"Content-Type": "application/json", **({} if version is None else {"Airflow-API-Version": version})}
    sent: dict[str, Any] = {"content": body} if method in ("POST", "PUT", "PATCH") else {}

    answer = ask.caller.call(caller, method, target, params=query, headers=headers, **sent)

    assert answer.status_code < 500 or is_undecided(answer), answer.text
    for pushed, consumers in rows:
        key = base64.urlsafe_b64encode(pushed.data_key).rstrip(b"=").decode()
        assert key not in answer.text or consumers in CALLERS[caller] or produced_by(caller, pushed)
    assert foreign_rows(world, caller) == before


def produced_by(caller: str | None, pushed: Pushed) -> bool:
    """Whether it is the caller's task, in whatever run and under whatever map_index, that pushed the value."""
    return caller in OWN and pushed.reference.coordinate.task_id == OWN[caller]


def is_undecided(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and bool(answer.json()["detail"]["reason"] == "cannot_decide")


def foreign_rows(world: World, caller: str | None) -> list[tuple[Any, ...]]:
    """All rows but those of the caller's own task instance."""
    own = ("sales", RUN, OWN.get(caller or ""), 1 if caller == "part 1" else -1)
    return [row for row in world.rows() if row[:4] != own]


def test_what_is_opened_is_found_at_all(ask: Asker, rows: Rows) -> None:
    """The test above would pass if nothing were ever opened."""
    (pushed, _), *_ = rows

    answer = ask.xcom("consumer", "GET", pushed.reference.coordinate)

    assert base64.urlsafe_b64encode(pushed.data_key).rstrip(b"=").decode() in answer.text
