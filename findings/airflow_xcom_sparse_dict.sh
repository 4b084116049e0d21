#!/bin/sh
# Airflow 3.3.2's default XCom backend takes a sparse array of scipy in the format "dok" for a plain dict, because its
# class derives from dict. It comes back as a dict with text keys, without shape and dtype. The other formats are refused.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 scipy==1.17.1
AIRFLOW_HOME=$dir "$dir/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from types import SimpleNamespace

from airflow.sdk.bases.xcom import BaseXCom
from scipy import sparse

for name in ("apache-airflow-task-sdk", "scipy"):
    print(name, version(name))


def outcome(value):
    try:
        row = json.loads(json.dumps(BaseXCom.serialize_value(value)))
    except TypeError as error:
        return f"TypeError: {str(error)[:60]}..."
    return BaseXCom.deserialize_value(SimpleNamespace(value=row))


array = sparse.dok_array((1000, 1000))
array[2, 7] = 1.5
print("a dok_array of shape", array.shape, "is pulled as", repr(outcome(array)))
print("a csr_array is pulled as", outcome(array.tocsr()))
seen = outcome(array)
sys.exit(0 if type(seen) is dict and list(seen) == ["(2, 7)"] and "TypeError" in outcome(array.tocsr()) else 1)
PY
