"""Tokens of forms. Whoever sends a form must have loaded the page before, as the same user.

Airflow's cookie comes with requests that another site makes, too. That site cannot read our pages, so it has no token.
A token is signed with `[api] secret_key`, which all API servers of an Airflow share.
"""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from itsdangerous import BadData, URLSafeTimedSerializer

from exclusive_redis_xcom.pages.errors import PageError

_SALT = "exclusive_redis_xcom.pages"
_SECONDS = 8 * 3600


def token(user: Any) -> str:
    """Return the token for the forms that a user gets."""
    return str(_serializer().dumps(str(user.get_id())))


def check(sent: str, user: Any) -> None:
    """Let a form in that this user got.

    Raises:
        PageError: 403. The token is missing, too old, or another user's.
    """
    try:
        owner = _serializer().loads(sent, max_age=_SECONDS)
    except BadData:
        owner = None
    if owner != str(user.get_id()):
        raise PageError(403, "This form is too old, or was not made for you. Load the page again.")


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get("api", "secret_key"), salt=_SALT)
