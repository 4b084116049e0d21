"""No test sees the settings of the test before it, although a process keeps what it has read (`tests/conftest.py`)."""

from __future__ import annotations

import pytest

from devtools.components import OURS
from exclusive_redis_xcom.settings import load_settings


@pytest.mark.parametrize("of_this_test", ["redis://first:6379/0", "redis://second:6379/0", None])
def test_settings_are_those_of_its_own_environment(monkeypatch: pytest.MonkeyPatch, of_this_test: str | None) -> None:
    if of_this_test is not None:
        monkeypatch.setenv(f"{OURS}REDIS_URL", of_this_test)

    assert load_settings().redis_url == of_this_test
