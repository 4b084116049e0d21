"""Importing the codec, and using it, loads nothing heavy that the value itself does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = {
    "redis",
    "pandas",
    "numpy",
    "pyarrow",
    "polars",
    "airflow",
    "pydantic",
    "attr",
    "pendulum",
    "zstandard",
    "geopandas",
    "shapely",
    "xarray",
    "scipy",
    "PIL",
    "importlib.metadata",
    "ctypes",
}
PLAIN = '[{"a": (1, {2})}, {1: 2}, [(1, 2)] * 9, b"x" * 70_000, {"when": datetime(2024, 1, 1)}]'


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        ("", set()),
        (PLAIN, set()),
        ("'x' * 1000", set()),
        ("'x' * 2_000_000", {"ctypes"}),
        ("__import__('numpy').arange(100_000)", {"numpy", "ctypes"}),
        (
            "(np := __import__('numpy')).zeros(9, np.dtype('i8', metadata={'a': 1}))",
            {"numpy", "ctypes"},
        ),
        ("__import__('pandas').DataFrame({'a': range(9)})", {"numpy", "ctypes", "pandas", "pyarrow"}),
    ],
    ids=["import", "plain", "text", "large-text", "array", "metadata", "frame"],
)
def test_nothing_heavy_is_loaded(make, wanted):
    use = f"""
value = {make}
e = c.encode(value, compression="off", max_bytes=10**9)
c.decode(b"".join(e.payload), codec=e.codec, compression="off", decoded_size=e.decoded_size, max_bytes=10**9)
"""
    code = f"""
import sys
from datetime import datetime
import exclusive_redis_xcom.codec as c
{use if make else ""}
print(*(m for m in {HEAVY} if m in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)
    assert set(done.stdout.decode().split()) <= wanted
