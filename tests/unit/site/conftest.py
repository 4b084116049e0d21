"""The site, built once for the tests of this folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from devtools.site.building import OLDEST_PYTHON, TOO_OLD, build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.version_info < OLDEST_PYTHON:
        pytest.skip(TOO_OLD)
    folder = tmp_path_factory.mktemp("docs")
    ended = build(folder)
    assert (ended.returncode, ended.stderr) == (0, "No issues found\n"), ended.stdout + ended.stderr
    return folder / "site"
