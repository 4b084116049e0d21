"""A value of 40 MiB. With `spill_path`, it lies in object storage, and Redis keeps its header. The tasks are the same.

Random bytes do not shrink when they are compressed, so the stored size is 40 MiB, too.
"""

import hashlib
import os

from airflow.sdk import DAG, task

with DAG("large_values", schedule=None, params={"xcom_acl": {"export": {"dump": ["load"]}}}, doc_md=__doc__):

    @task
    def export(ti):
        dump = os.urandom(40 * 1024 * 1024)
        ti.xcom_push("dump", dump)
        print("pushed", len(dump), "bytes with SHA-256", hashlib.sha256(dump).hexdigest())

    @task
    def load(ti):
        dump = ti.xcom_pull(task_ids="export", key="dump")
        print("pulled", len(dump), "bytes with SHA-256", hashlib.sha256(dump).hexdigest())

    export() >> load()
