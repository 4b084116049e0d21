#!/bin/sh
# DuckDB 2.0.1 makes a map of a dict that has lists of one length under `key` and `value`, so that a query returns other keys than
# it was given. A year becomes 360 days in Python, and infinity the last day of the year 9999.
set -eu

. "$(dirname "$0")/environment.sh"
install venv duckdb==2.0.1
"$dir/venv/bin/python" - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)


def back(value):
    return duckdb.execute("SELECT ?", [value]).fetchall()[0][0]


rows = [{"key": [1, 2], "value": [3, 4]}, {"key": [1, 2], "value": [3]}, {"key": [1, 2], "values": [3, 4]}]
seen = [back(row) for row in rows]
for row, answer in zip(rows, seen):
    print(f"SELECT ? with {row}: {answer}")
year, last, first = duckdb.sql("SELECT INTERVAL 1 YEAR, DATE 'infinity', TIMESTAMP '-infinity'").fetchall()[0]
print(f"INTERVAL 1 YEAR: {year}; DATE 'infinity': {last}; TIMESTAMP '-infinity': {first}")
as_found = seen == [{1: 3, 2: 4}, rows[1], rows[2]] and (year.days, str(last), str(first)) == (360, "9999-12-31", "0001-01-01 00:00:00")
sys.exit(0 if as_found else 1)
PY
