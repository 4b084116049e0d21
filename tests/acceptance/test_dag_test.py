"""`dag.test()`: all tasks in one process, an in-process API, and no policy on the DAG object under test."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.conftest import BOTH_DAGS, DAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devtools.airflow_stack import AirflowStack

SCRIPT = """
import importlib.util, json, sys
path, dag_id, conf = sys.argv[1:]
spec = importlib.util.spec_from_file_location("under_test", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from airflow.sdk import DAG
dag = next(value for value in vars(module).values() if isinstance(value, DAG) and value.dag_id == dag_id)
run = dag.test(run_conf=json.loads(conf))
states = {f"{ti.task_id}/{ti.map_index}": str(ti.state) for ti in run.get_task_instances()}
print("STATES " + json.dumps([str(run.state), states]))
"""


@pytest.fixture(scope="module")
def home(new_airflow: Callable[..., AirflowStack], backend_env: dict[str, str]) -> Iterator[AirflowStack]:
    """A database and settings without components: a scheduler would run the tested DAG's tasks, too."""
    with new_airflow(backend_env, dags=[DAGS, BOTH_DAGS], components=()) as home:
        yield home


def dag_test(
    home: AirflowStack, file: str, dag_id: str, conf: dict[str, Any] | None = None
) -> tuple[str, dict[str, str], str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(home.dags_folder / f"{file}.py"), dag_id, json.dumps(conf)],
        env=home.env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    output = done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("STATES ")]
    assert lines, output[-4000:]
    state, states = json.loads(lines[0].removeprefix("STATES "))
    return state, states, output


def test_every_way_of_pulling_gets_what_was_pushed(home: AirflowStack) -> None:
    state, states, output = dag_test(home, "pulls", "pulls_plain")

    assert state == "success", (states, output[-4000:])


@pytest.mark.parametrize("dag_id", ["dag_test_conf_exclusive", "dag_test_conf_param"])
def test_rules_in_the_runs_conf_open_nothing_and_break_nothing(home: AirflowStack, dag_id: str) -> None:
    conf = {"xcom_acl": {"extract": {"return_value": ["load", "report"]}}}

    _, states, output = dag_test(home, "dag_test_conf", dag_id, conf)

    assert states == {"extract/-1": "success", "load/-1": "success", "report/-1": "failed"}
    assert "XComAccessDenied" in output
    assert "REPORT GOT the value" not in output
    assert output.count(f"DAG '{dag_id}': This run's conf holds other rules in 'xcom_acl' than the DAG file.") == 1


def test_rules_in_the_runs_conf_of_airflow_dags_test_are_refused(home: AirflowStack) -> None:
    conf = json.dumps({"xcom_acl": {"*": "anyone"}})

    done = home.run_cli("dags", "test", "dag_test_conf_param", "--conf", conf)

    assert done.returncode != 0
    assert "'the value that is fixed in the DAG file' was expected" in done.stdout + done.stderr


def test_refusals_are_the_same_as_in_a_scheduled_run(home: AirflowStack) -> None:
    _, states, _ = dag_test(home, "refusals", "refusals")

    wrong = {
        name: state
        for name, state in states.items()
        if state != ("failed" if name.startswith("denied_") else "success")
    }
    assert len(states) > 15
    assert wrong == {}


def test_another_interpreter_is_refused_at_once_since_airflow_would_never_answer_it(home: AirflowStack) -> None:
    _, states, output = dag_test(home, "other_interpreter", "other_interpreter")

    assert states == {"produce/-1": "success", "denied_pull/-1": "failed", "denied_push/-1": "failed"}, output[-6000:]
    assert "'return_value' of produce may not be pulled: it is not known which task asks." in output
    assert "'key' of denied_push may not be pushed: it is not known which task asks." in output
    assert "where Airflow answers only the task's own process." in output
