"""Tokens of forms: one user's, for some hours, from this Airflow."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from exclusive_redis_xcom.pages import csrf
from exclusive_redis_xcom.pages.errors import PageError


@dataclass
class User:
    name: str

    def get_id(self) -> str:
        return self.name


def test_a_form_that_a_user_got_is_let_in() -> None:
    csrf.check(csrf.token(User("ada")), User("ada"))


@pytest.mark.parametrize("kind", ["none", "no token", "not signed", "of somebody else"])
def test_every_other_form_is_refused(kind: str) -> None:
    tokens = {"none": "", "no token": "x", "not signed": "ImFkYSI.x.y", "of somebody else": csrf.token(User("bob"))}
    token = tokens[kind]
    with pytest.raises(PageError) as refused:
        csrf.check(token, User("ada"))
    assert refused.value.status_code == 403
    assert refused.value.text == "This form is too old, or was not made for you. Load the page again."


def test_a_token_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    token = csrf.token(User("ada"))
    later = time.time() + 9 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(PageError):
        csrf.check(token, User("ada"))
