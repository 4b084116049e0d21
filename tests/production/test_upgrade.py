"""An upgrade from the last build that landed to this one, component by component, while tasks run and values wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.components import OURS
from devtools.production import builds
from devtools.production.stack import API_SERVERS, COMPONENTS, Production
from tests.production.conftest import Installation

pytestmark = [pytest.mark.timeout(900, func_only=True), pytest.mark.in_full]

FORMAT_2 = {f"{OURS}FORMAT": "2"}
_WHERE = "import exclusive_redis_xcom; print(exclusive_redis_xcom.__file__)"


@pytest.fixture(scope="module")
def old_build(public_folder: Callable[[str], Path]) -> Path:
    """The Python of an environment that has a wheel of the last landed revision installed."""
    revision = builds.last_landed()
    if revision is None:
        pytest.skip("git knows no revision before this one: the clone is shallow, or this is no clone")
    return builds.environment(public_folder("old-build") / "old", revision)


def restart_all(airflow: Production, python: Path) -> None:
    for name in COMPONENTS:
        airflow.stop_component(name)
    for name in COMPONENTS:
        airflow.start_component(name, python)
    airflow.wait_ready()


def test_an_upgrade_of_one_component_after_the_other_loses_nothing(
    installation: Installation, airflow: Production, old_build: Path, this_build: Path
) -> None:
    packages = {airflow.run_as("worker", str(python), "-c", _WHERE).stdout for python in (old_build, this_build)}
    assert len(packages) == 2
    assert "" not in packages

    restart_all(airflow, old_build)
    run_id = airflow.trigger("faults_steady")
    proofs = installation.proofs(run_id)
    try:
        proofs.wait(12)
        # API servers before workers, and `format = 2` as long as an old worker runs: upgrading.md asks for both.
        for name in (*API_SERVERS, "scheduler", "dag-processor", "triggerer"):
            airflow.stop_component(name)
            airflow.start_component(name, this_build, FORMAT_2)
            airflow.wait_ready()
            proofs.wait(6)
        airflow.start_component("worker-2", this_build, FORMAT_2)
        airflow.wait_ready()
        proofs.wait(6)
    finally:
        proofs.enough()
    # The old worker ends its tasks, and takes no more: the new one alone pulls what the old one pushed.
    airflow.stop_component("worker", grace=60)

    assert airflow.wait_run("faults_steady", run_id, timeout=300) == "success"
    assert set(proofs.outcomes()) == {"ok"}
    assert {step.try_number for step in proofs.steps()} == {1}
    assert len(proofs.steps("after")) > 10

    # Without old workers, the setting goes. The new format is written then, and read together with the old one.
    airflow.stop_component("worker-2", grace=60)
    airflow.start_component("worker-2", this_build)
    airflow.wait_ready()
    run_id = airflow.trigger("faults_steady")
    proofs = installation.proofs(run_id)
    try:
        proofs.wait(6)
    finally:
        proofs.enough()
    assert airflow.wait_run("faults_steady", run_id, timeout=300) == "success"
    assert set(proofs.outcomes()) == {"ok"}
