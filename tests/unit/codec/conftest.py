from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator

import pytest

if "AIRFLOW_HOME" not in os.environ:
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="exclusive-xcom-codec-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

from exclusive_redis_xcom.codec.allowlist import serde

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what Airflow's own imports say is not the subject
    SERDE = serde()

OPTION = "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES"
CACHED = ("_get_patterns", "_get_regexp_patterns", "_match_glob", "_match_regexp")


def forget_patterns() -> None:
    for name in CACHED:
        getattr(SERDE, name).cache_clear()


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set Airflow's allow list."""

    def configure(patterns: str, option: str = OPTION) -> None:
        monkeypatch.setenv(option, patterns)
        forget_patterns()

    yield configure
    monkeypatch.undo()
    forget_patterns()


@pytest.fixture
def allowed(allow: Callable[[str], None]) -> None:
    """The sample classes are on Airflow's allow list."""
    allow("airflow.* tests.unit.codec.samples.*")
