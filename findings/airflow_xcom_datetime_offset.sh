#!/bin/sh
# Airflow 3.3.2 pushes a datetime with a fixed offset, such as "2026-01-01T12:00:00+05:30" parsed by the standard
# library, as an XCom without an error. The pull fails: the offset was stored as a time zone without a name.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 pendulum==3.3.0
AIRFLOW_HOME=$dir "$dir/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from types import SimpleNamespace

from airflow.sdk.bases.xcom import BaseXCom

print("apache-airflow-task-sdk", version("apache-airflow-task-sdk"), "pendulum", version("pendulum"))


def outcome(moment):
    row = json.loads(json.dumps(BaseXCom.serialize_value(moment)))
    try:
        return BaseXCom.deserialize_value(SimpleNamespace(value=row))
    except ValueError as error:
        return f"ValueError: {error}"


text = datetime.fromisoformat("2026-01-01T12:00:00+05:30")
whole_hours = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=-3)))
utc = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
seen = {str(moment): outcome(moment) for moment in (text, whole_hours, utc)}
for moment, pulled in seen.items():
    print(f"{moment} is pulled as {pulled}; the row holds {BaseXCom.serialize_value(datetime.fromisoformat(moment))}")
failed = [str(pulled).startswith("ValueError") for pulled in seen.values()]
sys.exit(0 if failed == [True, True, False] else 1)
PY
