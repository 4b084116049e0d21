#!/bin/sh
# In pyarrow 26.0.1 the first item of a list decides. After a date, moments lose their time of day. After a moment with a zone, naive
# ones are taken for UTC. After a naive moment, those with a zone become naive ones in UTC. Keys that the first dict lacks are dropped
# from all rows. None of this is an error. Only a date after a moment is one.
set -eu

. "$(dirname "$0")/environment.sh"
install venv pyarrow==26.0.1 tzdata==2026.6
"$dir/venv/bin/python" - <<'PY'
import sys
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa

print("pyarrow", pa.__version__)
day, evening = date(2024, 7, 1), datetime(2024, 7, 1, 20, 30)
noon = datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Paris"))


def outcome(items):
    try:
        return list(map(str, pa.array(items).to_pylist()))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        return type(error).__name__


ASKED = [[day, evening], [evening, day], [noon, evening], [evening, noon]]
seen = [outcome(items) for items in ASKED]
for items, answer in zip(ASKED, seen):
    print(f"{list(map(str, items))}: {answer}")
rows = pa.Table.from_pylist([{"a": 1}, {"a": 2, "b": 3}]).to_pylist()
print(f"Table.from_pylist([{{'a': 1}}, {{'a': 2, 'b': 3}}]): {rows}")
expected = [
    ["2024-07-01", "2024-07-01"],
    "ArrowTypeError",
    ["2024-07-01 12:00:00+02:00", "2024-07-01 22:30:00+02:00"],
    ["2024-07-01 20:30:00", "2024-07-01 10:00:00"],
]
sys.exit(0 if seen == expected and rows == [{"a": 1}, {"a": 2}] else 1)
PY
