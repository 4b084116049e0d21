"""docs/how-to/rollout.md, step by step on a real Airflow: report, suggest, check, enforce.

The Airflow that all tests here share enforces. So the week of reporting is one run of each DAG by `dag.test()`. The
shared Airflow then runs the DAGs with the suggested rules.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis

from devtools.airflow_stack import ROOT, AirflowStack
from devtools.components import OURS
from devtools.worlds.fresh_process import start_afresh
from exclusive_redis_xcom import cli

PAGE = (ROOT / "docs/how-to/rollout.md").read_text()
DAGS = """\
from airflow.sdk import DAG, task

with DAG("orders", schedule=None, PARAMS) as orders:

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
        if (dag_run.conf or {}).get("curious"):
            ti.xcom_pull(task_ids="extract", key="token")

    rows = extract()
    load(rows)
    rows >> [report(), curious()]

with DAG("bi", schedule=None) as bi:

    @task
    def daily(dag_run=None, ti=None):
        orders_run = dag_run.conf["orders_run"]
        token = ti.xcom_pull(dag_id="orders", task_ids="extract", key="token", run_id=orders_run)
        assert token == "a token"

    daily()
"""
RUN_BOTH = """
import runpy, sys
dags = runpy.run_path(sys.argv[1])
orders = dags["orders"].test()
bi = dags["bi"].test(run_conf={"orders_run": orders.run_id})
print("STATES", orders.state, bi.state)
"""

Run = Callable[[str], tuple[int, list[str]]]


@pytest.fixture
def reporting(new_airflow: Callable[..., AirflowStack], backend_env: dict[str, str]) -> Iterator[AirflowStack]:
    """A database and the settings of step 1, without components. Nothing is on record of what other tests have read."""
    with redis.Redis.from_url(backend_env[f"{OURS}REDIS_URL"]) as client:
        for name in client.scan_iter("*:!reads*"):
            client.delete(name)
    with new_airflow({**backend_env, f"{OURS}MODE": "report"}, components=()) as home:
        yield home


@pytest.fixture
def run(reporting: AirflowStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command of the page where the folder `dags` is; return its exit status and standard output."""
    for name, text in reporting.env.items():
        if name.startswith(OURS):
            monkeypatch.setenv(name, text)
    monkeypatch.chdir(reporting.home)
    start_afresh()

    def run_command(command: str) -> tuple[int, list[str]]:
        assert f"\nexclusive-xcom {command}\n" in PAGE
        capsys.readouterr()
        status = cli.main(command.split())
        return status, capsys.readouterr().out.splitlines()

    return run_command


def refusals(lines: list[str]) -> list[list[str]]:
    """Who was refused what of `orders`, and why. Other tests share the Redis."""
    return [
        [*(word for word in line.split() if "/" in word), line.split("  ")[-1].strip()]
        for line in lines[1:]
        if "orders/extract" in line
    ]


def test_the_page_step_by_step(airflow: AirflowStack, reporting: AirflowStack, run: Run) -> None:
    # 1. Report: everything runs, and what today's default would refuse is listed.
    file = reporting.dags_folder / "rollout.py"
    file.write_text(DAGS.replace("PARAMS", ""))
    done = subprocess.run(
        [sys.executable, "-c", RUN_BOTH, os.fspath(file)],
        env=reporting.env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "STATES success success" in done.stdout, (done.stdout + done.stderr)[-4000:]
    would_be_refused = ["bi/daily", "orders/extract:token", "only reported: it got the value"]
    status, lines = run("denials")
    assert (status, refusals(lines)) == (0, [would_be_refused])

    # 2. Suggest: the rules that cover what was read.
    status, text = run("suggest --dags dags")
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
    with_rules = DAGS.replace("PARAMS", "\n".join(text))
    file.write_text(with_rules)

    # 3. Check.
    assert run("can-pull bi/daily orders/extract:token --dags dags") == (0, ["yes"])
    assert run("unused --dags dags")[0] == 0
    status, found = run("lint dags")
    errors = [line for line in found if ": error EX" in line]
    assert (status, len(errors)) == (1, 1)
    assert "error EX122: DAG 'orders': curious pulls 'token' of extract, and may not" in errors[0]

    # 4. Enforce: what was observed goes on, and somebody new is refused.
    assert airflow.add_dag("rollout", with_rules) == ["bi", "orders"]
    orders = airflow.trigger("orders", conf={"curious": True})
    assert airflow.wait_run("orders", orders) == "failed"
    states = {task_id: state for (task_id, _), state in airflow.task_states("orders", orders).items()}
    assert states == {"extract": "success", "load": "success", "report": "success", "curious": "failed"}
    assert airflow.wait_run("bi", airflow.trigger("bi", conf={"orders_run": orders})) == "success"
    status, lines = run("denials --since 1h")
    assert (status, refusals(lines)) == (
        0,
        [["orders/curious", "orders/extract:token", "the rule does not name it"], would_be_refused],
    )
