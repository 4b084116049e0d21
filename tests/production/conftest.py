"""A whole Airflow as users run it, once for each mode of enforcement. All tests of a mode share it.

`--short` leaves out the parity DAGs, and with them an Airflow with the default backend.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.airflow_home import ROOT

FOLDER = Path(__file__).parent
DAGS = FOLDER / "dags"

_homes: list[Path] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--short", action="store_true", help="run one DAG of each kind, and the quick faults")


@pytest.fixture(scope="session")
def short(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--short"))


@pytest.fixture(scope="session", autouse=True)
def machine() -> None:
    """Skip all tests where the stack cannot run, and say why."""
    pytest.importorskip("airflow.providers.celery", reason="make test-production has an environment of its own")
    from devtools.production import needs

    try:
        needs.ensure()
    except needs.NeedError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def public_folder(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Path]]:
    """For folders that every Unix user may enter; pytest's own are closed. After a failure, they stay."""
    made: list[Path] = []

    def new(name: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=f"exclusive-xcom-{name}-"))
        folder.chmod(0o755)
        made.append(folder)
        return folder

    yield new
    if not request.session.testsfailed:
        for folder in made:
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def this_build(public_folder: Callable[[str], Path]) -> Path:
    """The Python of an environment that has a wheel of this work tree installed."""
    from devtools.production import builds

    return builds.environment(public_folder("build") / "this")


@pytest.fixture(scope="session")
def new_airflow(public_folder: Callable[[str], Path], this_build: Path) -> Callable[..., Any]:
    """For a whole Airflow: `with new_airflow(mode, env) as airflow`."""
    from devtools.production.stack import Production

    def new(mode: str, env: dict[str, str] | None = None) -> Production:
        home = public_folder(mode)
        _homes.append(home)
        importable = home / "importable"
        importable.mkdir()
        (importable / "tests").symlink_to(ROOT / "tests")
        return Production(home, mode, env={"PYTHONPATH": os.fspath(importable), **(env or {})}, python=this_build)

    return new


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Say where the logs are when a test fails."""
    report = yield
    if report.failed and _homes and item.path.is_relative_to(FOLDER):
        places = "\n".join(f"{home}/logs and {home}/stack-logs" for home in _homes)
        report.sections.append(("Airflow's logs", places))
    return report
