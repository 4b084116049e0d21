"""All of Airflow's ways to push and pull under `enforcement = server`: dags_server/ asserts what is got.

Tasks say by their names what must happen to them: those called `denied_*` are refused, all others succeed.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from devtools.airflow_stack import AirflowStack, airflow_version, wait_until
from exclusive_redis_xcom.formats.reference import parse, parse_stored
from tests.acceptance.conftest import Proofs, ServerMode

VERSION = tuple(int(part) for part in airflow_version().split(".")[:2])
MARK = "exclusive_redis_xcom"
DAGS = ["server_ways", "server_mapped", "server_once", "server_rerun", "server_flow", "server_branching"]
DAGS += ["server_callbacks", "server_writes", *(["server_async"] if VERSION >= (3, 3) else [])]
#: Rows that Airflow's scheduler or UI reads itself.
PLAIN_KEYS = {"skipmixin_key", "_link_Link", "_link_TriggerDagRunLink"}

pytestmark = pytest.mark.timeout(900)
from_3_3 = pytest.mark.skipif(VERSION < (3, 3), reason="Airflow has asynchronous XCom calls from 3.3")


@dataclass(frozen=True)
class Runs:
    """All DAGs, triggered at once; who needs one of them waits for it."""

    airflow: AirflowStack
    ids: dict[str, str]

    def over(self, dag_id: str) -> str:
        self.airflow.wait_run(dag_id, self.ids[dag_id], timeout=600)
        return self.ids[dag_id]

    def states(self, dag_id: str) -> dict[tuple[str, int], str | None]:
        return self.airflow.task_states(dag_id, self.over(dag_id))

    def log(self, dag_id: str, task_id: str, **which: int) -> str:
        return self.airflow.task_log(dag_id, self.over(dag_id), task_id, **which)

    def rows(self, dag_id: str) -> dict[tuple[str, str, int], Any]:
        rows = self.airflow.xcom_rows(dag_id, self.over(dag_id))
        return {(row["task_id"], row["key"], row["map_index"]): json.loads(row["value"]) for row in rows}


@pytest.fixture(scope="module")
def runs(server_airflow: AirflowStack) -> Runs:
    return Runs(server_airflow, {dag_id: server_airflow.trigger(dag_id) for dag_id in DAGS})


@pytest.fixture(scope="module")
def elsewhere(runs: Runs, server_airflow: AirflowStack) -> str:
    """The run of `server_elsewhere` that `server_ways` triggers with a conf."""
    run_id = f"by-{runs.over('server_ways')}"
    server_airflow.wait_run("server_elsewhere", run_id, timeout=300)
    return run_id


@pytest.fixture(scope="module")
def two_runs(server_airflow: AirflowStack) -> tuple[str, str]:
    first = server_airflow.trigger("server_runs", logical_date="2026-01-01T00:00:00Z")
    server_airflow.wait_run("server_runs", first, timeout=600)
    second = server_airflow.trigger("server_runs", conf={"first_run": first}, logical_date="2026-01-02T00:00:00Z")
    server_airflow.wait_run("server_runs", second, timeout=600)
    return first, second


def unexpected(states: dict[tuple[str, int], str | None], *also_denied: str) -> dict[tuple[str, int], str | None]:
    assert len(states) > 1
    return {
        key: state
        for key, state in states.items()
        if state != ("failed" if key[0].startswith("denied_") or key[0] in also_denied else "success")
    }


def why_unexpected(runs: Runs, dag_id: str) -> str:
    """What a failing test shows: the ends of the logs of what went wrong."""
    return "\n".join(
        f"--- {key}: {state}\n{runs.log(dag_id, key[0], map_index=key[1])[-1500:]}"
        for key, state in unexpected(runs.states(dag_id)).items()
        if state in ("failed", "success")
    )


@pytest.mark.parametrize("dag_id", ["server_ways", "server_mapped", "server_once", "server_flow", "server_writes"])
def test_declared_consumers_get_what_was_pushed_and_strangers_fail(runs: Runs, dag_id: str) -> None:
    assert unexpected(runs.states(dag_id)) == {}, why_unexpected(runs, dag_id)


@from_3_3
def test_asynchronous_pulls_are_served_and_refused_alike(runs: Runs) -> None:
    assert unexpected(runs.states("server_async")) == {}, why_unexpected(runs, "server_async")
    for task_id in ("denied_pull", "denied_pull_one"):
        assert f"{task_id} may not pull '" in runs.log("server_async", task_id)


@pytest.mark.parametrize(
    ("dag_id", "task_id", "map_index"),
    [
        ("server_ways", "denied_argument", -1),
        ("server_ways", "denied_pull", -1),
        ("server_ways", "denied_pull_one", -1),
        ("server_ways", "denied_among_many", -1),
        ("server_ways", "denied_template", -1),
        ("server_mapped", "denied_over_a_sealed_list", 1),
        ("server_mapped", "denied_mapped_pull", -1),
        ("server_mapped", "denied_lazy_item", -1),
        ("server_mapped", "denied_lazy_slice", -1),
        ("server_mapped", "denied_lazy_iteration", -1),
        ("server_once", "denied_stranger", -1),
    ],
)
def test_the_refusal_names_who_asked_who_may_and_the_remedy(
    runs: Runs, dag_id: str, task_id: str, map_index: int
) -> None:
    log = runs.log(dag_id, task_id, map_index=map_index)

    assert "XComAccessDenied" in log
    asker = task_id if map_index < 0 else f"{task_id}[{map_index}]"
    assert re.search(rf"\b{re.escape(asker)} may not pull '\w+' of \w+(\[\d+\])?: only .* may\.", log)
    assert "To allow it, add " in log


def test_who_may_pull_one_output_but_not_all_is_told_so_for_the_whole(runs: Runs) -> None:
    log = runs.log("server_ways", "denied_whole")

    assert "denied_whole may not pull 'return_value' of " in log
    assert "'return_value' holds a copy of all outputs, so only a consumer of every key may pull it" in log


class TestOtherDagsAndRuns:
    def test_a_task_of_another_dag_is_served_where_it_is_named_and_a_namesake_is_not(
        self, server_airflow: AirflowStack, elsewhere: str
    ) -> None:
        states = server_airflow.task_states("server_elsewhere", elsewhere)

        assert unexpected(states, "by_pull") == {}
        log = server_airflow.task_log("server_elsewhere", elsewhere, "by_pull")
        assert "server_elsewhere/by_pull may not pull '" in log
        assert "To allow it, add server_elsewhere/by_pull to " in log

    def test_values_of_an_earlier_run_are_pulled_with_include_prior_dates_by_consumers_only(
        self, server_airflow: AirflowStack, two_runs: tuple[str, str]
    ) -> None:
        first, second = two_runs

        assert unexpected(server_airflow.task_states("server_runs", first)) == {}
        assert unexpected(server_airflow.task_states("server_runs", second), "reader_of_other_runs") == {}
        for task_id in ("denied_prior", "denied_prior_one"):
            assert "XComAccessDenied" in server_airflow.task_log("server_runs", second, task_id)

    def test_a_rule_of_the_same_run_refuses_its_consumer_from_another_run(
        self, server_airflow: AirflowStack, two_runs: tuple[str, str]
    ) -> None:
        first, second = two_runs
        log = server_airflow.task_log("server_runs", second, "reader_of_other_runs")

        assert "XComAccessDenied" in log
        assert f"Pull it from a task of run '{first}'" in log


class TestReadOnce:
    @pytest.mark.parametrize("task_id", ["denied_second", "denied_second_one"])
    def test_the_second_consumer_is_told_who_was_first(self, runs: Runs, task_id: str) -> None:
        log = runs.log("server_once", task_id)

        assert "XComAlreadyClaimed" in log
        assert "task 'first'" in log

    def test_only_the_first_consumer_ever_claimed_neither_producer_nor_a_refused_task_did(
        self, runs: Runs, server_airflow: AirflowStack
    ) -> None:
        run_id = runs.over("server_once")

        rows = server_airflow.pages("/eventLogs", "event_logs", event="xcom_claimed", run_id=run_id)

        assert {row["owner"] for row in rows} == {"server_once/first"}
        assert {json.loads(row["extra"])["try_number"] for row in rows} == {1, 2}

    def test_the_producers_first_try_was_read_by_itself_and_replaced(self, runs: Runs) -> None:
        assert "the first try fails" in runs.log("server_once", "make", try_number=1)
        assert list(runs.rows("server_once")) == [("make", "token", -1)]


class TestClears:
    def test_the_consumer_cleared_alone_reads_what_it_claimed_again(
        self, runs: Runs, server_airflow: AirflowStack
    ) -> None:
        run_id = runs.over("server_rerun")

        server_airflow.clear("server_rerun", run_id, ["consume"])

        assert server_airflow.wait_run("server_rerun", run_id, timeout=300) == "success"

    def test_a_cleared_run_pushes_anew_and_leaves_nothing_of_the_first_try(
        self, runs: Runs, server_airflow: AirflowStack, server_mode: ServerMode
    ) -> None:
        before = runs.rows("server_rerun")
        run_id = runs.ids["server_rerun"]

        server_airflow.clear("server_rerun", run_id)

        assert server_airflow.wait_run("server_rerun", run_id, timeout=300) == "success"
        after = runs.rows("server_rerun")
        produced = ("produce", "return_value", -1)
        assert parse(before[produced]).version != parse(after[produced]).version
        gone = ("produce", "first try only", -1)
        assert gone in before
        assert gone not in after
        with contextlib.closing(redis.Redis.from_url(server_mode.redis_url)) as client:
            assert not list(client.scan_iter("*:server_rerun:*:first%20try%20only"))


class TestControlFlow:
    def test_branches_and_short_circuits_skip_and_stay_skipped_when_cleared(
        self, runs: Runs, server_airflow: AirflowStack
    ) -> None:
        run_id = runs.over("server_branching")
        skipped = [("not_taken", -1), ("behind_short_circuit", -1)]
        first = {key for key, state in runs.states("server_branching").items() if state == "skipped"}

        server_airflow.clear("server_branching", run_id, [task_id for task_id, _ in skipped])

        assert server_airflow.wait_run("server_branching", run_id, timeout=300) == "success"
        second = {key for key, state in runs.states("server_branching").items() if state == "skipped"}
        assert first == second == set(skipped)

    def test_a_trigger_is_refused_in_words_that_say_where_to_pull_instead(self, runs: Runs, proofs: Proofs) -> None:
        run_id = runs.over("server_flow")

        event = (proofs.folder / f"trigger-{run_id}").read_text()

        assert event.startswith("XComSealed: ")
        assert "Triggers run without an API server that could check who asks" in event
        assert "Pull in the task before it defers or after it resumes" in event

    def test_an_operators_extra_link_is_a_plain_row_that_airflow_shows(
        self, runs: Runs, server_airflow: AirflowStack
    ) -> None:
        run_id = runs.over("server_ways")

        path = f"/dags/server_ways/dagRuns/{run_id}/taskInstances/linked/links"

        assert runs.rows("server_ways").get(("linked", "_link_Link", -1)) == "http://localhost/a/link"
        assert server_airflow.api("GET", path)["extra_links"] == {"a link": "http://localhost/a/link"}

    def test_the_link_of_a_try_that_is_retried_is_refused_since_that_try_is_over(self, runs: Runs) -> None:
        first, second = (runs.log("server_ways", "linked", try_number=number) for number in (1, 2))

        assert "A try of linked that is over may not push " in first
        assert "Failed to push an xcom for task operator extra link" not in second

    def test_a_link_that_is_made_of_the_tasks_own_xcom_is_a_plain_row(
        self, runs: Runs, server_airflow: AirflowStack
    ) -> None:
        rows = runs.rows("server_ways")

        assert is_wrapped(rows["trigger", "trigger_run_id", -1])
        link = rows["trigger", "_link_TriggerDagRunLink", -1]
        assert "/dags/server_elsewhere/runs/" in link


OVER = "XComSealed: "
CALLBACKS: dict[str, str] = {
    "execute": "the value",
    "failure": "the value",
    "skipped": "the value",
    "success": OVER,
    "retry": OVER,
}


class TestCallbacks:
    @pytest.mark.parametrize(("moment", "expected"), CALLBACKS.items())
    def test_callbacks_pull_while_their_task_instance_is_running_and_not_when_it_is_over(
        self, runs: Runs, proofs: Proofs, moment: str, expected: str
    ) -> None:
        run_id = runs.over("server_callbacks")

        found = (proofs.folder / f"{moment}-upstream-{run_id}").read_text()

        assert found.startswith(expected)
        if expected == OVER:
            assert "opens values for running task instances only. This one is over or was cleared" in found
            assert "Pull in the task itself" in found

    @pytest.mark.parametrize("moment", ["failure", "retry", "skipped", "success"])
    def test_what_the_task_pushed_itself_is_read_by_its_callbacks_also_when_it_is_over(
        self, runs: Runs, proofs: Proofs, moment: str
    ) -> None:
        run_id = runs.over("server_callbacks")

        assert (proofs.folder / f"{moment}-own-{run_id}").read_text() == "the value"

    def test_a_dags_callback_in_the_dag_processor_is_refused_in_words_that_say_what_to_do(
        self, runs: Runs, proofs: Proofs, server_airflow: AirflowStack
    ) -> None:
        run_id = runs.over("server_callbacks")

        path = proofs.folder / f"dag-{run_id}"
        found: Any = wait_until(lambda: path.exists() and path.read_text(), 60, server_airflow.log_tails)

        assert found.startswith("XComSealed: ")
        assert "Callbacks in the DAG processor run without an API server" in found

    def test_a_push_in_a_callback_on_retry_is_told_that_the_try_is_over(self, runs: Runs, proofs: Proofs) -> None:
        run_id = runs.over("server_callbacks")

        assert (proofs.folder / f"retry-push-{run_id}").read_text().splitlines() == [
            "XComAccessDenied: A try of retrying that is over may not push 'late' of retrying.",
            "Try 1, which the token is for, is over.",
            "Write XComs while the task runs: callbacks on success, on failure and on retry may run after it.",
            f"XCom 'late' of task 'retrying' in DAG 'server_callbacks', run '{run_id}'. "
            f"Asked by task 'retrying' of DAG 'server_callbacks' (run '{run_id}').",
        ]


class TestWritesOfOthers:
    @pytest.mark.parametrize("task_id", ["denied_set", "denied_delete"])
    def test_airflows_own_calls_are_refused_before_anything_is_written(self, runs: Runs, task_id: str) -> None:
        assert "A task instance may write and remove only its own XComs." in runs.log("server_writes", task_id)

    @pytest.mark.parametrize("task_id", ["denied_set_around_the_backend", "denied_delete_around_the_backend"])
    def test_the_api_server_answers_403_and_the_tasks_log_says_why(self, runs: Runs, task_id: str) -> None:
        log = runs.log("server_writes", task_id)

        assert "403" in log
        assert "access_denied" in log
        assert "A task instance may write and remove only its own XComs." in log

    def test_the_row_is_the_one_that_its_task_pushed(self, runs: Runs) -> None:
        rows = runs.rows("server_writes")

        assert list(rows) == [("target", "token", -1)]
        assert is_wrapped(rows["target", "token", -1])

    def test_the_refused_writes_are_in_the_audit_log(self, runs: Runs, server_airflow: AirflowStack) -> None:
        run_id = runs.over("server_writes")

        rows = server_airflow.pages("/eventLogs", "event_logs", event="xcom_write_denied", run_id=run_id)

        owners = {row["owner"] for row in rows}
        assert owners == {f"server_writes/denied_{action}_around_the_backend" for action in ("set", "delete")}


def is_wrapped(row: Any) -> bool:
    """Tell whether a row is a reference with a wrapped key, and with no other one."""
    seal = parse_stored(row).seal
    return seal is not None and seal.wrapped_key is not None and seal.sealed_key is None


@pytest.mark.parametrize("dag_id", DAGS)
def test_every_row_is_a_sealed_reference_but_those_that_airflow_reads_itself(runs: Runs, dag_id: str) -> None:
    rows = runs.rows(dag_id)

    plain = {key for (_, key, _), value in rows.items() if not (isinstance(value, dict) and MARK in value)}
    assert plain <= PLAIN_KEYS
    sealed = [value for (_, key, _), value in rows.items() if key not in plain]
    assert sealed
    assert all(map(is_wrapped, sealed))


def test_grants_and_refusals_are_in_the_audit_log_under_the_task_that_asked(
    runs: Runs, server_airflow: AirflowStack
) -> None:
    run_id = runs.over("server_ways")

    owners = {
        event: {row["owner"] for row in server_airflow.pages("/eventLogs", "event_logs", event=event, run_id=run_id)}
        for event in ("xcom_granted", "xcom_denied")
    }

    assert "server_ways/by_template" in owners["xcom_granted"]
    assert {"server_ways/denied_pull", "server_ways/denied_template"} <= owners["xcom_denied"]
    assert not [owner for owner in owners["xcom_granted"] if "/denied_" in owner and "among_many" not in owner]


def test_the_audit_log_of_the_refused_task_itself_shows_the_refusal(runs: Runs, server_airflow: AirflowStack) -> None:
    """Airflow's tab asks for the DAG, the run and the task of its page."""
    run_id = runs.over("server_ways")
    page = {"dag_id": "server_ways", "run_id": run_id, "task_id": "denied_pull"}

    rows = server_airflow.pages("/eventLogs", "event_logs", **page)

    found = [row for row in rows if row["event"] == "xcom_denied"]
    assert [(row["owner"], row["try_number"]) for row in found] == [("server_ways/denied_pull", 1)]
    assert json.loads(found[0]["extra"])["under"] == "asker"
