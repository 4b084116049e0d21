#!/bin/sh
# DuckDB 2.0.1 knows the time 24:00:00, as PostgreSQL does. Each way out of it gives another value: the text "24:00:00",
# midnight, null, or an Arrow column that Arrow's own check refuses. No way out is an error.
set -eu

. "$(dirname "$0")/environment.sh"
install venv duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0 pandas==3.1.1 numpy==2.4.6
"$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import duckdb
import pyarrow as pa

print({name: version(name) for name in ("duckdb", "pyarrow", "polars", "pandas")})
times = duckdb.sql("SELECT unnest([TIME '23:59:59', TIME '24:00:00']) AS t")
table = times.to_arrow_table()
seen = {
    "fetchall()": [row[0] for row in times.fetchall()],
    "df()": times.df()["t"].tolist(),
    "pl()": times.pl()["t"].to_list(),
    "to_arrow_table().to_pylist()": [row["t"] for row in table.to_pylist()],
}
for how, values in seen.items():
    print(f"{how}: {values}")
try:
    table.validate(full=True)
    check = "is valid"
except pa.ArrowInvalid as error:
    check = str(error)
print(f"to_arrow_table().validate(full=True): {check}")
last = [str(values[1]) for values in seen.values()]
sys.exit(0 if last == ["24:00:00", "24:00:00", "None", "00:00:00"] and "not within the acceptable range" in check else 1)
PY
