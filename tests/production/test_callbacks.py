"""A callback has one outcome, whichever API server it asks, and whichever of them saw the end of its task."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.production.conftest import DAGS, Installation

pytestmark = pytest.mark.timeout(300)


def test_callbacks_after_success_and_before_a_retry(installation: Installation) -> None:
    installation.add_dags(DAGS / "callbacks.py")
    airflow = installation.airflow
    run_id = airflow.trigger("callbacks")

    assert airflow.wait_run("callbacks", run_id) == "success"

    steps = installation.proofs(run_id).steps()
    found = {step: Counter(each.outcome for each in steps if each.step == step) for step in ("task", "callback")}
    tasks, callbacks = 3 + 2 * 3, 3 + 3
    assert found == {
        "task": Counter({"ok": 4 * tasks}),
        "callback": Counter({"XComSealed" if installation.mode == "server" else "ok": 12 * callbacks}),
    }
