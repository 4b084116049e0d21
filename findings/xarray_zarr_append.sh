#!/bin/sh
# xarray 2026.9.0 appends moments to a Zarr store in a unit of their own, and leaves the unit of the store as it is. So 12:30 on the
# third of January 2024, appended to a store of days, is read as a day in 2033: the 3,630 minutes are taken for days. A warning says
# that minutes are written. Numbers that are too large for the type of the store wrap around. Its warning speaks of NaN.
set -eu

. "$(dirname "$0")/environment.sh"
install venv xarray==2026.9.0 zarr==3.1.6 pandas==3.1.1 numpy==2.4.6
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import xarray as xr

print({name: version(name) for name in ("xarray", "zarr", "pandas", "numpy")})
warnings.simplefilter("always")


def appended(name, first, second, dim):
    """What a store holds after two writes, and the warnings about its values."""
    store = f"{sys.argv[1]}/{name}.zarr"
    xr.Dataset(first).to_zarr(store, consolidated=False)
    with warnings.catch_warnings(record=True) as caught:
        xr.Dataset(second).to_zarr(store, append_dim=dim, consolidated=False)
    return xr.open_zarr(store, consolidated=False)[name].values, [str(one.message) for one in caught]


days = pd.date_range("2024-01-01", periods=2)
late = np.array(["2024-01-03T12:30"], "M8[ns]")
moments, about_moments = appended("time", {"time": ("time", days)}, {"time": ("time", late)}, "time")
print(f"{late} appended to days: {moments[2]}; warnings: {about_moments}")
hours = pd.date_range("2024-01-01", periods=2, freq="h")
same_unit, _ = appended("hour", {"hour": ("hour", hours)}, {"hour": ("hour", hours + pd.Timedelta("2h"))}, "hour")
print(f"hours appended to hours: {same_unit[2:]}")
small, large = np.array([1, 2], "i2"), np.array([1.7, 300_000.0])
numbers, about_numbers = appended("count", {"count": ("x", small)}, {"count": ("x", large)}, "x")
print(f"{large} appended to {small.dtype}: {numbers[2:]}; warnings: {about_numbers}")
says_minutes = any("Serializing with units 'minutes since 2024-01-01'" in text for text in about_moments)
as_found = says_minutes and str(moments[2])[:16] == "2033-12-09T00:00" and str(same_unit[2])[:16] == "2024-01-01T02:00"
sys.exit(0 if as_found and numbers.tolist() == [1, 2, 2, -27680] else 1)
PY
