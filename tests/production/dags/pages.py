"""Two DAGs for the pages in Airflow's UI. A role may see one of them alone."""

from __future__ import annotations

from airflow.sdk import DAG, task

RULES = {"push": {"ruled": ["use", "pages_closed/push"]}}

with DAG(
    "pages_open",
    schedule=None,
    params={"xcom_acl": RULES},
    access_control={"pages-one-dag": {"DAGs": {"can_read"}}},
):

    @task
    def push(ti=None):
        ti.xcom_push(key="ruled", value="canary-ruled")
        return "canary-open"

    @task
    def use(pushed):
        pass

    use(push())

with DAG("pages_closed", schedule=None):

    @task(task_id="push")
    def push_too():
        return "canary-closed"

    push_too()
