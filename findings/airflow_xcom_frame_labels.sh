#!/bin/sh
# A DataFrame with the columns False and True, such as a pivot table, is pulled from Airflow 3.3.2 with two columns True.
# pyarrow keeps labels as texts, and makes booleans of them with NumPy, for which every text is true. Columns that are
# dates or months are pushed without an error, and cannot be pulled.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 pandas==3.0.1 pyarrow==23.0.1
AIRFLOW_HOME=$dir "$dir/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from datetime import date
from importlib.metadata import version
from types import SimpleNamespace

import pandas as pd
from airflow.sdk.bases.xcom import BaseXCom

for name in ("apache-airflow-task-sdk", "pandas", "pyarrow"):
    print(name, version(name))


def pulled(frame):
    row = json.loads(json.dumps(BaseXCom.serialize_value(frame)))
    return BaseXCom.deserialize_value(SimpleNamespace(value=row))


def outcome(frame):
    try:
        return f"columns {pulled(frame).columns.tolist()}"
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {str(error)[:70]}"


users = pd.DataFrame({"country": ["FR", "FR", "DE"], "active": [True, False, True], "n": [1, 2, 3]})
by_bool = users.pivot_table(index="country", columns="active", values="n")
by_date = pd.DataFrame([[1, 2]], columns=[date(2026, 1, 1), date(2026, 1, 2)])
by_month = pd.DataFrame([[1, 2]], columns=pd.period_range("2026-01", periods=2, freq="M"))
seen = [outcome(frame) for frame in (by_bool, by_date, by_month)]
print("pushed columns", by_bool.columns.tolist(), "pulled", seen[0])
print("pulled[True] of DE holds", pulled(by_bool)[True].loc["DE"].tolist(), "pushed", by_bool[True].loc["DE"])
print("columns that are dates:", seen[1])
print("columns that are months:", seen[2])
failed = [text.partition(":")[0] for text in seen[1:]]
sys.exit(0 if seen[0] == "columns [True, True]" and failed == ["ValueError", "TypeError"] else 1)
PY
