#!/bin/sh
# Three drivers read other times from the same PostgreSQL. psycopg2 2.9.13 reads 24:00 as 00:00, and `infinity` as the last moment of 9999.
# It cannot read an array that has `infinity`. psycopg 3.3.9 refuses all of these. asyncpg 0.32.0 reads an infinite timestamptz without a zone, so Python
# cannot compare it with the other rows. It drops the seconds of a zone: 12:00+05:30:15 becomes another moment.
# The wheel pgserver carries PostgreSQL.
set -eu

. "$(dirname "$0")/environment.sh"
install venv psycopg2-binary==2.9.13 "psycopg[binary]==3.3.9" asyncpg==0.32.0 pgserver==0.1.4
PGDATA_FOLDER=$dir/pgdata "$dir/venv/bin/python" -W ignore - <<'PY'
import asyncio
import os
import sys
from datetime import datetime, time, timedelta, timezone
from importlib.metadata import version

import asyncpg
import pgserver
import psycopg
import psycopg2

VALUES = (
    "'24:00'::time",
    "'infinity'::timestamp",
    "ARRAY['infinity'::timestamp]",
    "'infinity'::timestamptz",
    "'12:00+05:30:15'::timetz",
)
LAST = datetime.max
ZONE = timezone(timedelta(hours=5, minutes=30, seconds=15))
EXPECTED = {
    "psycopg2-binary": [time(0), LAST, "DataError", LAST.replace(tzinfo=timezone.utc), time(12, tzinfo=ZONE)],
    "psycopg": ["DataError", "DataError", "DataError", "DataError", time(12, tzinfo=ZONE)],
    "asyncpg": ["ValueError", LAST, [LAST], LAST, time(12, tzinfo=timezone(timedelta(hours=5, minutes=30)))],
}


def read(ask):
    try:
        return ask()
    except Exception as error:
        return type(error).__name__


def with_psycopg2(url, value):
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {value}")
        return cursor.fetchone()[0]


def with_psycopg(url, value):
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT {value}").fetchone()[0]


def with_asyncpg(url, value):
    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(f"SELECT {value}")
        finally:
            await connection.close()

    return asyncio.run(ask())


server = pgserver.get_server(os.environ["PGDATA_FOLDER"])
url = server.get_uri()
seen = {}
for name, ask in (("psycopg2-binary", with_psycopg2), ("psycopg", with_psycopg), ("asyncpg", with_asyncpg)):
    seen[name] = [read(lambda: ask(url, value)) for value in VALUES]
    for value, told in zip(VALUES, seen[name]):
        print(f"{name} {version(name)}: {value}: {told!r}")
server.cleanup()
# Equal moments in other zones are equal times, so the zones are compared, too.
same = all(repr(seen[name]) == repr(EXPECTED[name]) for name in EXPECTED)
sys.exit(0 if same else 1)
PY
