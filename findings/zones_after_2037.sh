#!/bin/sh
# With Debian's zone files, pyarrow 26.0.1 knows no summer time after 2037, and polars 2.1.0 none from 2100 on. So noon of a July day in 2050 in Paris
# becomes another moment in pyarrow than in Python, pandas and polars. In one column of moments, pyarrow's own `hour` and the
# Python objects of `to_pylist` differ by an hour.
set -eu

. "$(dirname "$0")/environment.sh"
install venv pyarrow==26.0.1 polars==2.1.0 pandas==3.1.1 numpy==2.4.6 pytz==2026.6 tzdata==2026.6
"$dir/venv/bin/python" - <<'PY'
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytz

PARIS = "Europe/Paris"
print({name: version(name) for name in ("pyarrow", "polars", "pandas", "pytz", "tzdata")})


def hours_in_utc(year):
    """The hour in UTC of noon on the first of July in Paris."""
    noon = datetime(year, 7, 1, 12)
    by_arrow = pc.assume_timezone(pa.array([noon]), PARIS).cast(pa.timestamp("us", "UTC"))
    by_polars = pl.Series([noon]).dt.replace_time_zone(PARIS).dt.convert_time_zone("UTC")
    return {
        "Python": noon.replace(tzinfo=ZoneInfo(PARIS)).astimezone(timezone.utc).hour,
        "pandas": pd.Series([noon]).dt.tz_localize(PARIS).dt.tz_convert("UTC")[0].hour,
        "polars": by_polars[0].hour,
        "pyarrow": by_arrow[0].as_py().hour,
        "pytz": pytz.timezone(PARIS).localize(noon).astimezone(timezone.utc).hour,
    }


seen = {year: hours_in_utc(year) for year in (2037, 2038, 2099, 2100)}
for year, hours in seen.items():
    print(f"noon of July 1, {year} in Paris, as an hour in UTC: {hours}")
column = pa.array([datetime(2050, 7, 1, 10, tzinfo=timezone.utc)]).cast(pa.timestamp("us", PARIS))
of_column = pc.hour(column)[0].as_py(), column.to_pylist()[0].hour
print(f"10:00 UTC on July 1, 2050 in a column of {column.type}: hour() says {of_column[0]}, to_pylist() says {of_column[1]}")
expected = {2037: [10, 10, 10, 10, 10], 2038: [10, 10, 10, 11, 11], 2099: [10, 10, 10, 11, 11], 2100: [10, 10, 11, 11, 11]}
sys.exit(0 if {year: list(hours.values()) for year, hours in seen.items()} == expected and of_column == (11, 12) else 1)
PY
