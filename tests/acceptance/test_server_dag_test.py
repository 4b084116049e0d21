"""`dag.test()` under `enforcement = server`: there is no API server, so this process opens values, or nobody."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devtools.airflow_home import ROOT
from devtools.components import OURS
from tests.acceptance.conftest import SERVER_DAGS
from tests.acceptance.test_dag_test import dag_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devtools.airflow_stack import AirflowStack
    from tests.acceptance.conftest import ServerMode

Outcome = tuple[dict[str, str], str]


@pytest.fixture(scope="module")
def dag_test_with(new_airflow: Callable[..., AirflowStack], server_mode: ServerMode) -> Callable[..., Outcome]:
    """Runs `server_local` with a database and settings, without components; what the tasks became, and the output."""

    def run(**further: str) -> Outcome:
        env = {**server_mode.env, "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO", **further}
        with new_airflow(env, dags=SERVER_DAGS, components=()) as home:
            _, states, output = dag_test(home, "server_local", "server_local")
        return {name.removesuffix("/-1"): state for name, state in states.items()}, re.sub(r"\s+", " ", output)

    return run


def recipe_of(dag_id: str) -> str:
    return f'(set -a; eval "$(exclusive-xcom keygen)"; airflow dags test {dag_id})'


@pytest.fixture(scope="module")
def without_key(dag_test_with: Callable[..., Outcome]) -> Outcome:
    return dag_test_with()


@pytest.fixture(scope="module")
def with_key(dag_test_with: Callable[..., Outcome], server_mode: ServerMode) -> Outcome:
    return dag_test_with(**{f"{OURS}SEAL_PRIVATE_KEYS": server_mode.private_key})


def test_without_a_private_key_no_value_is_opened_and_the_text_says_what_to_do(without_key: Outcome) -> None:
    states, output = without_key

    assert states["produce"] == "success"
    assert {state for name, state in states.items() if name != "produce"} <= {"failed", "upstream_failed"}
    assert "XComSealed" in output
    assert "No API server answers in a test run of a DAG, so nobody opened it." in output
    assert recipe_of("server_local") in output.replace('\\"', '"')


def test_with_the_private_key_consumers_are_served_and_the_stranger_is_refused(with_key: Outcome) -> None:
    states, output = with_key

    served = {name: state for name, state in states.items() if not name.startswith("denied_")}
    assert set(served.values()) == {"success"}, output[-4000:]
    assert states["denied_stranger"] == "failed"
    assert "denied_stranger may not pull '" in output


def test_what_may_be_read_once_is_claimed_by_the_first_consumer(with_key: Outcome) -> None:
    states, output = with_key

    assert (states["once"], states["denied_once"]) == ("success", "failed")
    assert "XComAlreadyClaimed" in output
    assert "task 'once'" in output


def test_the_private_key_is_not_printed(with_key: Outcome, server_mode: ServerMode) -> None:
    _, output = with_key

    assert server_mode.private_key not in output


@pytest.fixture
def anywhere(new_airflow: Callable[..., AirflowStack], server_mode: ServerMode) -> Iterator[AirflowStack]:
    """A process with Airflow's database and the workers' login for Redis, and with no key of an installation."""
    env = {**server_mode.env, "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO", f"{OURS}SEAL_PUBLIC_KEY": ""}
    with new_airflow(env, dags=SERVER_DAGS, components=()) as home:
        yield home


def in_a_shell(home: AirflowStack, script: str) -> tuple[int, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", script],
        env={**home.env, "PATH": path},
        cwd=home.home,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    return done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr)


def states(home: AirflowStack) -> dict[str, str]:
    """How the tasks of the one run in Airflow's database ended, and the run's id under ""."""
    with contextlib.closing(sqlite3.connect(f"file:{home.home}/airflow.db?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT task_id, state, run_id FROM task_instance WHERE dag_id = 'server_local'"
        ).fetchall()
    (run_id,) = {run_id for *_, run_id in rows}
    return {"": run_id, **{task_id: state for task_id, state, _ in rows}}


EXPECTED = {
    "produce": "success",
    "consume": "success",
    "again": "success",
    "once": "success",
    "denied_once": "failed",
    "denied_stranger": "failed",
}


def test_the_documented_recipe_runs_a_whole_dag_with_keys_of_its_own(anywhere: AirflowStack) -> None:
    assert recipe_of("DAG_ID") in (ROOT / "docs/explanation/security.md").read_text()

    _, output = in_a_shell(anywhere, recipe_of("server_local"))

    found = states(anywhere)
    found.pop("")
    assert found == EXPECTED, output[-6000:]
    assert "denied_stranger may not pull '" in output


@pytest.mark.timeout(900)  # it starts Airflow four times
def test_a_task_is_tested_with_what_an_earlier_run_pushed_if_both_have_the_same_keys(anywhere: AirflowStack) -> None:
    page = (ROOT / "docs/explanation/security.md").read_text()
    steps = ["(umask 077; exclusive-xcom keygen > test.env)", "set -a; . ./test.env; set +a"]
    assert [step for step in steps if step not in page] == []
    in_a_shell(anywhere, "\n".join([*steps, "airflow dags test server_local"]))
    run_id = states(anywhere)[""]

    _, output = in_a_shell(anywhere, f"{steps[1]}\nairflow tasks test server_local consume {run_id}")

    assert states(anywhere)["consume"] == "success", output[-6000:]

    _, output = in_a_shell(anywhere, f"{steps[1]}\nairflow tasks test server_local denied_stranger {run_id}")

    assert "denied_stranger may not pull '" in output

    other_keys = recipe_of("server_local").replace("dags test server_local", f"tasks test server_local again {run_id}")
    _, output = in_a_shell(anywhere, other_keys)

    assert states(anywhere)["again"] == "failed"
    assert "No API server answers in a test run of a DAG, so nobody opened it." in output


def test_without_any_key_the_push_fails_and_the_text_has_the_recipe(anywhere: AirflowStack) -> None:
    status, output = in_a_shell(anywhere, "airflow dags test server_local")

    assert status != 0
    assert "[exclusive_redis_xcom] enforcement = server needs seal_public_key where tasks run." in output
    assert recipe_of("server_local") in output.replace('\\"', '"')
