"""Airflow's public REST API with the ring around it: who edits an XCom, and what goes from Redis with a deletion."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.airflow_home import airflow_version
from devtools.worlds.api_plan import OTHER, SALES
from devtools.worlds.api_world import World
from exclusive_redis_xcom.model import Coordinate
from tests.acceptance.ring.conftest import Asker
from tests.acceptance.ring.copies import copy_dag

AIRFLOW = tuple(map(int, airflow_version().split(".")[:2]))
DELETES_XCOMS = pytest.mark.skipif(AIRFLOW < (3, 2), reason="came with Airflow 3.2")
NAMES_RUNS = pytest.mark.skipif(AIRFLOW < (3, 2), reason="entities name their DAG and run since Airflow 3.2")
DELETES_RUNS = pytest.mark.skipif(AIRFLOW < (3, 3), reason="came with Airflow 3.3")

_numbers = itertools.count()


class Rest:
    """A person with all rights, and runs of their own to spoil."""

    def __init__(self, world: World, ask: Asker) -> None:
        self.world = world
        self._ask = ask

    def __call__(self, method: str, path: str, *, who: str | None = "ui", **kwargs: Any) -> Any:
        return self._ask.call(who, method, f"/api/v2/dags{path}", **kwargs)

    def new_run(self, dag_id: str = SALES) -> str:
        """A run that waits for a scheduler which is not there; Airflow has made its task instances."""
        run_id = f"rest-{next(_numbers)}"
        answer = self("POST", f"/{dag_id}/dagRuns", json={"dag_run_id": run_id, "logical_date": None})
        assert answer.status_code == 200, answer.text
        return run_id

    def push(
        self, run_id: str, task_id: str, key: str = "token", map_index: int = -1, dag_id: str = SALES
    ) -> Coordinate:
        at = Coordinate(dag_id, run_id, task_id, key, map_index)
        self.world.push(at, ["load"])
        assert self.in_redis(at)
        return at

    def in_redis(self, at: Coordinate) -> bool:
        return self.world.store.fetch(at).envelope is not None

    def left(self, *coordinates: Coordinate) -> list[Coordinate]:
        return [at for at in coordinates if self.in_redis(at)]


def path(at: Coordinate) -> str:
    return f"/{at.dag_id}/dagRuns/{at.run_id}/taskInstances/{at.task_id}/xcomEntries"


@pytest.fixture(scope="module")
def rest(world: World, ask: Asker) -> Rest:
    return Rest(world, ask)


@pytest.fixture
def run_id(rest: Rest) -> Iterator[str]:
    made = rest.new_run()
    yield made
    rest("DELETE", f"/{SALES}/dagRuns/{made}")


def test_an_xcom_that_holds_a_reference_cannot_be_edited(rest: Rest, world: World, run_id: str) -> None:
    at = rest.push(run_id, "extract")
    before = world.row(at)

    patched = rest("PATCH", f"{path(at)}/{at.key}", json={"value": "mine"})
    posted = rest("POST", path(at), json={"key": at.key, "value": "mine", "map_index": 5})

    for answer in (patched, posted):
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (403, "access_denied")
    assert world.row(at) == before


def test_a_refused_edit_is_in_the_audit_log_without_the_value(rest: Rest, world: World, run_id: str) -> None:
    at = rest.push(run_id, "extract")

    rest("PATCH", f"{path(at)}/{at.key}", json={"value": "canary-of-an-edit"})

    found = world.caller.call(
        "ui", "GET", "/api/v2/eventLogs", params={"event": "xcom_edit_denied", "run_id": run_id}
    ).json()
    (row,) = found["event_logs"]
    assert (row["dag_id"], row["task_id"], row["map_index"]) == (SALES, "extract", -1)
    assert row["owner"] == "admin"
    everything = world.caller.call("ui", "GET", "/api/v2/eventLogs", params={"run_id": run_id, "limit": 1000})
    assert "canary-of-an-edit" not in everything.text


def test_nobody_learns_from_a_refusal_without_a_token(rest: Rest, run_id: str) -> None:
    at = rest.push(run_id, "extract")

    answers = {
        rest("PATCH", f"{path(at)}/{key}", json={"value": 1}, who=who).text
        for key in (at.key, "nothing-there")
        for who in (None,)
    }

    assert answers == {'{"detail": "Not authenticated"}'}


@pytest.mark.parametrize("who", ["consumer", "garbage"])
def test_a_task_s_token_edits_nothing(rest: Rest, world: World, run_id: str, who: str) -> None:
    at = rest.push(run_id, "extract")
    before = world.row(at)

    answer = rest("PATCH", f"{path(at)}/{at.key}", json={"value": 1}, who=who)

    assert answer.status_code in (401, 403)
    assert world.row(at) == before


def test_a_copied_reference_cannot_be_posted(rest: Rest, world: World, run_id: str) -> None:
    reference = world.row(rest.push(run_id, "extract"))

    for value in (reference, json.dumps(reference)):
        answer = rest(
            "POST", f"/{SALES}/dagRuns/{run_id}/taskInstances/load/xcomEntries", json={"key": "k", "value": value}
        )
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (403, "access_denied")


def test_plain_xcoms_are_made_and_edited_as_before(rest: Rest, world: World, run_id: str) -> None:
    at = Coordinate(SALES, run_id, "extract", "a/plain key")
    posted = rest("POST", path(at), json={"key": at.key, "value": {"a": 1}})
    patched = rest("PATCH", f"{path(at)}/a/plain%20key", json={"value": {"a": 2}})

    assert (posted.status_code, patched.status_code) == (201, 200)
    assert "2" in str(world.row(at))


@DELETES_XCOMS
def test_a_deleted_xcom_goes_from_redis_and_its_siblings_stay(rest: Rest, world: World, run_id: str) -> None:
    parts = [rest.push(run_id, "parts", map_index=index) for index in range(3)]
    other = rest.push(run_id, "extract", "other")

    answer = rest("DELETE", f"{path(parts[1])}/token", params={"map_index": 1})

    assert answer.status_code == 204
    assert rest.left(*parts, other) == [parts[0], parts[2], other]


@DELETES_XCOMS
def test_what_airflow_refuses_to_delete_stays_in_redis(rest: Rest, run_id: str) -> None:
    at = rest.push(run_id, "parts", map_index=0)

    answers = [
        rest("DELETE", f"{path(at)}/token", params={"map_index": 7}),
        rest("DELETE", f"{path(at)}/token", params={"map_index": 0}, who=None),
        rest("DELETE", f"{path(at)}/token", params={"map_index": 0}, who="consumer"),
    ]

    assert all(answer.status_code in (401, 403, 404) for answer in answers)
    assert rest.in_redis(at)


def test_a_deleted_task_instance_takes_its_values_with_it(rest: Rest, run_id: str) -> None:
    parts = [rest.push(run_id, "parts", key, index) for index in range(2) for key in ("a", "b/c")]

    answer = rest("DELETE", f"/{SALES}/dagRuns/{run_id}/taskInstances/parts", params={"map_index": 0})

    assert answer.status_code in (200, 204)
    assert rest.left(*parts) == parts[2:]


def test_a_bulk_request_takes_the_values_of_what_it_deleted(rest: Rest, run_id: str) -> None:
    gone = [rest.push(run_id, "parts", map_index=1), rest.push(run_id, "extract")]
    stay = [rest.push(run_id, "parts", map_index=0), rest.push(run_id, "load")]
    entities = [{"task_id": "parts", "map_index": 1}, "extract", {"task_id": "load", "map_index": 9}]
    action = {"action": "delete", "action_on_non_existence": "skip", "entities": entities}

    answer = rest("PATCH", f"/{SALES}/dagRuns/{run_id}/taskInstances", json={"actions": [action]})

    assert (answer.status_code, len(answer.json()["delete"]["success"])) == (200, 2), answer.text
    assert rest.left(*gone, *stay) == stay


@NAMES_RUNS
def test_a_wildcard_bulk_request_takes_the_values_of_what_it_deleted(rest: Rest, run_id: str) -> None:
    at, stays = rest.push(run_id, "extract"), rest.push(run_id, "load")
    entity = {"dag_id": SALES, "dag_run_id": run_id, "task_id": "extract"}
    body = {"actions": [{"action": "delete", "entities": [entity]}]}

    answer = rest("PATCH", "/~/dagRuns/~/taskInstances", json=body)

    assert (answer.status_code, len(answer.json()["delete"]["success"])) == (200, 1), answer.text
    assert rest.left(at, stays) == [stays]


def test_a_deleted_run_takes_its_values_with_it(rest: Rest, run_id: str) -> None:
    doomed = rest.new_run()
    gone = [rest.push(doomed, "parts", map_index=index) for index in range(3)] + [rest.push(doomed, "extract")]
    stays = rest.push(run_id, "extract")

    answer = rest("DELETE", f"/{SALES}/dagRuns/{doomed}")

    assert answer.status_code == 204, answer.text
    assert rest.left(*gone, stays) == [stays]


def test_a_run_that_cannot_be_deleted_keeps_its_values(rest: Rest, world: World, run_id: str) -> None:
    at = rest.push(run_id, "extract")
    with world.database() as database:
        database.execute("UPDATE dag_run SET state = 'running' WHERE run_id = ?", (run_id,))

    answer = rest("DELETE", f"/{SALES}/dagRuns/{run_id}")

    assert answer.status_code == 409
    assert rest.in_redis(at)
    with world.database() as database:
        database.execute("UPDATE dag_run SET state = 'queued' WHERE run_id = ?", (run_id,))


@DELETES_RUNS
def test_runs_deleted_in_bulk_take_their_values_with_them(rest: Rest, run_id: str) -> None:
    doomed = [rest.new_run(), rest.new_run(OTHER)]
    gone = [rest.push(doomed[0], "extract"), rest.push(doomed[1], "load", dag_id=OTHER)]
    stays = rest.push(run_id, "extract")
    entities = [{"dag_id": SALES, "dag_run_id": doomed[0]}, {"dag_id": OTHER, "dag_run_id": doomed[1]}]

    answer = rest("PATCH", "/~/dagRuns", json={"actions": [{"action": "delete", "entities": entities}]})

    assert (answer.status_code, len(answer.json()["delete"]["success"])) == (200, 2), answer.text
    assert rest.left(*gone, stays) == [stays]


def test_a_deleted_dag_takes_its_values_with_it(rest: Rest, world: World, run_id: str) -> None:
    copy_dag(world, OTHER, "doomed")
    gone = [rest.push("run-1", "load", f"key {index}", dag_id="doomed") for index in range(3)]
    stays = [rest.push(run_id, "extract"), rest.push("run-1", "load", "rest", dag_id=OTHER)]

    answer = rest("DELETE", "/doomed")

    assert answer.status_code == 204, answer.text
    assert rest.left(*gone, *stays) == stays


def test_clearing_leaves_values_to_the_next_try(rest: Rest, run_id: str) -> None:
    at = rest.push(run_id, "extract")

    answer = rest("POST", f"/{SALES}/clearTaskInstances", json={"dry_run": False, "dag_run_id": run_id})

    assert answer.status_code == 200
    assert rest.in_redis(at)
