#!/bin/sh
# Airflow's backend XComObjectStorageBackend gives values over its threshold other types than values under it: a tuple in
# a dict comes back as a list, a key True as "true", and a NumPy number as a plain one. If a large value cannot be
# rebuilt, the pull returns the path of its file, without an error.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-common-io==1.10.0 \
    pydantic==2.12.5 numpy==2.2.6
cat > "$dir/models.py" <<'PY'
from pydantic import BaseModel, Field


class Order(BaseModel):
    number: int = Field(alias="orderNumber")
PY
cat > "$dir/ask.py" <<'PY'
import json
import sys
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend
from models import Order

for name in ("apache-airflow-task-sdk", "apache-airflow-providers-common-io", "pydantic", "numpy"):
    print(name, version(name))


def pulled(value):
    row = json.loads(json.dumps(XComObjectStorageBackend.serialize_value(value)))
    return XComObjectStorageBackend.deserialize_value(SimpleNamespace(value=row))


def outcome(value):
    try:
        return repr(pulled(value)).replace(sys.argv[1], "...")
    except ValueError as error:
        return f"{type(error).__name__}: {error}".partition("\n")[0]


value = {"rows": [(1, "a")], True: 1, "share": np.float64(0.5)}
small, large = pulled(value), pulled({**value, "log": "x" * 1000})
del large["log"]
print("pushed", value)
print("pulled", small, "if it is small")
print("pulled", large, "if it is large")
order = outcome([Order(orderNumber=7)]), outcome([Order(orderNumber=7), "x" * 1000])
print("a small list with a model that has an alias is pulled as", order[0])
print("a large list with it is pulled as", order[1])
types = [type(found["share"]) for found in (small, large)]
as_expected = (
    small["rows"] == [(1, "a")] and large["rows"] == [[1, "a"]],
    list(small) == ["rows", "True", "share"] and list(large) == ["rows", "true", "share"],
    types == [np.float64, float],
    order[0].startswith("ValidationError") and order[1].startswith("'file://...") and order[1].endswith(".json'"),
)
sys.exit(0 if all(as_expected) else 1)
PY
export AIRFLOW_HOME="$dir" AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH="file://$dir/xcom"
export AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD=500 AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES=models.Order
"$dir/venv/bin/python" -W ignore "$dir/ask.py" "$dir" 2>"$dir/log" || { cat "$dir/log"; exit 1; }
