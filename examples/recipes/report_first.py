"""A rule that somebody has forgotten to complete: `forecast` reads the prices, too, and no rule names it.

With `mode = report`, its pull gets the value, and a log line says what would be refused. With `enforce`, it fails.
"""

from airflow.sdk import DAG, task

with DAG("report_first", schedule=None, params={"xcom_acl": {"extract": {"prices": ["load"]}}}, doc_md=__doc__):

    @task
    def extract(ti):
        ti.xcom_push("prices", [3, 5, 8])

    @task
    def load(ti):
        print("sum:", sum(ti.xcom_pull(task_ids="extract", key="prices")))

    @task
    def forecast(ti):
        print("mean:", sum(ti.xcom_pull(task_ids="extract", key="prices")) / 3)

    extract() >> [load(), forecast()]
