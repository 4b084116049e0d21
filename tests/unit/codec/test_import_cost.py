"""Importing the codec, and using it for plain values, loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = ("redis", "pandas", "numpy", "pyarrow", "airflow", "pydantic", "attr", "pendulum", "zstandard")


@pytest.mark.parametrize("action", ["", 'c.encode([{"a": (1, {2})}, {1: 2}], max_bytes=1000)'], ids=["import", "use"])
def test_nothing_heavy_is_loaded(action):
    code = f"import sys, exclusive_redis_xcom.codec as c\n{action}\nprint(*(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)
    assert done.stdout.decode().split() == []
