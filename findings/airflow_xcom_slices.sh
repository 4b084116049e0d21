#!/bin/sh
# With Airflow 3.3.2 on SQLite, a slice of a mapped task's results that Python leaves empty, or clips at an end, has other items.
# On PostgreSQL such a slice fails, because its SQL has a negative LIMIT or OFFSET.
set -eu

. "$(dirname "$0")/environment.sh"
mkdir "$dir/dags"
cat > "$dir/dags/slices.py" <<'PY'
import logging
import os
import pathlib

from airflow import __version__
from airflow.sdk import DAG, task

SLICES = ((2, 5, 1), (-5, -2, 1), (5, 2, 1), (-2, -5, 1), (0, -20, 1), (-3, 20, 1), (3, -20, -1), (2, 5, -1))

with DAG("slices") as dag:

    @task
    def part(number):
        return number

    @task
    def use(xs):
        whole, lines = list(range(10)), []
        for start, stop, step in SLICES:
            found, expected = xs[start:stop:step], whole[start:stop:step]
            lines.append(f"Airflow {__version__}: xs[{start}:{stop}:{step}] is {found}, of a list it is {expected}")
        pathlib.Path(os.environ["SEEN"]).write_text("\n".join(lines) + "\n")

    use(part.expand(number=list(range(10))))

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    dag.test()
PY

install airflow apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-standard==1.21.0
export AIRFLOW_HOME="$dir/home" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$dir/dags" SEEN="$dir/seen"
"$dir/airflow/bin/airflow" db migrate > "$dir/log" 2>&1
"$dir/airflow/bin/python" "$dir/dags/slices.py" > "$dir/log" 2>&1 || tail -n 20 "$dir/log"
cat "$SEEN"
grep -q "xs\[2:5:1\] is \[2, 3, 4\], of a list it is \[2, 3, 4\]" "$SEEN"
grep -q "xs\[5:2:1\] is \[5, 6, 7, 8, 9\], of a list it is \[\]" "$SEEN"
grep -q "xs\[-3:20:1\] is \[0, 1, 2, 3, 4, 5, 6, 7, 8, 9\], of a list it is \[7, 8, 9\]" "$SEEN"
