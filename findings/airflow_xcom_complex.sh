#!/bin/sh
# Airflow 3.3.2 names NumPy's complex numbers among the types that it can serialise, and drops the imaginary part: 1+2j is
# pulled as 1+0j, of the same type. A plain complex number of Python is refused.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 numpy==2.2.6
AIRFLOW_HOME=$dir "$dir/venv/bin/python" - 2>"$dir/log" <<'PY' || { cat "$dir/log"; exit 1; }
import json
import sys
import warnings
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
from airflow.sdk.bases.xcom import BaseXCom

print("apache-airflow-task-sdk", version("apache-airflow-task-sdk"), "numpy", version("numpy"))


def outcome(value):
    try:
        row = json.loads(json.dumps(BaseXCom.serialize_value(value)))
    except TypeError as error:
        return f"TypeError: {str(error)[:60]}..."
    return BaseXCom.deserialize_value(SimpleNamespace(value=row))


with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    eigenvalues = np.linalg.eigvals([[0.0, -1.0], [1.0, 0.0]])
    seen = [outcome(value) for value in eigenvalues]
print("pushed", list(eigenvalues))
print("pulled", seen, "with a warning of NumPy:", {str(one.message) for one in said if "imaginary" in str(one.message)})
print("a plain complex number is pulled as", outcome(1 + 2j))
as_expected = {type(one) for one in seen} == {np.complex128} and seen == [0, 0] and "TypeError" in outcome(1j)
sys.exit(0 if as_expected and abs(eigenvalues.imag).tolist() == [1, 1] else 1)
PY
