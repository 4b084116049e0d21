"""A callback has one outcome, whichever API server it asks, and whichever of them saw the end of its task."""

from __future__ import annotations

from collections import Counter

import pytest

from devtools.airflow_api import wait_until
from tests.production.conftest import DAGS, Installation

pytestmark = pytest.mark.timeout(300)


def test_callbacks_after_success_and_before_a_retry(installation: Installation) -> None:
    installation.add_dags(DAGS / "callbacks.py")
    airflow = installation.airflow
    run_id = airflow.trigger("callbacks")

    assert airflow.wait_run("callbacks", run_id) == "success"

    tasks, callbacks = 3 + 2 * 3, 3 + 3
    proofs = installation.proofs(run_id)
    # The last callbacks run after Airflow has recorded the run as over.
    wait_until(lambda: len(proofs.steps()) >= 4 * tasks + 12 * callbacks, 60, lambda: str(len(proofs.steps())))
    steps = proofs.steps()
    found = {step: Counter(each.outcome for each in steps if each.step == step) for step in ("task", "callback")}
    assert found == {
        "task": Counter({"ok": 4 * tasks}),
        "callback": Counter({"XComSealed" if installation.mode == "server" else "ok": 12 * callbacks}),
    }
