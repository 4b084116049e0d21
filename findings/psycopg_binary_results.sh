#!/bin/sh
# psycopg 3.3.9 gives other values for the same query with `binary=True`. A real (float4) of 0.1 becomes 0.10000000149011612. The
# number in `row(1, 'a')` is the text '1' without it. With it, the number is 1, and the text is bytes. An amount of money becomes 8 bytes.
# The wheel pgserver carries PostgreSQL.
set -eu
export LC_ALL=C.UTF-8 # the sign of an amount of money follows it

. "$(dirname "$0")/environment.sh"
install venv "psycopg[binary]==3.3.9" pgserver==0.1.4
PGDATA_FOLDER=$dir/pgdata "$dir/venv/bin/python" -W ignore - <<'PY'
import os
import sys
from importlib.metadata import version

import pgserver
import psycopg

EXPECTED = {
    "0.1::real": (0.1, 0.10000000149011612),
    "row(1, 'a')": (("1", "a"), (1, b"a")),
    "'12.50'::money": ("$12.50", (1250).to_bytes(8, "big")),
    "'08:00:2b:01:02:03'::macaddr": ("08:00:2b:01:02:03", bytes.fromhex("08002b010203")),
    "0.1::float8": (0.1, 0.1),
}
server = pgserver.get_server(os.environ["PGDATA_FOLDER"])
seen = {}
with psycopg.connect(server.get_uri()) as connection:
    for value in EXPECTED:
        seen[value] = tuple(
            connection.execute(f"SELECT {value}", binary=binary).fetchone()[0] for binary in (False, True)
        )
        print(f"psycopg {version('psycopg')}: {value}: {seen[value][0]!r}; with binary=True {seen[value][1]!r}")
server.cleanup()
sys.exit(0 if seen == EXPECTED else 1)
PY
