"""What every tier shares: no test sees, or leaves, anything of the user's Airflow or Redis."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
TIERS = ("unit", "integration", "acceptance")

# Before anything imports Airflow, which reads its configuration then, and would write to ~/airflow.
for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[name]
_home = tempfile.TemporaryDirectory(prefix="exclusive-xcom-tests-")
os.environ["AIRFLOW_HOME"] = _home.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

# The same examples in every run: a failure in CI is a failure here.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Quick tests first, but in several processes (pytest-xdist) what takes longest; and none outside a tier."""
    several = hasattr(config, "workerinput")
    items.sort(key=lambda item: TIERS.index(_tier(item)), reverse=several)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each process takes whole files, or whole directories that are packages: those share what takes long to start.

    Whatever `--dist` says. Its `loadgroup` is no help: pytest-xdist 3.8 marks groups in node ids, which pytest 9.2
    does not take.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OfWhatIsShared(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = ROOT / nodeid.partition("::")[0]
            return os.fspath(file.parent if (file.parent / "__init__.py").exists() else file)

    config.option.loadscopereorder = False  # the order of collection, not that of sizes
    return OfWhatIsShared(config, log)


def pytest_unconfigure() -> None:
    """Remove the throw-away AIRFLOW_HOME; mutmut runs pytest several times in one process, and it goes with that."""
    if "MUTANT_UNDER_TEST" not in os.environ:
        _home.cleanup()


def _tier(item: pytest.Item) -> str:
    tier = item.path.relative_to(ROOT / "tests").parts[0]
    if tier not in TIERS:
        raise pytest.UsageError(f"{item.path} belongs into one of tests/{{{','.join(TIERS)}}}")
    return tier
