"""Tasks that return what is too large for an XCom, by every kind of Python task, and one that returns little."""

from __future__ import annotations

import sys

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task


def make_bytes() -> bytes:
    return b"x" * 140_000_000


def make_text() -> str:
    return "x" * 140_000_000


def make_dict() -> dict[str, list[bytes]]:
    return {"parts": [b"x" * 140_000_000]}


async def make_later() -> bytes:
    return b"x" * 140_000_000


with DAG("returns", params={"xcom_acl": {"restricted*": {"return_value": ["small"]}}}):

    @task
    def small() -> list[str]:
        return ["a", "value"]

    @task
    def restricted() -> str:
        return "a s3cr3t"

    small()
    restricted()
    task(task_id="decorated")(make_bytes)()
    PythonOperator(task_id="classic", python_callable=make_text)
    PythonOperator(task_id="nested", python_callable=make_dict)
    task.short_circuit(task_id="short_circuit")(make_bytes)()
    task.short_circuit(task_id="restricted_condition")(lambda: "a s3cr3t")()
    task.external_python(task_id="external", python=sys.executable)(make_bytes)()
    if "aexecute" in vars(PythonOperator):  # from Airflow 3.2 on
        task(task_id="asynchronous")(make_later)()
