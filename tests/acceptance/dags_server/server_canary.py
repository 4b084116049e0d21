"""One canary, made at run time, goes every way there is in server mode. Its consumers hold it and say nothing.

Half of it is letters that JSON and `repr` escape, so that it has other forms than its plain one.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, get_current_context, task

GREEK = "αβγδεζηθικλμνξοπρστυφχψω"


def proof(name: str, run_id: str) -> Path:
    return Path(os.environ["ACCEPTANCE_PROOFS"], f"{name}-{run_id}")


def canary_file() -> Path:
    return proof("canary", get_current_context()["ti"].run_id)


def canary() -> str:
    return canary_file().read_text()


def check(found: Any, expected: Any) -> None:
    if found != expected:
        raise RuntimeError("another value than was pushed")


def classic_consumer(token: str, login: Any) -> None:
    check(token, canary())
    check(login, {"login": {"token": canary()}})


def pull_in_callback(context: Any) -> None:
    ti = context["ti"]
    check(ti.xcom_pull(task_ids="make"), proof("canary", ti.run_id).read_text())
    proof("callback", ti.run_id).touch()


class Deferring(BaseOperator):
    """Holds it before it defers and after it resumes."""

    def execute(self, context: Any) -> None:
        found = context["ti"].xcom_pull(task_ids="make")
        context["ti"].xcom_push("kept", found)
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=2)), method_name="resume")

    def resume(self, context: Any, event: Any = None) -> Any:
        check(context["ti"].xcom_pull(key="kept"), canary())
        return context["ti"].xcom_pull(task_ids="make")


ONCE = {"consumers": ["once", "late"], "once": True}

with DAG(
    "server_canary",
    schedule=None,
    catchup=False,
    params={
        "xcom_acl": {
            "make": {"*": "downstream", "once": ONCE, "secret": "nobody"},
            "each": {"return_value": "downstream"},
            "outputs": {"*": "downstream"},
            "classic": {"return_value": "downstream"},
            "once": {"*": "nobody"},
            "deferring": {"*": "nobody"},
        }
    },
):

    @task
    def make() -> str:
        text = secrets.token_hex(12) + "".join(secrets.choice(GREEK) for _ in range(12))
        canary_file().write_text(text)
        ti = get_current_context()["ti"]
        ti.xcom_push("nested", {"login": {"token": text}})
        ti.xcom_push("once", text)
        ti.xcom_push("secret", text)
        ti.xcom_push("large", [f"{number} {text}" for number in range(200)])
        return text

    @task
    def each(number: int) -> str:
        return f"{canary()}-{number}"

    @task(multiple_outputs=True)
    def outputs() -> dict[str, str]:
        return {"one": canary(), "other": canary()}

    made = make()
    mapped = each.expand(number=[0, 1])
    several = outputs()
    classic = PythonOperator(task_id="classic", python_callable=canary)
    made >> [mapped, several, classic]

    @task
    def argument(token: str, output: str) -> None:
        check([token, output], [canary(), canary()])

    @task
    def pulls() -> None:
        ti = get_current_context()["ti"]
        check(ti.xcom_pull(task_ids="make"), canary())
        check(ti.xcom_pull(task_ids="make", key="nested", map_indexes=-1), {"login": {"token": canary()}})
        check(len(ti.xcom_pull(task_ids="make", key="large")), 200)
        check(ti.xcom_pull(task_ids="classic"), canary())
        check(ti.xcom_pull(task_ids="each"), [f"{canary()}-{i}" for i in range(2)])

    @task
    def one_of_many(item: str) -> None:
        check(item, f"{canary()}-{get_current_context()['ti'].map_index}")

    @task
    def lazily(items: Any) -> None:
        check([items[0], *items[1:]], [f"{canary()}-{i}" for i in range(2)])

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def once() -> str:
        ti = get_current_context()["ti"]
        found = ti.xcom_pull(task_ids="make", key="once")
        check(found, canary())
        ti.xcom_push("mine", found)
        if ti.try_number == 1:
            raise RuntimeError("the first try fails, with the value in its frame")
        return found

    @task
    def late() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="make", key="once")

    @task
    def stranger(one_more: str) -> None:
        get_current_context()["ti"].xcom_pull(task_ids="make", key="secret")

    @task
    def overwriter() -> None:
        from airflow.sdk.execution_time.xcom import XCom

        ti = get_current_context()["ti"]
        XCom.set("nested", canary(), dag_id=ti.dag_id, task_id="make", run_id=ti.run_id)

    @task(on_failure_callback=pull_in_callback)
    def failing(token: str) -> None:
        check(token, canary())
        raise RuntimeError("fails, with the value in its frame and in its callback")

    argument(made, several["one"])
    [mapped, classic] >> pulls()
    one_of_many.expand(item=mapped)
    lazily(mapped)
    failing(made)
    stranger(made)
    made >> once() >> late()
    made >> [
        overwriter(),
        # Airflow's scheduler may take the end of the process that deferred for the end of the task ("state mismatch").
        Deferring(task_id="deferring", retries=2, retry_delay=timedelta(seconds=1)),
        PythonOperator(
            task_id="templated",
            python_callable=classic_consumer,
            op_kwargs={"login": made["nested"], "token": "{{ ti.xcom_pull(task_ids='make') }}"},
        ),
        BashOperator(
            task_id="bash",
            bash_command="test \"$TOKEN\" = '{{ ti.xcom_pull(task_ids='make') }}'",
            env={"TOKEN": "{{ ti.xcom_pull(task_ids='make') }}"},
            append_env=True,
            do_xcom_push=False,
        ),
    ]
