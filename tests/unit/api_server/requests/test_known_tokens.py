"""A token is verified once, and then known until it expires. It is known only where one secret signs all tokens."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.api_server.requests.caller import Tokens
from exclusive_redis_xcom.api_server.requests.known_tokens import KnownTokens
from tests.unit.api_server.ringed import OWNER, STRANGER

SECRET = "s" * 64


def headers(token: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", b"Bearer " + token.encode())]


class Validator:
    """Airflow's own, which counts how often it is asked."""

    def __init__(self, leeway: int = 10, **changes: Any) -> None:
        from airflow.api_fastapi.auth.tokens import JWTValidator

        self.airflows = JWTValidator(secret_key=SECRET, audience="tasks", issuer=None, algorithm="HS512", leeway=leeway)
        self.jwks = changes.get("jwks", self.airflows.jwks)
        self.asked = 0

    async def avalidated_claims(self, token: str, required: dict[str, Any]) -> dict[str, Any]:
        self.asked += 1
        claims: dict[str, Any] = await self.airflows.avalidated_claims(token, required)
        return claims


def token(expires_in: float = 86_400, secret: str = SECRET, **claims: Any) -> str:
    now = int(time.time())
    own = {"sub": OWNER.ti_id, "aud": "tasks", "iat": now - 900, "nbf": now - 900, "exp": int(now + expires_in)}
    return jwt.encode({**own, **claims}, secret, algorithm="HS512")


def ids(tokens: Tokens, *given_tokens: str) -> list[str | None]:
    async def ask() -> list[str | None]:
        return [await tokens.task_instance_id(headers(one)) for one in given_tokens]

    return asyncio.run(ask())


def test_a_token_is_verified_once() -> None:
    validator = Validator()
    tokens = Tokens(validator.avalidated_claims, one_secret=True)
    one, other = token(), token(sub=STRANGER.ti_id)

    assert ids(tokens, one, one, other, one, other) == [OWNER.ti_id] * 2 + [STRANGER.ti_id, OWNER.ti_id, STRANGER.ti_id]
    assert validator.asked == 2


def test_where_keys_may_change_each_token_is_verified_each_time() -> None:
    validator = Validator()
    one = token()

    assert ids(Tokens(validator.avalidated_claims), one, one, one) == [OWNER.ti_id] * 3
    assert validator.asked == 3


@pytest.mark.parametrize(
    "refused",
    [
        token(secret="t" * 64),
        token(expires_in=-60),
        token(aud="people"),
        token(scope="workload"),
        token(sub="nobody"),
        token() + "x",
    ],
    ids=["forged", "expired", "of a user", "workload", "no id", "longer"],
)
def test_a_token_that_is_refused_is_refused_again(refused: str) -> None:
    validator = Validator()
    tokens = Tokens(validator.avalidated_claims, one_secret=True)

    assert ids(tokens, token(), refused, refused) == [OWNER.ti_id, None, None]
    assert validator.asked == 3


def test_airflow_alone_decides_about_a_token_that_has_just_expired() -> None:
    """It has a leeway, during which it accepts such tokens."""
    validator = Validator(leeway=30)
    tokens = Tokens(validator.avalidated_claims, one_secret=True)
    late = token(expires_in=-5)

    assert ids(tokens, late, late) == [OWNER.ti_id] * 2
    assert validator.asked == 2


@pytest.mark.parametrize(("jwks", "asked"), [(None, 1), ("https://keys.example", 2)])
def test_airflows_own_validator_says_whether_keys_may_change(
    jwks: str | None, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.execution_api import app

    validator = Validator(jwks=jwks)
    monkeypatch.setattr(app, "_jwt_validator", lambda: validator)
    one = token()

    assert ids(Tokens(), one, one) == [OWNER.ti_id] * 2
    assert validator.asked == asked


class TestWhatAirflowHasVerified:
    @pytest.mark.parametrize("one_secret", [True, False])
    def test_it_is_known_where_one_secret_signs_all(self, one_secret: bool) -> None:
        validator = Validator()
        tokens = Tokens(validator.avalidated_claims, one_secret=one_secret)
        one = token()

        tokens.remember(self.answered(one, exp=time.time() + 600))

        assert ids(tokens, one) == [OWNER.ti_id]
        assert validator.asked == (0 if one_secret else 1)

    @pytest.mark.parametrize("claims", [{"exp": 1}, {"exp": None}, {"exp": "600"}, {"exp": True}, {}])
    def test_it_is_verified_where_nobody_knows_when_it_expires(self, claims: dict[str, Any]) -> None:
        validator = Validator()
        tokens = Tokens(validator.avalidated_claims, one_secret=True)
        one = token()

        tokens.remember(self.answered(one, **claims))

        assert ids(tokens, one) == [OWNER.ti_id]
        assert validator.asked == 1

    def test_other_requests_are_no_reason_to_believe_a_token(self) -> None:
        validator = Validator()
        tokens = Tokens(validator.avalidated_claims, one_secret=True)
        forged = token(secret="t" * 64)

        tokens.remember({"headers": headers(forged)})
        tokens.remember(self.answered(forged, scope="workload", exp=time.time() + 600))

        assert ids(tokens, forged) == [None]

    def answered(self, one: str, scope: str = "execution", **claims: Any) -> dict[str, Any]:
        verified = SimpleNamespace(id=UUID(OWNER.ti_id), claims=SimpleNamespace(scope=scope, **claims))
        return {"headers": headers(one), "ti_token": verified}


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100))
def test_a_token_is_known_from_its_verification_until_it_expires(verified: float, expires: float, now: float) -> None:
    clock = [verified]
    known = KnownTokens(lambda: clock[0])
    known.add("a", "id", expires)
    clock[0] = now

    assert (known.task_instance_id("a") == "id") == (verified <= now < expires)
    assert known.task_instance_id("b") is None


def test_the_token_that_was_asked_for_longest_ago_is_forgotten_first() -> None:
    known = KnownTokens(lambda: 0.0)
    for number in range(4096):
        known.add(str(number), str(number), 1)
    assert known.task_instance_id("0") == "0"
    known.add("1", "1", 1)  # Airflow has verified it again

    known.add("new", "new", 1)

    assert [known.task_instance_id(one) for one in ("0", "1", "2", "3", "new")] == ["0", "1", None, "3", "new"]


def test_no_token_is_kept() -> None:
    known = KnownTokens()
    known.add("a.secret.token", "id", time.time() + 600)

    assert "secret" not in repr(vars(known))
