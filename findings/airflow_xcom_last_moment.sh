#!/bin/sh
# Airflow 3.3.2 pushes `datetime.max`, which often stands for "no end", and cannot pull it. It stores a moment as a
# floating-point number of seconds, which rounds this one up to the year 10000. From 16 March 2242 on, where this number
# reaches 2**33, nearly half of all moments come back with other microseconds.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 pendulum==3.3.0
AIRFLOW_HOME=$dir "$dir/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from types import SimpleNamespace

from airflow.sdk.bases.xcom import BaseXCom

print("apache-airflow-task-sdk", version("apache-airflow-task-sdk"), "pendulum", version("pendulum"))


def outcome(moment):
    row = json.loads(json.dumps(BaseXCom.serialize_value(moment)))
    try:
        return str(BaseXCom.deserialize_value(SimpleNamespace(value=row)))
    except ValueError as error:
        return f"ValueError: {error}"


last = datetime.max.replace(tzinfo=timezone.utc)
print(f"{last} is pulled as {outcome(last)}")
changed = {}
for year in (2241, 2243, 9998):
    moments = [datetime(year, 6, 1, microsecond=number, tzinfo=timezone.utc) for number in range(1000)]
    seen = [(moment, outcome(moment)) for moment in moments]
    wrong = [f"{moment} is pulled as {pulled}" for moment, pulled in seen if str(moment) != pulled]
    changed[year] = len(wrong)
    print(f"of 1000 moments in {year}, {len(wrong)} change", *wrong[-1:])
as_expected = changed[2241] == 0 and 400 < changed[2243] < 600 and changed[9998] > 900
sys.exit(0 if outcome(last) == "ValueError: year 10000 is out of range" and as_expected else 1)
PY
