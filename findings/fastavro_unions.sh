#!/bin/sh
# fastavro 1.13.1 takes the first branch of a union that holds a value, also where a later one holds all of it. A datetime loses
# its time of day to `date`, an integer its last digits to `double`, and a naive moment becomes UTC although a local type follows.
# As an `int`, 1.9 is written as 1, and 2**40 as it is, although Avro's `int` has 32 bits.
set -eu

. "$(dirname "$0")/environment.sh"
install venv fastavro==1.13.1
"$dir/venv/bin/python" - <<'PY'
import io
import sys
from datetime import date, datetime, timezone

import fastavro

print("fastavro", fastavro.__version__)
DATE = {"type": "int", "logicalType": "date"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
LOCAL = {"type": "long", "logicalType": "local-timestamp-micros"}


def back(union, value):
    schema = fastavro.parse_schema({"type": "record", "name": "Row", "fields": [{"name": "x", "type": union}]})
    file = io.BytesIO()
    fastavro.writer(file, schema, [{"x": value}])
    file.seek(0)
    return next(fastavro.reader(file))["x"]


moment = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone.utc)
ASKED = [
    ([DATE, MICROS], moment),
    ([MICROS, DATE], moment),
    ([MILLIS, MICROS], moment),
    ([MICROS, LOCAL], moment.replace(tzinfo=None)),
    (["double", "long"], 2**60 + 1),
    (["long", "double"], 2**60 + 1),
    (["long", "double"], 1.5),
    ("int", 1.9),
    ("int", 2**40),
]
seen = [back(union, value) for union, value in ASKED]
for (union, value), found in zip(ASKED, seen):
    names = [one if isinstance(one, str) else one["logicalType"] for one in (union if isinstance(union, list) else [union])]
    print(f"{value!r} in {' | '.join(names)}: {found!r}")
in_millis = moment.replace(microsecond=123000)
expected = [date(2024, 5, 6), moment, in_millis, moment, 2.0**60, 2**60 + 1, 1.5, 1, 2**40]
sys.exit(0 if list(map(repr, seen)) == list(map(repr, expected)) else 1)
PY
