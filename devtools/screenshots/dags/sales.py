"""Two DAGs that have something to show on each page."""

from __future__ import annotations

from airflow.sdk import DAG, task

RULES = {
    "extract": {"token": ["load"], "orders": ["load", "report", "forecast/train"]},
    "load": {"*": ["report"]},
}

with DAG("sales", schedule=None, params={"xcom_acl": RULES}):

    @task
    def extract(ti):
        import pandas

        orders = pandas.DataFrame({"order": range(1000), "customer": range(1000), "amount": [9.5] * 1000})
        ti.xcom_push("token", "not shown")
        ti.xcom_push("orders", orders)
        return orders.describe()

    @task
    def load(summary, ti):
        ti.xcom_pull(task_ids="extract", key="token")
        ti.xcom_pull(task_ids="extract", key="orders")
        return {"rows": 1000, "table": "sales.orders"}

    @task
    def report(loaded, ti):
        ti.xcom_pull(task_ids="extract", key="orders")

    @task
    def export(ti):
        ti.xcom_pull(task_ids="extract", key="token")

    summary = extract()
    loaded = load(summary)
    report(loaded)
    summary >> export()

with DAG("forecast", schedule=None, params={"xcom_acl": {"train": {"model": ["*/*"]}}}):

    @task
    def train(ti):
        ti.xcom_push("model", {"weights": [0.1, 0.2, 0.3]})

    train()
