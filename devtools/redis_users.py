"""The Redis users of docs/redis-users.acl, created in a running server with passwords of their own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from devtools.airflow_home import ROOT

if TYPE_CHECKING:
    import redis

USERS = ROOT / "docs" / "redis-users.acl"
WORKER, API_SERVER = "exclusive_redis_xcom", "exclusive_redis_xcom_api"


def create_users(connection: redis.Redis) -> dict[str, str]:
    """Create the users, and return their passwords by name. The default user stays as it is."""
    passwords = {WORKER: secrets.token_hex(24), API_SERVER: secrets.token_hex(24)}
    for line in USERS.read_text().splitlines():
        _, name, *rules = line.split()
        if name in passwords:
            allowed = [rule for rule in rules if not rule.startswith(">")]
            setuser = ("ACL", "SETUSER", name, "reset", f">{passwords[name]}", *allowed)
            connection.execute_command(*setuser)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    return passwords


def url_for(url: str, user: str, password: str) -> str:
    """Return the URL of the same server for another user."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}"))
