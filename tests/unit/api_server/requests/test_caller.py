"""Tokens and task instances: what is believed, for how long, and what is forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from exclusive_redis_xcom.api_server.requests import caller as module
from exclusive_redis_xcom.api_server.requests.caller import Caller, Callers, Tokens, bearer, seen_by_airflow
from tests.unit.api_server.ringed import CONSUMER, OWNER


@dataclass
class Database:
    """Finds everybody running unless told otherwise; the time is what the test says."""

    state: str = "running"
    now: float = 100.0
    asked: list[str] = field(default_factory=list)
    meanwhile: Any = None

    def look_up(self, ti_id: str) -> Caller | None:
        self.asked.append(ti_id)
        found = replace(CONSUMER, state=self.state).caller
        if self.meanwhile is not None:
            self.meanwhile()
        return found

    def callers(self) -> Callers:
        return Callers(self.look_up, lambda: self.now)


def find(callers: Callers, ti_id: str = CONSUMER.ti_id, **how: Any) -> Caller | None:
    return asyncio.run(callers.find(ti_id, **how))


class TestCallers:
    def test_a_row_is_believed_for_seconds(self) -> None:
        database = Database()
        callers = database.callers()

        for database.now in (100.0, 102.9, 103.1):
            find(callers)

        assert len(database.asked) == 2

    def test_what_does_not_run_is_not_remembered(self) -> None:
        database = Database(state="queued")
        callers = database.callers()

        find(callers)
        database.state = "running"

        assert find(callers).running  # type: ignore[union-attr]

    def test_fresh_asks_and_renews(self) -> None:
        database = Database()
        callers = database.callers()
        find(callers)
        database.state = "success"

        assert not find(callers, fresh=True).running  # type: ignore[union-attr]
        assert not find(callers).running  # type: ignore[union-attr]

    @pytest.mark.parametrize("spelling", [str, str.upper, lambda ti_id: UUID(ti_id).hex])
    def test_dropped_is_asked_again(self, spelling: Any) -> None:
        database = Database()
        callers = database.callers()
        find(callers)

        callers.drop(spelling(CONSUMER.ti_id))
        find(callers)

        assert len(database.asked) == 2

    def test_an_id_that_is_none_drops_nothing(self) -> None:
        database = Database()
        callers = database.callers()
        find(callers)

        callers.drop("../x")
        find(callers)

        assert len(database.asked) == 1

    @pytest.mark.parametrize("changes_before", [0, 1, 2])
    def test_what_was_read_while_the_state_changed_is_not_remembered(self, changes_before: int) -> None:
        database = Database()
        callers = database.callers()
        for _ in range(changes_before):
            callers.drop(OWNER.ti_id)
        database.meanwhile = lambda: callers.drop(CONSUMER.ti_id)
        find(callers)
        database.meanwhile = None

        find(callers)

        assert len(database.asked) == 2

    def test_no_more_than_so_many_are_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_CACHED_ROWS", 2)
        database = Database()
        callers = database.callers()
        ids = [str(UUID(int=number)) for number in range(3)]

        for ti_id in (*ids, ids[0], ids[2]):
            find(callers, ti_id)

        assert database.asked == [*ids, ids[0]]


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
        ([b"Bearer"], None),
        ([b"Bearer "], None),
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
