#!/bin/sh
# Airflow's object storage XCom backend (apache-airflow-providers-common-io 1.11.0) writes large values with another encoder than small ones.
# From the threshold on, tuples inside of a value come back as lists, and keys that are bools or None in another spelling.
# If the object is gone, the pull returns the text of its path, and no error.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 apache-airflow-providers-common-io==1.11.0
cat > "$dir/pulls.py" <<'PY'
import json
import shutil
import sys
from importlib.metadata import version
from types import SimpleNamespace

from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend

print("common-io", version("apache-airflow-providers-common-io"))


def pushed(value):
    row = XComObjectStorageBackend.serialize_value(value, key="k", dag_id="d", task_id="t", run_id="r", map_index=-1)
    return json.loads(json.dumps(row))


def pulled(row):
    return XComObjectStorageBackend.deserialize_value(SimpleNamespace(value=row))


PADDING = "x" * 1000
seen = []
for value in ([(1, 2)], {"pair": (1, 2)}, {True: 1, None: 2}):
    # Both values have the same shape. Only the second is over the threshold of 500 bytes.
    small, large = (pulled(pushed([value, text]))[0] for text in ("", PADDING))
    seen.append((small, large))
    print(f"{value!r} is pulled as {small!r}, and as {large!r} next to a long text")

row = pushed([PADDING])
shutil.rmtree(sys.argv[1])
gone = pulled(row)
print("the object was removed; the pull returns", repr(gone).replace(sys.argv[1], "..."))
as_found = seen == [
    ([(1, 2)], [[1, 2]]),
    ({"pair": (1, 2)}, {"pair": [1, 2]}),
    ({"True": 1, "None": 2}, {"true": 1, "null": 2}),
]
sys.exit(0 if as_found and isinstance(gone, str) else 1)
PY
AIRFLOW_HOME="$dir/home" AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH="file://$dir/objects" AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD=500 \
    "$dir/venv/bin/python" -W ignore "$dir/pulls.py" "$dir/objects"
