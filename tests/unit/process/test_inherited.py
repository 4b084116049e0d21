"""What a task hands on to the processes that it starts, and who believes it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.process import identity, inherited, kind

TASK = Principal("sales", "extract", "run 1", 3)


@pytest.fixture(autouse=True)
def nothing_handed_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from airflow.sdk.execution_time import task_runner

    monkeypatch.delattr(task_runner, "SUPERVISOR_COMMS", raising=False)
    monkeypatch.delenv(inherited.VARIABLE, raising=False)
    monkeypatch.delenv("__AIRFLOW_SUPERVISOR_FD", raising=False)
    identity.forget()
    yield
    os.environ.pop(inherited.VARIABLE, None)
    identity.forget()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def connect(monkeypatch: pytest.MonkeyPatch, end: socket.socket) -> None:
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import CommsDecoder

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", CommsDecoder(socket=end), raising=False)


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, ends: tuple[socket.socket, socket.socket]) -> socket.socket:
    connect(monkeypatch, ends[0])
    return ends[0]


def test_who_talks_through_the_tasks_own_socket_is_the_task(connected: socket.socket) -> None:
    inherited.hand_on(TASK, rules="{}", in_process=False)

    assert inherited.inherited() == (TASK, "{}", False)
    assert identity.current_principal() == TASK
    assert kind.of_this_process() == "task"


def test_a_child_of_a_task_under_dag_test_is_not_served_since_airflow_answers_it_nothing(
    connected: socket.socket,
) -> None:
    inherited.hand_on(TASK, rules="{}", in_process=True)

    assert kind.of_this_process() == "dag_test_child"
    assert identity.current_principal() is None


def test_who_talks_through_another_socket_is_nobody(
    monkeypatch: pytest.MonkeyPatch, connected: socket.socket, ends: tuple[socket.socket, socket.socket]
) -> None:
    """An Airflow that a task starts inherits the environment, and its tasks have supervisors of their own."""
    inherited.hand_on(TASK, rules="{}", in_process=False)
    connect(monkeypatch, ends[1])

    assert inherited.inherited() is None
    assert identity.current_principal() is None
    assert kind.of_this_process() == "unknown"


def test_who_has_no_connection_is_nobody(monkeypatch: pytest.MonkeyPatch, connected: socket.socket) -> None:
    from airflow.sdk.execution_time import task_runner

    inherited.hand_on(TASK, rules="{}", in_process=False)
    monkeypatch.delattr(task_runner, "SUPERVISOR_COMMS")

    assert inherited.inherited() is None


def test_the_process_that_runs_dag_test_is_not_its_own_child(
    monkeypatch: pytest.MonkeyPatch, ends: tuple[socket.socket, socket.socket]
) -> None:
    """There the next task begins before the listener tells who it is."""
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.supervisor import InProcessSupervisorComms

    monkeypatch.setenv("__AIRFLOW_SUPERVISOR_FD", str(ends[0].fileno()))
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", InProcessSupervisorComms(supervisor=None), raising=False)
    inherited.hand_on(TASK, rules="{}", in_process=True)

    assert inherited.VARIABLE in os.environ
    assert inherited.inherited() is None


@pytest.mark.parametrize("principal", [None, TASK])
def test_a_task_that_cannot_be_named_takes_back_what_another_said(
    monkeypatch: pytest.MonkeyPatch, connected: socket.socket, principal: Principal | None
) -> None:
    from airflow.sdk.execution_time import task_runner

    inherited.hand_on(TASK, rules="{}", in_process=False)
    if principal is not None:
        monkeypatch.delattr(task_runner, "SUPERVISOR_COMMS")

    inherited.hand_on(principal, rules="{}", in_process=False)

    assert inherited.VARIABLE not in os.environ


def test_rules_that_are_too_long_for_the_environment_are_left_out(connected: socket.socket) -> None:
    inherited.hand_on(TASK, rules="x" * 40_000, in_process=False)

    assert inherited.inherited() == (TASK, "", False)


def change(position: int, value: Any) -> Any:
    def changed(parts: list[Any]) -> Any:
        parts[position] = value
        return parts

    return changed


@pytest.mark.parametrize(
    "edit",
    [
        *(change(position, "") for position in (0, 2, 3, 4)),
        *(change(position, None) for position in range(7)),
        change(5, "3"),
        change(5, True),
        lambda parts: parts[:-1],
        lambda parts: [*parts, ""],
        lambda _parts: 7,
        lambda _parts: {},
    ],
)
def test_what_was_edited_is_believed_only_if_it_says_the_same(connected: socket.socket, edit: Any) -> None:
    inherited.hand_on(TASK, rules="{}", in_process=False)
    os.environ[inherited.VARIABLE] = json.dumps(edit(json.loads(os.environ[inherited.VARIABLE])))

    assert inherited.inherited() in (None, (TASK, "{}", False))


@pytest.mark.parametrize("text", ["", "no JSON", "[" * 100_000])
def test_what_is_no_json_is_not_believed(connected: socket.socket, text: str) -> None:
    os.environ[inherited.VARIABLE] = text

    assert inherited.inherited() is None


CHILD = """
import socket, sys
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import CommsDecoder
from exclusive_redis_xcom.process import identity, kind
task_runner.SUPERVISOR_COMMS = CommsDecoder(socket=socket.socket(fileno=int(sys.argv[1])))
print("CHILD", identity.current_principal() or "nobody", kind.of_this_process())
"""


@pytest.mark.parametrize(
    ("end", "expected"),
    [(0, "CHILD task 'extract' [map_index 3] of DAG 'sales' (run 'run 1') task"), (1, "CHILD nobody unknown")],
)
def test_another_interpreter_is_told_by_its_environment_and_its_socket(
    connected: socket.socket, ends: tuple[socket.socket, socket.socket], end: int, expected: str
) -> None:
    inherited.hand_on(TASK, rules="{}", in_process=False)
    number = ends[end].fileno()

    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(number)], pass_fds=[number], capture_output=True, text=True, check=True
    )

    assert [line for line in done.stdout.splitlines() if line.startswith("CHILD")] == [expected]
