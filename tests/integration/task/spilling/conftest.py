"""Let `spill_path` name a local directory, which takes values over 10,000 bytes."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "xcoms"


@pytest.fixture
def options(root: Path) -> dict[str, str]:
    return {"spill_path": f"file://{root}", "spill_threshold_bytes": "10000", "compression": "off"}
