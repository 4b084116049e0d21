"""A DAG with some of everything that the pages show."""

from __future__ import annotations

from airflow.sdk import DAG, task

RULES = {
    "extract": {"token": ["load"], "orders": ["load", "report", "reports/monthly"]},
    "load": {"*": ["check"]},
}

with DAG("shop", schedule=None, params={"xcom_acl": RULES}):

    @task
    def extract(ti=None):
        import pandas

        ti.xcom_push(key="token", value="canary-token-of-shop")
        ti.xcom_push(key="orders", value=pandas.DataFrame({"id": range(1000), "customer": ["<b>c</b>"] * 1000}))
        return {"rows": 1000, "source": "<script>document.title = 'run'</script>"}

    @task
    def load(extracted, ti=None):
        ti.xcom_pull(task_ids="extract", key="token")
        ti.xcom_pull(task_ids="extract", key="orders")
        return 5

    @task
    def spy(ti=None):
        ti.xcom_pull(task_ids="extract", key="token")

    @task
    def report(extracted):
        return list(range(50))

    @task
    def check(loaded):
        pass

    @task
    def each(number):
        return {"number": number}

    @task
    def total(numbers):
        return len(list(numbers))

    extracted = extract()
    extracted >> spy()
    report(extracted)
    check(load(extracted))
    total(each.expand(number=[1, 2, 3]))
