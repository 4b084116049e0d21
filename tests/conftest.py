"""Keep the user's Airflow and Redis out of every tier: no test sees them, and no test leaves anything there."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
TIERS = ("unit", "integration", "acceptance", "production")

# This must come before any import of Airflow: the import reads the configuration, and would write to ~/airflow.
for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[name]
_home = tempfile.TemporaryDirectory(prefix="exclusive-xcom-tests-")
os.environ["AIRFLOW_HOME"] = _home.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"  # else the package does nothing

# Every run tries the same examples, so that a failure in CI is a failure here.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run quick tests first, but slow ones first in several processes (pytest-xdist). Refuse tests outside a tier."""
    several = hasattr(config, "workerinput")
    items.sort(key=lambda item: TIERS.index(_tier(item)), reverse=several)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process whole files, or whole directories that are packages: their tests share what starts slowly.

    This replaces what `--dist` chooses. `--dist loadgroup` does not work: pytest-xdist 3.8 marks groups in node ids,
    and pytest 9.2 refuses such ids.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OfWhatIsShared(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = ROOT / nodeid.partition("::")[0]
            return os.fspath(file.parent if (file.parent / "__init__.py").exists() else file)

    config.option.loadscopereorder = False  # the order of collection, not that of sizes
    return OfWhatIsShared(config, log)


@pytest.fixture(autouse=True)
def settings_are_read_anew_after_each_test() -> Iterator[None]:
    """Let no test see the settings of another one's environment. A process reads them once, and keeps them."""
    yield
    loading = sys.modules.get("exclusive_redis_xcom.settings.loading")
    if loading is not None:
        loading.load_settings.cache_clear()


@pytest.fixture
def warm_parsing() -> Iterator[None]:
    """Parse DAG files without a start of Python and Airflow for each command. See `warm_parsing.py`."""
    from tests.warm_parsing import warm

    with warm():
        yield


def pytest_unconfigure() -> None:
    """Remove the temporary AIRFLOW_HOME. Under mutmut it stays: mutmut runs pytest many times in one process."""
    if "MUTANT_UNDER_TEST" not in os.environ:
        _home.cleanup()


def _tier(item: pytest.Item) -> str:
    tier = item.path.relative_to(ROOT / "tests").parts[0]
    if tier not in TIERS:
        raise pytest.UsageError(f"{item.path} belongs into one of tests/{{{','.join(TIERS)}}}")
    return tier
