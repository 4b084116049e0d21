"""What unit tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def warm_parsing() -> Iterator[None]:
    """Parse DAG files without a start of Python and Airflow for each command. See `warm_parsing.py`."""
    from tests.unit.warm_parsing import warm

    with warm():
        yield
