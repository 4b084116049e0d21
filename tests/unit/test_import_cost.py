"""Every DAG file and every task imports the package: that must stay cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("redis", "pandas", "numpy", "airflow", "zstandard", "pydantic")


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*(sys.modules.keys() & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)
    return set(done.stdout.decode().split())


@pytest.mark.parametrize("name", ["", ".__version__", ".XComAccessDenied"])
def test_importing_the_package_loads_neither_redis_nor_pandas_nor_airflow(name: str) -> None:
    assert loaded_by(f"import exclusive_redis_xcom; exclusive_redis_xcom{name}") == set()


def test_what_is_loaded_is_noticed() -> None:
    assert "redis" in loaded_by("import redis")
