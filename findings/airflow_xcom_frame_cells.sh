#!/bin/sh
# A DataFrame travels through Airflow 3.3.2's default XCom backend as Parquet. Cells that hold dicts come back with the
# keys of all other rows, and their integers as floats. Lists and tuples come back as NumPy arrays. Nothing is logged.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 pandas==3.0.1 pyarrow==23.0.1
AIRFLOW_HOME=$dir "$dir/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pandas as pd
from airflow.sdk.bases.xcom import BaseXCom

for name in ("apache-airflow-task-sdk", "pandas", "pyarrow"):
    print(name, version(name))


def pulled(frame):
    row = json.loads(json.dumps(BaseXCom.serialize_value(frame)))
    return BaseXCom.deserialize_value(SimpleNamespace(value=row))


frame = pd.DataFrame({"options": [{"retries": 3}, {"queue": "a"}], "tags": [["x"], ("y", "z")]})
found = pulled(frame)
for column in frame:
    print(f"pushed {frame[column].tolist()!r}")
    print(f"pulled {found[column].tolist()!r}")
options = found["options"].tolist() == [{"queue": None, "retries": 3.0}, {"queue": "a", "retries": None}]
is_float = type(found["options"][0]["retries"]) is float
tags = {type(cell).__name__ for cell in found["tags"]}
sys.exit(0 if options and is_float and tags == {"ndarray"} else 1)
PY
