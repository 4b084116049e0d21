"""What is said where it is not known who asks: what kind of process it is, and what to do there."""

from __future__ import annotations

from typing import get_args

import pytest

from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.process.kind import ProcessKind
from exclusive_redis_xcom.reporting import unidentified

TOKEN = Coordinate("etl", "r1", "extract", "token")


@pytest.mark.parametrize("action", ["pull", "push", "remove"])
@pytest.mark.parametrize("process", get_args(ProcessKind))
def test_every_process_is_told_what_was_refused_why_and_what_to_do(process: str, action: str) -> None:
    first, cause, remedy, whole = str(unidentified.refused(TOKEN, action, process)).splitlines()

    done = {"pull": "pulled", "push": "pushed", "remove": "removed"}[action]
    assert first == f"'token' of extract may not be {done}: it is not known which task asks."
    assert cause.startswith("This ")
    assert remedy.startswith(("Pull", "Push and remove", "Hand the value to the task"))
    assert whole == f"{TOKEN}."


def test_a_trigger_is_told_where_to_pull_instead() -> None:
    assert str(unidentified.refused(TOKEN, "pull", "triggerer")).splitlines()[1:3] == [
        "This code runs in the triggerer, and Airflow does not say for which task. It never does for the callback of a "
        "deadline, and Airflow 3.1 does for no trigger.",
        "Pull in the task before it defers, and hand the value to the trigger.",
    ]
