#!/bin/sh
# Airflow 3.3.2 describes the items of `[core] allowed_deserialization_classes` as glob expressions, and compiles each of
# them as a regular expression, too. So one glob that begins with `*`, such as `*.models.*`, makes every pull of an object
# fail: "nothing to repeat at position 0". Dates, decimals and allowed classes fail as well. The pushes say nothing.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2
mkdir "$dir/acme"
cat > "$dir/acme/models.py" <<'PY'
from dataclasses import dataclass


@dataclass
class Order:
    number: int
PY
cat > "$dir/ask.py" <<'PY'
import json
import re
import sys
from datetime import date, datetime, timezone
from decimal import Decimal
from types import SimpleNamespace

from acme.models import Order
from airflow.sdk.bases.xcom import BaseXCom


def outcome(value):
    row = json.loads(json.dumps(BaseXCom.serialize_value(value)))
    try:
        return BaseXCom.deserialize_value(SimpleNamespace(value=row)) == value
    except re.error as error:
        return f"re.error: {error}"


values = [Order(1), Decimal("1.5"), date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone.utc), {"plain": [1]}]
seen = {type(value).__name__: outcome(value) for value in values}
print(json.dumps(seen))
failed = [str(answer) == "re.error: nothing to repeat at position 0" for answer in seen.values()]
sys.exit(0 if failed == ([True] * 4 + [False] if sys.argv[1] == "fails" else [False] * 5) and seen["dict"] is True else 1)
PY
ask() { # ask GLOBS OUTCOME
    echo "Airflow $("$dir/venv/bin/python" -c 'from importlib.metadata import version; print(version("apache-airflow-core"))'), allowed: $1"
    AIRFLOW_HOME=$dir PYTHONPATH=$dir AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES=$1 "$dir/venv/bin/python" -W ignore "$dir/ask.py" "$2"
}
ask "airflow.* acme.models.*" works
ask "airflow.* acme.models.* *.models.*" fails
