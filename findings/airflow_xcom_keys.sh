#!/bin/sh
# Airflow 3.3.2 writes XCom keys into URLs as they are. So `rate?eur` and `rate?usd` are one row, `rate`, and who pulls the first gets the value of the
# second. `part#1` and `part#2` share a row as well, `a%2Fb` is the row of `a/b`, and `./total` that of `total`. No error says so.
# A pull of the key `sales/slice` fails, and `items/item/0` is pulled as None: those are other routes. Seen in `dag.test()`.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-standard
mkdir "$dir/dags"
cat > "$dir/dags/seen.py" <<'PY'
import json
import sys
from datetime import datetime
from pathlib import Path

from airflow import __version__
from airflow.models.xcom import XComModel
from airflow.sdk import DAG, task
from airflow.utils.session import create_session

KEYS = ("rate?eur", "rate?usd", "part#1", "part#2", "a/b", "a%2Fb", "total", "./total", "sales/slice", "items/item/0")
EXPECTED = ["rate?usd", "rate?usd", "part#2", "part#2", "a%2Fb", "a%2Fb", "./total", "./total", "ValidationError", None]
ROWS = ["a/b", "items/item/0", "part", "rate", "sales/slice", "total"]

with DAG("keys", schedule=None, start_date=datetime(2026, 1, 1)) as dag:

    @task
    def push(ti=None):
        for key in KEYS:
            ti.xcom_push(key=key, value=key)

    @task
    def pull(ti=None):
        def pulled(key):
            try:
                return ti.xcom_pull(task_ids="push", key=key, map_indexes=-1)
            except Exception as error:
                return type(error).__name__

        Path(sys.argv[1]).write_text(json.dumps([pulled(key) for key in KEYS]))

    push() >> pull()

if __name__ == "__main__":
    dag.test()
    pulled = json.loads(Path(sys.argv[1]).read_text())
    with create_session() as session:
        rows = sorted(row.key for row in session.query(XComModel).filter(XComModel.task_id == "push"))
    told = [f"Airflow {__version__}: {len(KEYS)} keys were pushed, each with itself as the value; the rows are {rows}"]
    told += [f"  {key}: pulled {value!r}" for key, value in zip(KEYS, pulled)]
    Path(sys.argv[1]).write_text("\n".join(told) + "\n")
    sys.exit(0 if pulled == EXPECTED and rows == ROWS else 1)
PY
export AIRFLOW_HOME="$dir/home" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$dir/dags"
"$dir/venv/bin/airflow" db migrate >"$dir/log" 2>&1 || cat "$dir/log"
status=0
"$dir/venv/bin/python" -W ignore "$dir/dags/seen.py" "$dir/told" >"$dir/log" 2>&1 || status=$?
cat "$dir/told" || cat "$dir/log"
exit "$status"
