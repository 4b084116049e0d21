"""With `enforcement = server`, the ring records the refusals that it makes, and tasks record what they read."""

from __future__ import annotations

from typing import Any

import pytest

from devtools.worlds.rows import Rows
from exclusive_redis_xcom import XComAccessDenied, XComAlreadyClaimed, XComSealed
from tests.integration.task.observed.conftest import Recorded
from tests.integration.task.played_ring import PUBLIC_TEXT, no_ring, ring
from tests.integration.task.sales import pull, push


@pytest.fixture
def options() -> dict[str, str]:
    return {"observe": "reads", "enforcement": "server", "seal_public_key": PUBLIC_TEXT}


@pytest.fixture
def rows(rows: Rows) -> Rows:
    rows.answer = ring
    return rows


def test_a_read(dag: Any, recorded: Recorded) -> None:
    push(dag, "value")

    assert pull(dag) == "value"

    assert recorded() == {"extract:token by sales/load": {"read": 1}}


def test_a_refusal_is_counted_once(dag: Any, recorded: Recorded) -> None:
    push(dag, "value")

    with pytest.raises(XComAccessDenied):
        pull(dag, "report")

    assert recorded() == {"extract:token by sales/report": {"rule": 1}}


def test_a_claim_that_comes_too_late(dag: Any, recorded: Recorded) -> None:
    push(dag, "value", "once")
    pull(dag, key="once")

    with pytest.raises(XComAlreadyClaimed):
        pull(dag, "report", "once")

    assert recorded() == {
        "extract:once by sales/load": {"read": 1},
        "extract:once by sales/report": {"once": 1},
    }


def test_an_api_server_without_the_ring(dag: Any, rows: Rows, recorded: Recorded) -> None:
    rows.answer = no_ring
    push(dag, "value")

    with pytest.raises(XComSealed):
        pull(dag)

    assert recorded() == {"extract:token by sales/load": {"sealed": 1}}
