"""What kind of process this is, told by Airflow's own objects."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from exclusive_redis_xcom.airflow import listener
from exclusive_redis_xcom.process import identity, kind


@pytest.fixture(autouse=True)
def a_plain_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from airflow.sdk.execution_time import task_runner

    monkeypatch.delattr(task_runner, "SUPERVISOR_COMMS", raising=False)
    monkeypatch.delitem(sys.modules, "airflow.api_fastapi.main", raising=False)
    monkeypatch.delitem(sys.modules, "exclusive_redis_xcom.asgi", raising=False)
    identity.forget()
    yield
    identity.forget()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def talks_through(monkeypatch: pytest.MonkeyPatch, comms: Any) -> None:
    from airflow.sdk.execution_time import task_runner

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)


def start_a_task_process() -> None:
    listener.on_starting(component=type("TaskRunnerMarker", (), {})())


def test_a_plain_process_is_unknown() -> None:
    assert kind.of_this_process() == "unknown"


def test_a_process_that_airflow_starts_for_a_task_is_one() -> None:
    start_a_task_process()

    assert kind.of_this_process() == "task"


def test_a_task_process_that_talks_to_its_supervisor_is_one(
    monkeypatch: pytest.MonkeyPatch, ends: tuple[socket.socket, socket.socket]
) -> None:
    import airflow.dag_processing.processor  # noqa: F401 - the LocalExecutor's scheduler has it
    from airflow.sdk.execution_time.comms import CommsDecoder

    start_a_task_process()
    talks_through(monkeypatch, CommsDecoder(socket=ends[0]))

    assert kind.of_this_process() == "task"


def test_a_callback_on_an_executor_is_no_task(
    monkeypatch: pytest.MonkeyPatch, ends: tuple[socket.socket, socket.socket]
) -> None:
    """Airflow 3.3: the same class as in a task, in a process that no listener is told of."""
    from airflow.sdk.execution_time.comms import CommsDecoder

    talks_through(monkeypatch, CommsDecoder(socket=ends[0]))

    assert kind.of_this_process() == "unknown"


def test_the_dag_processors_child_is_told_by_the_messages_it_decodes(
    monkeypatch: pytest.MonkeyPatch, ends: tuple[socket.socket, socket.socket]
) -> None:
    from airflow.dag_processing.processor import ToDagProcessor
    from airflow.sdk.execution_time.comms import CommsDecoder
    from pydantic import TypeAdapter

    talks_through(monkeypatch, CommsDecoder(socket=ends[0], body_decoder=TypeAdapter(ToDagProcessor)))

    assert kind.of_this_process() == "dag_processor"


def test_the_triggerer_has_a_class_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.jobs.triggerer_job_runner import TriggerCommsDecoder

    talks_through(monkeypatch, TriggerCommsDecoder.__new__(TriggerCommsDecoder))

    assert kind.of_this_process() == "triggerer"


def test_dag_test_has_a_class_of_its_own_even_inside_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time.supervisor import InProcessSupervisorComms

    start_a_task_process()
    talks_through(monkeypatch, InProcessSupervisorComms(supervisor=None))

    assert kind.of_this_process() == "dag_test"
    assert kind.in_process_task_instance() is None


@pytest.mark.parametrize("name", ["airflow.api_fastapi.main", "exclusive_redis_xcom.asgi"])
def test_an_api_server_is_told_by_the_module_that_only_it_imports(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, ModuleType(name))

    assert kind.of_this_process() == "api_server"
