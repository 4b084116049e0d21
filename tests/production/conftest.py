"""A whole Airflow as users run it, once for each mode of enforcement. All tests of a mode share it.

`--short` leaves out the parity DAGs, and with them an Airflow with the default backend.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devtools.airflow_home import ROOT
from devtools.components import OURS
from devtools.production import builds, needs
from devtools.production.stack import Production
from tests.acceptance.parity.conftest import DAGS as PARITY_DAGS
from tests.acceptance.parity.conftest import ENVIRONMENT
from tests.acceptance.parity.facts import Fact, facts
from tests.acceptance.parity.outcome import stand_in_for_uv
from tests.acceptance.parity.runs import play
from tests.acceptance.parity.seen import FOLDER as PARITY_FOLDER
from tests.production.proofs import Proofs

FOLDER = Path(__file__).parent
DAGS = FOLDER / "dags"
MODES = ("worker", "server")

_homes: list[Path] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--short", action="store_true", help="run server mode only, one DAG of each kind, and two faults")
    parser.addoption("--mode", choices=MODES, help="run one mode of enforcement only")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "in_full: is left out with --short")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the other mode. With `--short`, leave out worker mode and what is marked with `in_full`."""
    short = config.getoption("--short")
    wanted = config.getoption("--mode") or ("server" if short else None)

    def is_left_out(item: pytest.Item) -> bool:
        cases = getattr(item, "callspec", None)
        mode = cases.params.get("mode") if cases else None
        is_other = wanted is not None and mode not in (None, wanted)
        return is_other or (short and item.get_closest_marker("in_full") is not None)

    left_out = [item for item in items if is_left_out(item)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def parity(request: pytest.FixtureRequest) -> bool:
    """Whether parity is tested. If not, the parity DAGs need not run."""
    return any(item.path.name == "test_parity.py" for item in request.session.items)


@pytest.fixture(scope="session", autouse=True)
def machine() -> None:
    """Skip all tests where the stack cannot run, and say why."""
    pytest.importorskip("airflow.providers.celery", reason="make test-production has an environment of its own")
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
    return builds.environment(public_folder("build") / "this")


@pytest.fixture(scope="session")
def new_airflow(public_folder: Callable[[str], Path], this_build: Path) -> Callable[..., Any]:
    """For a whole Airflow: `with new_airflow(mode, env) as airflow`."""

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


@dataclass(frozen=True)
class Installation:
    """A running Airflow, and where its tasks write down what they see."""

    airflow: Production
    mode: str
    facts: dict[Fact, str]
    folder: Path

    def proofs(self, run_id: str) -> Proofs:
        return Proofs(self.folder / "faults" / run_id)

    def add_dags(self, *files: Path) -> None:
        """Bring DAG files, and let their DAGs run. The parity DAGs needed that none runs by itself."""
        for file in files:
            dag_ids = self.airflow.add_dag(file.stem, file.read_text())
            assert dag_ids, self.airflow.import_errors()
            for dag_id in dag_ids:
                self.airflow.api("PATCH", f"/dags/{dag_id}", json={"is_paused": False})


@pytest.fixture(scope="session")
def install(
    new_airflow: Callable[..., Production], public_folder: Callable[[str], Path], parity: bool
) -> Callable[[str], AbstractContextManager[Installation]]:
    """For an installation in which the parity DAGs have run, if parity is tested."""

    @contextlib.contextmanager
    def started(mode: str) -> Iterator[Installation]:
        folder = public_folder("proofs")
        for name in ("seen", "faults", "proofs"):
            (folder / name).mkdir()
            (folder / name).chmod(0o1777)  # tasks write here, and callbacks that run as another user
        stand_in = os.fspath(stand_in_for_uv(folder / "bin"))
        env = {
            **ENVIRONMENT,
            "PATH": os.pathsep.join([stand_in, os.environ["PATH"]]),
            PARITY_FOLDER: os.fspath(folder / "seen"),
            "ACCEPTANCE_PROOFS": os.fspath(folder / "proofs"),
            "PRODUCTION_PROOFS": os.fspath(folder / "faults"),
            f"{OURS}AUDIT": "all",
        }
        with new_airflow(mode, env) as airflow:
            found = play_parity(airflow, folder / "seen") if parity else {}
            yield Installation(airflow, mode, found, folder)

    return started


@pytest.fixture(scope="session")
def default_facts(install: Callable[[str], AbstractContextManager[Installation]]) -> dict[Fact, str]:
    """What the parity DAGs do under Airflow's default backend, on the same kind of installation."""
    with install("default") as installation:
        return installation.facts


@pytest.fixture(scope="session", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def installation(
    mode: str,
    parity: bool,
    install: Callable[[str], AbstractContextManager[Installation]],
    request: pytest.FixtureRequest,
) -> Iterator[Installation]:
    """The installation of a mode. All tests share it, and no other runs beside it."""
    if parity:
        request.getfixturevalue("default_facts")
    with install(mode) as running:
        running.add_dags(DAGS / "faults.py")
        yield running


@pytest.fixture(scope="session")
def airflow(installation: Installation) -> Production:
    return installation.airflow


def play_parity(airflow: Production, seen: Path) -> dict[Fact, str]:
    """Run the parity DAGs and return what they did."""
    files = sorted(PARITY_DAGS.glob("*.py"))
    for path in files:
        shutil.copy(path, airflow.dags_folder)
    play(airflow, [path.name for path in files], {"parity_across": {"n": 5}}, seen)
    return facts(airflow, seen)
