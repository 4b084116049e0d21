#!/bin/sh
# SQLAlchemy 2.1.9 reads parts of a JSON column otherwise on each database. If `flag` is true, `column["flag"]` is True on PostgreSQL and 1 on SQLite, and
# `.as_string()` is 'true' or '1'. On one and the same JSONB column, the part 0 of the JSON 5 is None if the type is JSONB, and 5 if it is
# JSON().with_variant(JSONB, "postgresql"). The first is sent as `document[0]`, the second as `document -> 0`, which takes a scalar for
# an array of one. The wheel pgserver carries PostgreSQL.
set -eu

. "$(dirname "$0")/environment.sh"
install venv sqlalchemy==2.1.9 psycopg2-binary==2.9.13 pgserver==0.1.4
PGDATA_FOLDER=$dir/pgdata "$dir/venv/bin/python" -W ignore - <<'PY'
import os
import sys

import pgserver
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

server = pgserver.get_server(os.environ["PGDATA_FOLDER"])
url = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")


def seen(engine, kind):
    table = sa.Table("parts", sa.MetaData(), sa.Column("document", kind))
    document = table.c.document

    def read(value, part):
        connection.execute(table.delete())
        connection.execute(table.insert().values(document=value))
        return connection.execute(sa.select(part)).scalar_one()

    with engine.connect() as connection:
        table.create(connection)
        told = [
            read({"flag": True}, document["flag"]),
            read({"flag": True}, document["flag"].as_string()),
            read(5, document[0]),
            read([5], document[0]),
        ]
        connection.rollback()
    return told


EXPECTED = {
    "SQLite, JSON": [1, "1", None, 5],
    "PostgreSQL, JSON": [True, "true", None, 5],
    "PostgreSQL, JSONB": [True, "true", None, 5],
    "PostgreSQL, JSON with JSONB as variant": [True, "true", 5, 5],
}
told = {
    "SQLite, JSON": seen(sa.create_engine("sqlite://"), sa.JSON()),
    "PostgreSQL, JSON": seen(sa.create_engine(url), sa.JSON()),
    "PostgreSQL, JSONB": seen(sa.create_engine(url), JSONB()),
    "PostgreSQL, JSON with JSONB as variant": seen(
        sa.create_engine(url), sa.JSON().with_variant(JSONB(), "postgresql")
    ),
}
server.cleanup()
for where, parts in told.items():
    print(f"SQLAlchemy {sa.__version__}, {where}: flag {parts[0]!r}, as_string {parts[1]!r}, part 0 of 5 {parts[2]!r}, of [5] {parts[3]!r}")
sys.exit(0 if repr(told) == repr(EXPECTED) else 1)
PY
