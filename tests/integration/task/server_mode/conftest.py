"""Set `enforcement = server` in the task's process, and put the real ring around the rows.

The ring itself is tested in tests/unit/api_server and tests/acceptance/ring.
"""

from __future__ import annotations

import pytest

from devtools.worlds.rows import Rows
from tests.integration.task.played_ring import PUBLIC_TEXT, ring


@pytest.fixture
def options() -> dict[str, str]:
    return {"enforcement": "server", "seal_public_key": PUBLIC_TEXT}


@pytest.fixture
def rows(rows: Rows) -> Rows:
    rows.answer = ring
    return rows
