"""Who am I, phase by phase. (tests/acceptance asks the same inside real task processes.)"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from devtools.worlds.running_task import RUN_ID, executing, task_instance
from exclusive_redis_xcom.airflow import listener
from exclusive_redis_xcom.model import Coordinate, Principal
from exclusive_redis_xcom.process import identity


@pytest.fixture(autouse=True)
def nobody_is_running() -> Iterator[None]:
    identity.forget()
    structlog.contextvars.clear_contextvars()
    yield
    identity.forget()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def tasks() -> dict[str, Any]:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG

    with DAG("sales") as dag:
        EmptyOperator(task_id="extract")
        EmptyOperator(task_id="load")
    return dict(dag.task_dict)


def test_nobody_is_known_outside_a_task() -> None:
    assert identity.current_principal() is None


def test_the_context_tells_who_executes(tasks: dict[str, Any]) -> None:
    with executing(tasks["extract"], map_index=4):
        assert identity.current_principal() == Principal("sales", "extract", RUN_ID, 4)


def test_threads_of_a_task_are_that_task(tasks: dict[str, Any]) -> None:
    found: list[Principal | None] = []
    with executing(tasks["extract"]):
        thread = threading.Thread(target=lambda: found.append(identity.current_principal()))
        thread.start()
        thread.join()

    assert found == [Principal("sales", "extract", RUN_ID, -1)]


def test_the_listener_tells_who_runs_after_the_context_is_gone(tasks: dict[str, Any]) -> None:
    listener.on_task_instance_running(previous_state=None, task_instance=task_instance(tasks["load"]))

    assert identity.current_principal() == Principal("sales", "load", RUN_ID, -1)


def test_the_context_wins_over_the_listener(tasks: dict[str, Any]) -> None:
    listener.on_task_instance_running(previous_state=None, task_instance=task_instance(tasks["load"]))

    with executing(tasks["extract"]):
        assert identity.current_principal() == Principal("sales", "extract", RUN_ID, -1)


def test_a_database_task_instance_from_the_schedulers_hooks_is_not_taken_for_the_running_task() -> None:
    class TaskInstance:
        dag_id, task_id, run_id, map_index = "sales", "load", RUN_ID, -1

    listener.on_task_instance_running(previous_state=None, task_instance=TaskInstance())

    assert identity.current_principal() is None


def test_the_ids_bound_to_log_lines_tell_who_clears_its_xcoms_at_start() -> None:
    structlog.contextvars.bind_contextvars(dag_id="sales", task_id="load", run_id=RUN_ID, map_index=2)

    assert identity.current_principal() == Principal("sales", "load", RUN_ID, 2)


@pytest.mark.parametrize("missing", ["dag_id", "task_id", "run_id", "map_index"])
def test_incomplete_ids_on_log_lines_tell_nobody(missing: str) -> None:
    ids = {"dag_id": "sales", "task_id": "load", "run_id": RUN_ID, "map_index": -1}
    structlog.contextvars.bind_contextvars(**{name: value for name, value in ids.items() if name != missing})

    assert identity.current_principal() is None


def test_the_task_whose_file_was_parsed_may_clear_its_xcoms_and_nothing_else() -> None:
    start_a_task_process()
    identity.remember_parsing("sales", "load")

    assert identity.clearing_principal() == Principal("sales", "load", run_id=None, map_index=None)
    assert identity.current_principal() is None


def test_parsing_a_file_for_no_task_in_particular_tells_nobody() -> None:
    start_a_task_process()
    identity.remember_parsing("sales", None)

    assert identity.clearing_principal() is None


def test_parsing_outside_a_task_process_tells_nobody() -> None:
    """The DAG processor: DAG code can set the variables that Airflow passes the parsed task in."""
    identity.remember_parsing("sales", "load")

    assert identity.clearing_principal() is None


def test_ids_that_answer_comparisons_as_they_like_are_made_plain() -> None:
    class Liar(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = str.__hash__

    coordinate = Coordinate(Liar("d"), Liar("r"), Liar("t"), Liar("k"))

    assert coordinate != Coordinate("d", "r", "another", "k")
    assert {type(part) for part in (coordinate.dag_id, coordinate.run_id, coordinate.task_id, coordinate.key)} == {str}


def start_a_task_process() -> None:
    listener.on_starting(component=type("TaskRunnerMarker", (), {})())


def test_the_environment_variables_that_airflow_exports_tell_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DAG_ID": "sales", "TASK_ID": "load", "DAG_RUN_ID": RUN_ID}.items():
        monkeypatch.setenv(f"AIRFLOW_CTX_{name}", value)

    assert identity.current_principal() is None


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Set options of this package, as the environment of a process does."""
    from exclusive_redis_xcom.settings import load_settings

    def configure(**options: str) -> None:
        for name, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__EXCLUSIVE_REDIS_XCOM__{name.upper()}", value)

    load_settings.cache_clear()
    yield configure
    load_settings.cache_clear()


@pytest.mark.parametrize(("enforcement", "warnings"), [("server", 1), ("worker", 0)])
def test_a_worker_that_holds_private_keys_says_so_and_shows_none(
    configured: Any, caplog: pytest.LogCaptureFixture, enforcement: str, warnings: int
) -> None:
    from exclusive_redis_xcom.crypto import generate_seal_keys

    public, private = generate_seal_keys()
    configured(enforcement=enforcement, seal_public_key=public, seal_private_keys=private)

    start_a_task_process()

    said = [text for text in caplog.messages if "every task on it can open every sealed XCom" in text]
    assert len(said) == warnings
    assert private not in caplog.text
    assert public not in caplog.text


def test_a_worker_without_private_keys_says_nothing(configured: Any, caplog: pytest.LogCaptureFixture) -> None:
    from exclusive_redis_xcom.crypto import generate_seal_keys

    configured(enforcement="server", seal_public_key=generate_seal_keys()[0])

    start_a_task_process()

    assert caplog.text == ""
