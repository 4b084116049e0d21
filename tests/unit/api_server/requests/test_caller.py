"""Tokens and task instances: what is believed, for how long, and what is forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from exclusive_redis_xcom.api_server.requests.caller import Callers, Tokens, bearer, seen_by_airflow
from tests.unit.api_server.ringed import CONSUMER, OWNER


def test_each_look_up_asks_the_database_because_the_task_may_end_anywhere() -> None:
    states = ["queued", "running", "success"]
    callers = Callers(lambda ti_id: replace(CONSUMER, state=states.pop(0)).caller)

    found = [asyncio.run(callers.find(CONSUMER.ti_id)) for _ in range(3)]

    assert [caller.running for caller in found if caller] == [False, True, False]


class TestTokens:
    @pytest.mark.parametrize(
        "claims",
        [
            {},
            {"sub": None},
            {"sub": 5},
            {"sub": "no id"},
            {"sub": OWNER.ti_id, "scope": "workload"},
            {"sub": OWNER.ti_id, "scope": None},
            {"sub": OWNER.ti_id, "scope": ["execution"]},
            None,
        ],
    )
    def test_claims_that_name_no_task_instance_are_nobodys(self, claims: Any) -> None:
        assert self.id_of(claims) is None

    @pytest.mark.parametrize("scope", [{}, {"scope": "execution"}])
    def test_an_execution_token_is_its_task_instances(self, scope: dict[str, str]) -> None:
        assert self.id_of({"sub": OWNER.ti_id.upper(), **scope}) == OWNER.ti_id

    def id_of(self, claims: Any) -> str | None:
        async def validate(token: str, required: dict[str, Any]) -> Any:
            return claims

        return asyncio.run(Tokens(validate).task_instance_id([(b"authorization", b"Bearer x")]))


@pytest.mark.parametrize(
    ("values", "token"),
    [
        ([b"Bearer abc"], "abc"),
        ([b"bearer abc"], "abc"),
        ([b"BEARER abc def"], "abc def"),
        ([b"Bearer abc \t "], "abc"),  # httptools leaves the spaces at the end
        ([b"Bearer  abc"], "abc"),
        ([b"Bearer"], None),
        ([b"Bearer "], None),
        ([b"Bearer \t"], None),
        ([b"Basic abc"], None),
        ([b"Bearer abc", b"Bearer def"], "abc"),  # the first, as Airflow reads it
        ([b"Basic abc", b"Bearer def"], None),
        ([], None),
    ],
)
def test_the_bearer_of_a_request(values: list[bytes], token: str | None) -> None:
    assert bearer([(b"host", b"x"), *[(b"Authorization", value) for value in values]]) == token


@pytest.mark.parametrize(
    ("token", "seen"),
    [
        (SimpleNamespace(id=UUID(OWNER.ti_id), claims=SimpleNamespace(scope="execution")), OWNER.ti_id),
        (SimpleNamespace(id=UUID(OWNER.ti_id), claims=SimpleNamespace(scope="workload")), None),
        (SimpleNamespace(id=UUID(OWNER.ti_id), claims=SimpleNamespace()), None),
        (SimpleNamespace(id=UUID(OWNER.ti_id), claims={"scope": "execution"}), None),
        (SimpleNamespace(id=OWNER.ti_id, claims=SimpleNamespace(scope="execution")), None),
        (None, None),
    ],
)
def test_what_airflow_left_in_the_scope(token: Any, seen: str | None) -> None:
    assert seen_by_airflow({"ti_token": token} if token else {}) == seen
