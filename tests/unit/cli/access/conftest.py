"""The DAG files of these tests, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from exclusive_redis_xcom.access import Access
from exclusive_redis_xcom.access.loading import load
from tests.warm_parsing import warm

DAGS = Path(__file__).parent / "dags"


@pytest.fixture(scope="package")
def access() -> Access:
    with warm():
        return Access(load(DAGS, default_consumers="same_dag").require_all())
