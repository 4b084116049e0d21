"""Under `mode = report`, a push says what Airflow's default backend would have changed. Otherwise it says nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from exclusive_redis_xcom.reporting import kept_types
from tests.integration.task.sales import CANARY, pull, push


@pytest.fixture
def texts(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What was logged about types."""
    monkeypatch.setattr(kept_types, "_reported", set())
    caplog.set_level(logging.WARNING, "exclusive_redis_xcom")
    return lambda: [text for text in map(logging.LogRecord.getMessage, caplog.records) if "default backend" in text]


def test_a_push_under_report_names_the_key_and_the_path_once(
    dag: Any, configure: Callable[..., None], texts: Callable[[], list[str]]
) -> None:
    configure(mode="report")

    for _ in range(2):
        push(dag, {"a": [{1: CANARY}]})

    (text,) = texts()
    assert text.splitlines() == [
        "'token' of extract comes back as it was pushed. Airflow's default backend would change parts of it:",
        "['a'][0][1]: an int key; the default gives text",
        "Look at the tasks that pull it: they get the value as it was pushed.",
    ]
    assert pull(dag) == {"a": [{1: CANARY}]}


def test_a_plain_value_is_pushed_without_a_word(
    dag: Any, configure: Callable[..., None], texts: Callable[[], list[str]]
) -> None:
    configure(mode="report")

    push(dag, {"a": [1, (2, 3)]})

    assert texts() == []


def test_nothing_is_said_under_enforce(dag: Any, texts: Callable[[], list[str]]) -> None:
    push(dag, {1: "x"})

    assert texts() == []
