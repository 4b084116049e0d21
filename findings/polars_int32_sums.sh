#!/bin/sh
# polars 2.1.0 adds numbers of 8 and 16 bits in 64 bits, and numbers of 32 bits in 32 bits: the sum wraps around, and says nothing.
# DuckDB's INTEGER columns arrive in polars with 32 bits, so that the same sum is right before `pl()` and wrong after it.
# Lengths and row numbers have 32 bits without a sign: 2 rows less 3 are 4294967295.
set -eu

. "$(dirname "$0")/environment.sh"
install venv polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
"$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import duckdb
import polars as pl

print({name: version(name) for name in ("polars", "duckdb", "pyarrow", "pandas")})
sums = {}
for dtype, largest in {pl.Int8: 2**7 - 1, pl.Int16: 2**15 - 1, pl.Int32: 2**31 - 1, pl.UInt32: 2**32 - 1}.items():
    column = pl.Series([largest, 1], dtype=dtype)
    sums[str(dtype)] = column.to_list(), column.sum()
    print(f"{dtype}: sum of {column.to_list()} is {column.sum()}")
rows = duckdb.sql("SELECT unnest([2147483647, 1]) AS n")
of_rows = {
    "DuckDB": duckdb.sql("SELECT sum(n)::BIGINT FROM rows").fetchall()[0][0],
    "pl()": rows.pl()["n"].sum(),
    "df()": int(rows.df()["n"].sum()),
    "to_arrow_table(), group_by": rows.to_arrow_table().group_by([]).aggregate([("n", "sum")])["n_sum"][0].as_py(),
}
print(f"{rows.types[0]}: sum of [2147483647, 1] by {of_rows}")
less = pl.DataFrame({"n": [1, 2]}).select(pl.len() - 3).item()
print(f"pl.len() - 3 of 2 rows: {less}")
wrapped = [total for items, total in sums.values() if total != sum(items)]
as_found = [total == sum(items) for items, total in sums.values()] == [True, True, False, False] and wrapped == [-(2**31), 0]
sys.exit(0 if as_found and list(of_rows.values()) == [2**31, -(2**31), 2**31, 2**31] and less == 2**32 - 1 else 1)
PY
