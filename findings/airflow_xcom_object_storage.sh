#!/bin/sh
# Airflow's backend XComObjectStorageBackend returns the path of a large value's file in place of the value, if a class in
# it refuses what was stored. The file is there and whole. The same value raises an error if it is under the threshold.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-common-io==1.11.0 \
    pydantic==2.12.5
cat > "$dir/models.py" <<'PY'
from pydantic import BaseModel, Field


class Order(BaseModel):
    number: int = Field(alias="orderNumber")
PY
cat > "$dir/ask.py" <<'PY'
import json
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from types import SimpleNamespace

from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend
from models import Order

for name in ("apache-airflow-task-sdk", "apache-airflow-providers-common-io", "pydantic"):
    print(name, version(name))


def outcome(value):
    row = json.loads(json.dumps(XComObjectStorageBackend.serialize_value(value)))
    try:
        found = XComObjectStorageBackend.deserialize_value(SimpleNamespace(value=row))
    except ValueError as error:
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return repr(found).replace(sys.argv[1], "...")


values = {
    "a model with an alias": Order(orderNumber=7),
    "a datetime with an offset": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))),
}
seen = {what: (outcome([value]), outcome([value, "x" * 1000])) for what, value in values.items()}
for what, (small, large) in seen.items():
    print(f"a small list with {what}: {small}")
    print(f"a large list with {what}: {large}")
as_expected = ["Error: " in small and large.startswith("'file://.../xcom/") for small, large in seen.values()]
sys.exit(0 if all(as_expected) else 1)
PY
export AIRFLOW_HOME="$dir" AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH="file://$dir/xcom"
export AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD=500 AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES=models.Order
"$dir/venv/bin/python" -W ignore "$dir/ask.py" "$dir" 2>"$dir/log" || { cat "$dir/log"; exit 1; }
