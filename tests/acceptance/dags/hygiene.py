"""A restricted secret goes every way there is, and its consumers print it: Airflow must show `***` everywhere.

The secret is made at run time, so that no file has it but the proof that the test reads it from.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import string
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, get_current_context, task


def canary_file() -> Path:
    return Path(os.environ["ACCEPTANCE_PROOFS"], f"canary-{get_current_context()['ti'].run_id}")


def canary() -> str:
    return canary_file().read_text()


def show(found: Any, expected: Any) -> None:
    """Print and log a value in every way; the comparison's own text is not shown."""
    if found != expected:
        raise RuntimeError("another value than was pushed")
    for text in (f"printed {found}", found if isinstance(found, str) else json.dumps(found), repr(found)):
        print(text)  # noqa: T201 - what the test is about
    logging.getLogger("some.library").warning("logged %s", found)


def show_login(login: Any, token: str, **_context: Any) -> None:
    show(login, nested())
    show(token, canary())


def nested() -> dict[str, Any]:
    return {"login": {"user": "reporting", "keys": [canary(), {"previous": f"{canary()}-1"}]}, "port": 54321876}


def table() -> Any:
    """Make a frame with more cells than the masking of logs looks at."""
    import pandas as pd

    return pd.DataFrame({"token": [canary()] * 100, "number": range(54321876, 54321976)})


def lines() -> str:
    return f'-----BEGIN "KEY"-----\n{canary()}\n\\{canary()}\\\n-----END "KEY"-----\n'


with DAG(
    "hygiene",
    schedule=None,
    catchup=False,
    params={
        "xcom_acl": {
            "make": {"*": "downstream"},
            "each": {"return_value": "downstream"},
            "outputs": {"token": "downstream"},
            "classic": {"return_value": "downstream"},
        }
    },
):

    @task
    def make() -> str:
        canary_file().write_text("".join(secrets.choice(string.ascii_letters) for _ in range(24)))
        ti = get_current_context()["ti"]
        ti.xcom_push("nested", nested())
        ti.xcom_push("lines", lines())
        ti.xcom_push("bytes", canary().encode())
        ti.xcom_push("table", table())
        return canary()

    @task
    def each(number: int) -> str:
        return f"{canary()}-{number}"

    @task(multiple_outputs=True)
    def outputs() -> dict[str, str]:
        return {"token": canary(), "region": "north"}

    made = make()
    mapped = each.expand(number=[0, 1, 2])
    several = outputs()
    classic = PythonOperator(task_id="classic", python_callable=canary)
    made >> [mapped, several, classic]

    @task
    def argument(token: str) -> None:
        show(token, canary())

    @task
    def pulls() -> None:
        ti = get_current_context()["ti"]
        show(ti.xcom_pull(task_ids="make"), canary())
        show(ti.xcom_pull(task_ids="make", key="nested"), nested())
        show(ti.xcom_pull(task_ids="make", key="lines"), lines())
        show(ti.xcom_pull(task_ids="make", key="bytes").decode(), canary())
        show(ti.xcom_pull(task_ids="classic"), canary())
        show(list(ti.xcom_pull(task_ids="each")), [f"{canary()}-{i}" for i in range(3)])
        show(ti.xcom_pull(task_ids="outputs"), {"token": canary(), "region": "north"})

    @task
    def one_of_many(item: str) -> None:
        show(item, f"{canary()}-{get_current_context()['ti'].map_index}")

    @task
    def failing(token: str) -> None:
        show(token, canary())
        raise RuntimeError(f"the service refused {token}")

    @task
    def frame(found: Any) -> None:
        if not found.equals(table()):
            raise RuntimeError("another value than was pushed")

    argument(made)
    frame(made["table"])
    argument.override(task_id="output_argument")(several["token"])
    pulling = pulls()
    [made, mapped, several, classic] >> pulling
    one_of_many.expand(item=mapped)
    failing(made)
    made >> PythonOperator(
        task_id="op_kwargs",
        python_callable=show_login,
        op_kwargs={"login": made["nested"], "token": "{{ ti.xcom_pull(task_ids='make') }}"},
    )
    made >> BashOperator(
        task_id="template",
        bash_command="echo rendered {{ ti.xcom_pull(task_ids='make') }}; echo from env $TOKEN; true",
        env={"TOKEN": "{{ ti.xcom_pull(task_ids='make') }}"},
        append_env=True,
        do_xcom_push=False,
    )
