"""`upload` alone gets the token, and it gets the token once. `upload_again` comes too late, and `report` may not ask.

Both refusals are the point of this example: these two tasks fail, and the run succeeds.
"""

import secrets
from datetime import timedelta

from airflow.sdk import DAG, task

from exclusive_redis_xcom import exclusive

with DAG("token_once", schedule=None, doc_md=__doc__):

    @task
    def log_in(ti):
        ti.xcom_push("token", secrets.token_hex(16))

    @task
    def upload(ti):
        token = ti.xcom_pull(task_ids="log_in", key="token")  # claims the token
        print("upload got a token of", len(token), "characters")

    @task
    def upload_again(ti):
        ti.xcom_pull(task_ids="log_in", key="token")  # raises XComAlreadyClaimed

    @task
    def report(ti):
        ti.xcom_pull(task_ids="log_in", key="token")  # raises XComAccessDenied

    @task(trigger_rule="all_done")
    def finish():
        """End the run as a success although two tasks failed."""

    logged_in = log_in()
    first, second, third = upload(), upload_again(), report()
    logged_in >> first >> [second, third] >> finish()
    exclusive(logged_in["token"], to=[first, second], once=True, ttl=timedelta(minutes=10))
