"""Two tenants on Celery. Each has a queue, workers, a broker login and a Redis user of its own.

The DAGs do not pull from each other: the Redis user of one tenant cannot reach the names of the other one.
"""

from airflow.configuration import conf
from airflow.sdk import DAG, task

CELERY = "Celery" in conf.get("core", "executor")

for tenant in ("sales", "finance"):
    with DAG(
        f"{tenant}_daily",
        schedule=None,
        # Without Celery, no worker serves such a queue.
        default_args={"queue": tenant} if CELERY else {},
        params={"xcom_acl": {"*": "linked"}},
        doc_md=__doc__,
    ):

        @task
        def extract():
            return [1, 2, 3]

        @task
        def load(rows):
            print("rows:", len(rows))

        load(extract())
