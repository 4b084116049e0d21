#!/bin/sh
# A DataFrame column of Python's moments loses parts of them in Airflow 3.3.2. Next to a date, a datetime loses its time
# of day. Next to a naive datetime, one with a zone becomes a naive one in UTC. A time loses its zone. pyarrow, which
# writes the frame, takes the type of the column from the first items, and says nothing about the rest.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 pandas==3.0.1 pyarrow==23.0.1
AIRFLOW_HOME=$dir "$dir/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from datetime import date, datetime, time, timedelta, timezone
from importlib.metadata import version
from types import SimpleNamespace

import pandas as pd
from airflow.sdk.bases.xcom import BaseXCom

for name in ("apache-airflow-task-sdk", "pandas", "pyarrow"):
    print(name, version(name))


def pulled(items):
    frame = pd.DataFrame({"when": pd.Series(items, dtype=object)})
    row = json.loads(json.dumps(BaseXCom.serialize_value(frame)))
    return list(map(str, BaseXCom.deserialize_value(SimpleNamespace(value=row))["when"].tolist()))


paris = timezone(timedelta(hours=1))
columns = {
    "a date first": [date(2026, 1, 1), datetime(2026, 1, 1, 17, 30)],
    "a naive one first": [datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=paris)],
    "a time with a zone": [time(17, 30, tzinfo=paris)],
}
seen = {what: pulled(items) for what, items in columns.items()}
for what, items in columns.items():
    print(f"{what}: pushed {list(map(str, items))} pulled {seen[what]}")
expected = [["2026-01-01", "2026-01-01"], ["2026-01-01 00:00:00", "2025-12-31 23:00:00"], ["17:30:00"]]
sys.exit(0 if list(seen.values()) == expected else 1)
PY
