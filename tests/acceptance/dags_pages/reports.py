"""A DAG that reads an XCom of `shop`."""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("reports", schedule=None):

    @task
    def monthly():
        return "done"

    monthly()
