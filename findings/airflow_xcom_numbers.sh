#!/bin/sh
# Airflow's default XCom backend pulls other numbers than were pushed, and other ones on each database.
# SQLite gives the column for JSON a numeric affinity: 1.0 comes back as 1. PostgreSQL's column is JSONB, which keeps
# numbers, not texts: 1e16 comes back as an int, -0.0 as 0.0, and the keys of a dict in another order, at any depth.
# The wheel pgserver carries PostgreSQL.
set -eu

. "$(dirname "$0")/environment.sh"
cat > "$dir/ask.py" <<'PY'
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy
from airflow import __version__
from airflow.models.xcom import XComModel
from airflow.sdk.bases.xcom import BaseXCom

url = "sqlite://"
if sys.argv[1] == "postgres":
    import pgserver

    server = pgserver.get_server(os.environ["PGDATA_FOLDER"])
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
engine = sqlalchemy.create_engine(url)
rows = sqlalchemy.Table("rows", sqlalchemy.MetaData(), sqlalchemy.Column("value", XComModel.__table__.c.value.type))
rows.create(engine)


def pulled(value):
    with engine.begin() as connection:
        connection.execute(rows.delete())
        connection.execute(rows.insert().values(value=BaseXCom.serialize_value(value)))
        row = connection.execute(rows.select()).scalar_one()
    return BaseXCom.deserialize_value(SimpleNamespace(value=row))


values = (1.0, -0.0, 1e16, [1.0, -0.0, 1e16], {"total": 1, "a": 2})
seen = " ".join(repr(pulled(value)) for value in values)
Path(sys.argv[2]).write_text(f"Airflow {__version__} on {engine.dialect.name}: {seen}\n")
PY

install airflow apache-airflow-core==3.3.2 apache-airflow-providers-standard pgserver==0.1.4 psycopg2-binary==2.9.11
export AIRFLOW_HOME="$dir/home" PGDATA_FOLDER="$dir/pgdata"
for database in sqlite postgres; do
    "$dir/airflow/bin/python" "$dir/ask.py" "$database" "$dir/said-$database" >"$dir/log" 2>&1 || cat "$dir/log"
    cat "$dir/said-$database"
done
test "$(cat "$dir/said-sqlite")" = \
    "Airflow 3.3.2 on sqlite: 1 0 10000000000000000 [1.0, -0.0, 1e+16] {'total': 1, 'a': 2}"
test "$(cat "$dir/said-postgres")" = \
    "Airflow 3.3.2 on postgresql: 1.0 0.0 10000000000000000 [1.0, 0.0, 10000000000000000] {'a': 2, 'total': 1}"
