#!/bin/sh
# polars 2.1.0 takes the nanoseconds of NumPy's moments for microseconds, if they lie in a list: the year 2024 becomes 55971.
# In dicts they become floats. In a NumPy array, and in `pl.lit`, they are right. Moments of other units are errors.
set -eu

. "$(dirname "$0")/environment.sh"
install venv polars==2.1.0 numpy==2.4.6
"$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import polars as pl

print({name: version(name) for name in ("polars", "numpy")})
array = np.array(["2024-01-01T12:00"], "M8[ns]")
day = array[0]  # what indexing and loops give


def outcome(make):
    try:
        return str(make()[0])
    except (TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def texts(series):
    return series.cast(pl.String)


seen = {
    "Series(array)": outcome(lambda: texts(pl.Series(array))),
    "select(lit(moment))": outcome(lambda: texts(pl.select(pl.lit(day)).to_series())),
    "Series(list(array))": outcome(lambda: texts(pl.Series(list(array)))),
    "DataFrame({'t': list(array)})": outcome(lambda: texts(pl.DataFrame({"t": list(array)})["t"])),
    "DataFrame([{'t': moment}])": outcome(lambda: pl.DataFrame([{"t": day}])["t"]),
    "Series([moment in microseconds])": outcome(lambda: pl.Series([day.astype("M8[us]")])),
}
for what, answer in seen.items():
    print(f"{what}: {answer}")
starts = ["2024-01-01 12:00", "2024-01-01 12:00", "+55971-", "+55971-", "1.7041104e+18", "TypeError"]
sys.exit(0 if all(answer.startswith(start) for answer, start in zip(seen.values(), starts)) else 1)
PY
