#!/bin/sh
# In pyarrow 26.0.1 the mean of the decimals 1.1 and 1.2 is 1.2, and in polars 2.1.0 the decimal 1 divided by 3 is 0: both keep
# the number of decimal places that their column has. pandas gives the mean of pyarrow for columns in Arrow's memory.
set -eu

. "$(dirname "$0")/environment.sh"
install venv pyarrow==26.0.1 polars==2.1.0 pandas==3.1.1 numpy==2.4.6
"$dir/venv/bin/python" - <<'PY'
import sys
from decimal import Decimal
from importlib.metadata import version

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

print({name: version(name) for name in ("pyarrow", "polars", "pandas")})
prices = [Decimal("1.1"), Decimal("1.2")]
frame = pl.DataFrame({"one": [Decimal("1")], "three": [Decimal("3")]})
groups = pa.table({"g": [1, 1], "price": prices}).group_by("g").aggregate([("price", "mean")])
seen = {
    "pyarrow, mean of 1.1 and 1.2": pc.mean(pa.array(prices)).as_py(),
    "pyarrow, mean of a group": groups["price_mean"][0].as_py(),
    "pandas, mean of a column in Arrow's memory": pd.Series(prices, dtype=pd.ArrowDtype(pa.decimal128(2, 1))).mean(),
    "pandas, mean of a column of objects": pd.Series(prices).mean(),
    "polars, mean": pl.Series(prices).mean(),
    "polars, 1 / 3": frame.select(pl.col("one") / pl.col("three")).item(),
    "polars, 1.00 / 3": frame.select(pl.col("one").cast(pl.Decimal(10, 2)) / pl.col("three")).item(),
    "pyarrow, 1 / 3": pc.divide(pa.array([Decimal("1")]), pa.array([Decimal("3")]))[0].as_py(),
}
for what, answer in seen.items():
    print(f"{what}: {answer!r}")
expected = ["1.2", "1.2", "1.2", "1.15", "1.15", "0", "0.33", "0.3333"]
sys.exit(0 if [str(answer) for answer in seen.values()] == expected else 1)
PY
