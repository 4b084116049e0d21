"""A DAG with values of all kinds and states, for the page of a task instance."""

from __future__ import annotations

from airflow.sdk import DAG, task

RULES = {
    "push": {
        "secret": ["use"],
        "ticket": {"consumers": ["use"], "once": True},
        "short": {"consumers": "same_dag", "ttl_seconds": 1},
        "elsewhere": ["use", "reports/monthly", "other_*/x", "*/anyone"],
    },
}

with DAG("values", schedule=None, params={"xcom_acl": RULES}):

    @task
    def push(ti=None):
        import numpy
        import pandas

        frame = pandas.DataFrame({"id": range(1000), "customer": ["<b>c</b>"] * 1000})
        ti.xcom_push(key="frame", value=frame)
        ti.xcom_push(key="array", value=numpy.arange(600.0).reshape(200, 3))
        ti.xcom_push(key="bytes", value=b"\x00\x01canary")
        ti.xcom_push(key="text", value="first line\n<script>document.title = 'run'</script>")
        ti.xcom_push(key="large", value=numpy.random.default_rng(1).bytes(3 * 1024 * 1024))
        ti.xcom_push(key="k" * 200 + '"><b>\u202eevil', value=1)
        for key in ("secret", "ticket", "short", "elsewhere", "forged", "pasted"):
            ti.xcom_push(key=key, value=f"canary-{key}")
        return {"rows": 1000, "source": "<script>document.title = 'run'</script>"}

    @task
    def use(ti=None):
        ti.xcom_pull(task_ids="push", key="secret")
        ti.xcom_pull(task_ids="push", key="ticket")
        ti.xcom_pull(task_ids="push", key="frame")

    @task
    def spy(ti=None):
        ti.xcom_pull(task_ids="push", key="secret")

    push() >> use() >> spy()

with DAG("many", schedule=None):

    @task
    def count(ti=None):
        for number in range(120):
            ti.xcom_push(key=f"k{number:03}", value=number)

    count()
