"""What stands first on the page of a DAG."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exclusive_redis_xcom.pages import here
from exclusive_redis_xcom.pages.access.matrix import drawn
from exclusive_redis_xcom.pages.access.summary import summary
from tests.unit.access.made import facts
from tests.unit.pages.access.page import known

OURS = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"
BY_TASK = "The task that pulls decides, by the rule that was stored with the value when it was pushed."


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(f"{OURS}REDIS_URL", "redis://127.0.0.1:1/0")
    here.settings.cache_clear()
    yield
    here.settings.cache_clear()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({}, "2 XComs are known. None has a rule, so default_consumers = same_dag decides there."),
        ({"a": {"*": ["b"]}}, "2 XComs are known. 1 has no rule, so default_consumers = same_dag decides there."),
        ({"a": {"*": ["b"]}, "b": {"*": "nobody"}}, "2 XComs are known. Each has a rule."),
    ],
)
def test_how_many_xcoms_have_a_rule(rules: dict[str, object], said: str) -> None:
    assert summary(drawn(known(facts("shop", ["a", "b"], rules)), "", whole=False)) == [said, BY_TASK]


def test_a_mode_that_refuses_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}MODE", "report")

    assert summary(drawn(known(facts("shop", ["a", "b"])), "", whole=False))[1:] == [
        BY_TASK,
        "Nothing is refused now: with mode = report, a refusal is only recorded.",
    ]
