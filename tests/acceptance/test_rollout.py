"""docs/rollout.md, step by step on a real Airflow: report, suggest, check, enforce."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from devtools import processes
from devtools.airflow_stack import ROOT, AirflowStack
from devtools.components import OURS
from exclusive_redis_xcom.cli.program import COMMANDS

PAGE = (ROOT / "docs" / "rollout.md").read_text()
DAGS = """\
from airflow.sdk import DAG, task

with DAG("sales", schedule=None, PARAMS):

    @task
    def extract(ti=None):
        ti.xcom_push("token", "a token")
        return [1, 2]

    @task
    def load(rows):
        assert rows == [1, 2]

    @task
    def report(ti=None):
        assert ti.xcom_pull(task_ids="extract", key="token") == "a token"

    @task
    def curious(dag_run=None, ti=None):
        if dag_run.conf.get("curious"):
            ti.xcom_pull(task_ids="extract", key="token")

    rows = extract()
    load(rows) >> [report(), curious()]

with DAG("bi", schedule=None):

    @task
    def daily(dag_run=None, ti=None):
        sales_run = dag_run.conf["sales_run"]
        token = ti.xcom_pull(dag_id="sales", task_ids="extract", key="token", run_id=sales_run)
        assert token == "a token"

    daily()
"""


@pytest.fixture(scope="module")
def airflow(new_airflow: Callable[..., AirflowStack], backend_env: dict[str, str]) -> Iterator[AirflowStack]:
    env = {**backend_env, f"{OURS}MODE": "report", f"{OURS}KEY_PREFIX": "rollout"}
    with new_airflow(env, components=("api-server", "scheduler", "dag-processor")) as stack:
        yield stack


def run(airflow: AirflowStack, command: str) -> tuple[int, list[str]]:
    """Run a command of the page; return its exit status and standard output."""
    assert f"\nexclusive-xcom {command}\n" in PAGE
    done = subprocess.run(
        [sys.executable, "-m", "exclusive_redis_xcom.cli", *command.split()],
        env=airflow.env,
        cwd=airflow.home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def write(airflow: AirflowStack, params: str) -> None:
    assert airflow.add_dag("rollout", DAGS.replace("PARAMS", params)) == ["bi", "sales"]


def play(airflow: AirflowStack, **conf: object) -> tuple[str, str]:
    """Run both DAGs; return how they ended."""
    sales = airflow.trigger("sales", conf=conf)
    sales_state = airflow.wait_run("sales", sales)
    bi = airflow.trigger("bi", conf={"sales_run": sales})
    return sales_state, airflow.wait_run("bi", bi)


def enforce(airflow: AirflowStack) -> None:
    """Change the setting where tasks run. LocalExecutor's tasks have the scheduler's environment."""
    airflow.env[f"{OURS}MODE"] = "enforce"
    (scheduler,) = [program for program in airflow.programs if program.name == "scheduler"]
    processes.stop([scheduler])
    airflow.programs.remove(scheduler)
    airflow.start_component("scheduler")


def columns(lines: list[str]) -> list[list[str]]:
    """The reader, the XCom and the reason of each line of a table, without its head."""
    return [line.split("  ")[-1:] + [word for word in line.split() if "/" in word] for line in lines[1:]]


def test_the_page_step_by_step(airflow: AirflowStack) -> None:
    # 1. Report: everything runs, and what today's default would refuse is listed.
    write(airflow, "")
    assert play(airflow) == ("success", "success")
    status, listed = run(airflow, "denials")
    assert (status, columns(listed)) == (
        0,
        [["only reported: it got the value", "bi/daily", "sales/extract:token"]],
    )

    # 2. Suggest: the rules that cover what was read.
    status, text = run(airflow, "suggest --dags dags")
    assert status == 0
    assert [line.strip().split("  #")[0] for line in text if not line.startswith("#")] == [
        "params={",
        "'xcom_acl': {",
        "'*': 'nobody',",
        "'extract': {",
        "'return_value': [",
        "'load',",
        "],",
        "'token': [",
        "'bi/daily',",
        "'report',",
        "],",
        "},",
        "},",
        "}",
    ]
    write(airflow, "\n".join(text))

    # 3. Check.
    assert run(airflow, "can-pull bi/daily sales/extract:token --dags dags") == (0, ["yes"])
    assert run(airflow, "unused --dags dags")[0] == 0
    if "lint" in COMMANDS:
        assert run(airflow, "lint dags")[0] == 0

    # 4. Enforce: what was observed goes on, and somebody new is refused.
    enforce(airflow)
    assert play(airflow, curious=True) == ("failed", "success")
    status, listed = run(airflow, "denials --since 1h")
    assert (status, columns(listed)) == (
        0,
        [
            ["the rule does not name it", "sales/curious", "sales/extract:token"],
            ["only reported: it got the value", "bi/daily", "sales/extract:token"],
        ],
    )
