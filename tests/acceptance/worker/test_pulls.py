"""All of Airflow's ways to push and pull, in a real run. What is expected is asserted inside the tasks: dags/."""

from __future__ import annotations

import json

import pytest
import redis

from devtools.airflow_stack import AirflowStack, airflow_version
from exclusive_redis_xcom.formats.redis_names import hash_name
from exclusive_redis_xcom.model import Coordinate
from tests.acceptance.conftest import Proofs

VERSION = tuple(int(part) for part in airflow_version().split(".")[:2])


def states_of(airflow: AirflowStack, dag_id: str, run_id: str) -> dict[str, set[str | None]]:
    states: dict[str, set[str | None]] = {}
    for (task_id, _), state in airflow.task_states(dag_id, run_id).items():
        states.setdefault(task_id, set()).add(state)
    return states


@pytest.mark.parametrize(
    "dag_id",
    [
        "pulls_plain",
        "pulls_mapped",
        "pulls_expand_kwargs",
        "pulls_setup_teardown",
        "flow_sensors",
        "flow_deferrable",
        "flow_retries",
    ],
)
def test_every_way_of_pulling_gets_what_was_pushed(airflow: AirflowStack, dag_id: str) -> None:
    run_id = airflow.trigger(dag_id)

    assert airflow.wait_run(dag_id, run_id, timeout=240) == "success", airflow.task_states(dag_id, run_id)


@pytest.mark.skipif(VERSION < (3, 3), reason="Airflow has asynchronous XCom calls from 3.3")
def test_the_asynchronous_pulls_get_what_was_pushed(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("pulls_async")

    assert airflow.wait_run("pulls_async", run_id, timeout=240) == "success"


def test_branches_and_short_circuits_skip_what_they_should(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("flow_branching")

    assert airflow.wait_run("flow_branching", run_id, timeout=240) == "success"
    states = states_of(airflow, "flow_branching", run_id)
    skipped = {task_id for task_id, found in states.items() if found == {"skipped"}}
    assert skipped == {"not_taken", "behind_short_circuit"}


def test_a_cleared_skipped_branch_is_skipped_again(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("flow_branching")
    airflow.wait_run("flow_branching", run_id, timeout=240)

    airflow.clear("flow_branching", run_id, ["not_taken"])

    assert airflow.wait_run("flow_branching", run_id, timeout=240) == "success"
    assert states_of(airflow, "flow_branching", run_id)["not_taken"] == {"skipped"}


def test_the_keys_that_the_scheduler_reads_stay_plain_in_the_database(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("flow_branching")
    airflow.wait_run("flow_branching", run_id, timeout=240)

    rows = {row["key"]: json.loads(row["value"]) for row in airflow.xcom_rows("flow_branching", run_id)}

    assert rows["skipmixin_key"] in ({"followed": ["taken"]}, {"skipped": ["behind_short_circuit"]})


def test_callbacks_pull_and_push_as_their_task(airflow: AirflowStack, proofs: Proofs) -> None:
    run_id = airflow.trigger("flow_callbacks")
    airflow.wait_run("flow_callbacks", run_id, timeout=240)

    moments = ("success", "failure", "retry", "skipped")
    expected = {f"{moment}-{whose}" for moment in moments for whose in ("own", "upstream")} | {"failure-pushed"}
    assert proofs.of(run_id) == expected


def test_a_value_that_only_an_earlier_run_has_is_pulled_with_include_prior_dates(airflow: AirflowStack) -> None:
    earlier = airflow.trigger("pulls_prior_dates", logical_date="2026-01-01T00:00:00Z")
    assert airflow.wait_run("pulls_prior_dates", earlier, timeout=240) == "success"

    later = airflow.trigger("pulls_prior_dates", conf={"pushes": False}, logical_date="2026-01-02T00:00:00Z")

    assert airflow.wait_run("pulls_prior_dates", later, timeout=240) == "success"
    assert [row["key"] for row in airflow.xcom_rows("pulls_prior_dates", earlier)] == ["once"]
    assert airflow.xcom_rows("pulls_prior_dates", later) == []


class TestALookBackOverRunsThatRedisLost:
    def run(self, airflow: AirflowStack, day: int, expected: list[int]) -> str:
        conf = {"day": day, "expected": expected}
        run_id = airflow.trigger("pulls_watermark", conf=conf, logical_date=f"2026-01-{day:02}T00:00:00Z")
        airflow.wait_run("pulls_watermark", run_id, timeout=240)
        return run_id

    def lose(self, redis_client: redis.Redis, run_id: str) -> None:
        name = hash_name("exclusive_redis_xcom", Coordinate("pulls_watermark", run_id, "advance", "mark"))
        assert redis_client.delete(name) == 1

    def test_gives_what_is_alive_and_warns_and_fails_without_the_newest(
        self, airflow: AirflowStack, redis_client: redis.Redis
    ) -> None:
        first, second = self.run(airflow, 1, []), self.run(airflow, 2, [])
        self.lose(redis_client, first)

        third = self.run(airflow, 3, [2, 3])

        states = states_of(airflow, "pulls_watermark", third)
        assert states["look_back"] == {"success"}, airflow.task_log("pulls_watermark", third, "look_back")
        log = airflow.task_log("pulls_watermark", third, "look_back")
        assert "XCom pull leaves out 1 of 3 values" in log
        assert first in log
        assert second not in log

        self.lose(redis_client, third)
        airflow.clear("pulls_watermark", third, ["look_back"])
        airflow.wait_run("pulls_watermark", third, timeout=240)

        assert states_of(airflow, "pulls_watermark", third)["look_back"] == {"failed"}
        assert "XComExpired" in airflow.task_log("pulls_watermark", third, "look_back", try_number=2)

    def test_a_required_xcom_that_nobody_pushed_fails_with_near_names(self, airflow: AirflowStack) -> None:
        run_id = self.run(airflow, 9, [])

        assert states_of(airflow, "pulls_watermark", run_id)["misspell"] == {"failed"}
        assert "XComMissing" in airflow.task_log("pulls_watermark", run_id, "misspell")
        log = airflow.task_log("pulls_watermark", run_id, "forget_a_name")
        assert "did you mean task 'advance'?" in log


def test_under_linked_a_task_that_takes_the_value_is_served_and_one_that_only_pulls_is_refused(
    airflow: AirflowStack,
) -> None:
    run_id = airflow.trigger("pulls_linked")
    airflow.wait_run("pulls_linked", run_id, timeout=240)

    states = states_of(airflow, "pulls_linked", run_id)
    assert states == {"produce": {"success"}, "takes_it": {"success"}, "only_pulls_it": {"failed"}}
    assert "XComAccessDenied: " in airflow.task_log("pulls_linked", run_id, "only_pulls_it")


def test_an_operators_extra_link_stays_a_plain_row_and_its_xcom_is_a_reference(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("pulls_extra_link")
    assert airflow.wait_run("pulls_extra_link", run_id, timeout=240) == "success"

    rows = {row["key"]: json.loads(row["value"]) for row in airflow.xcom_rows("pulls_extra_link", run_id)}
    (link,) = [value for key, value in rows.items() if "link" in key.lower()]
    assert isinstance(link, str)
    assert "/dags/pulls_triggered/runs/" in link
    assert list(rows["trigger_run_id"]) == ["exclusive_redis_xcom"]
