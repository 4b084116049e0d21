#!/bin/sh
# Airflow 3.3.2 pulls a model of pydantic with other content than was pushed, and says nothing. A field with an alias and
# a default comes back as the default. So does a field with `exclude=True`. An object of a subclass, in a field that names
# the base class, comes back as the base class, without the fields of the subclass.
set -eu

. "$(dirname "$0")/environment.sh"
install venv apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 pydantic==2.12.5
cat > "$dir/models.py" <<'PY'
from pydantic import BaseModel, Field


class Invoice(BaseModel):
    discount: int = Field(default=0, alias="Discount")


class Job(BaseModel):
    name: str
    retries: int = Field(default=3, exclude=True)


class Step(BaseModel):
    name: str


class SqlStep(Step):
    sql: str


class Plan(BaseModel):
    steps: list[Step]
PY
cat > "$dir/ask.py" <<'PY'
import json
import sys
from importlib.metadata import version
from types import SimpleNamespace

from airflow.sdk.bases.xcom import BaseXCom
from models import Invoice, Job, Plan, SqlStep

print("apache-airflow-task-sdk", version("apache-airflow-task-sdk"), "pydantic", version("pydantic"))


def pulled(value):
    row = json.loads(json.dumps(BaseXCom.serialize_value(value)))
    return BaseXCom.deserialize_value(SimpleNamespace(value=row))


values = [Invoice(Discount=20), Job(name="a", retries=0), Plan(steps=[SqlStep(name="a", sql="SELECT 1")])]
for value in values:
    print("pushed", repr(value), "pulled", repr(pulled(value)))
seen = " ".join(map(repr, map(pulled, values)))
sys.exit(0 if seen == "Invoice(discount=0) Job(name='a', retries=3) Plan(steps=[Step(name='a')])" else 1)
PY
AIRFLOW_HOME=$dir AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES='models.*' "$dir/venv/bin/python" -W ignore "$dir/ask.py"
