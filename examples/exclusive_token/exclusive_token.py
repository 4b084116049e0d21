"""The rule lets `load` alone pull the token. `report` is refused and fails: that is the point of this example."""

import hashlib
import secrets

from airflow.sdk import DAG, task

with DAG("exclusive_token", schedule=None, params={"xcom_acl": {"extract": {"token": ["load"]}}}, doc_md=__doc__):

    @task
    def extract(ti):
        token = secrets.token_hex(16)
        print("pushed a token with SHA-256", hashlib.sha256(token.encode()).hexdigest())
        ti.xcom_push("token", token)
        return ["row 1", "row 2"]  # no rule covers this key, so every task of this DAG may pull it

    @task
    def load(rows, ti):
        token = ti.xcom_pull(task_ids="extract", key="token")
        print("pulled a token with SHA-256", hashlib.sha256(token.encode()).hexdigest())

    @task
    def report(rows, ti):
        ti.xcom_pull(task_ids="extract", key="token")  # raises XComAccessDenied
        print("This line is never reached.")

    @task(trigger_rule="all_done")
    def finish():
        """End the run as a success although `report` failed."""

    rows = extract()
    [load(rows), report(rows)] >> finish()
