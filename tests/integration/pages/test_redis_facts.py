"""What a page asks Redis, and what it says where Redis does not tell."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.observed import READ, Event
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.pages.xcoms.redis_facts import NO_RIGHTS, NOT_REACHED, RedisFacts, ask
from exclusive_redis_xcom.pages.xcoms.rows import Row
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import ACL, API_PASSWORD, API_USER, TTL, open_store, user_without, value

NOW = datetime.now(timezone.utc)


def row_of(pushed: Envelope) -> Row:
    until = NOW + timedelta(days=1)
    reference = Reference(pushed.coordinate, pushed.version, "str", 1, ("*",), "default", NOW, until)
    return Row(pushed.coordinate, reference, False, NOW)


def as_user(server: RedisServer, name: str, password: str) -> str:
    return server.url.replace("://", f"://{name}:{password}@")


def never() -> Store:
    raise AssertionError("nothing is to be asked")


def test_values_and_the_record_are_told_to_the_api_server_s_user(redis_on_path: RedisServer) -> None:
    pushed = value(Coordinate("dag", "run", "task", "key"))
    with open_store(redis_on_path.url) as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL))
        store.count([Event("dag", "task", "key", ("dag", "load"), READ)])
    with open_store(as_user(redis_on_path, API_USER, API_PASSWORD)) as store:
        facts = ask("dag", [row_of(pushed)], lambda: store, with_record=True)

    assert facts.problem is None
    assert facts.known.keys() == {pushed.coordinate}
    assert [entry.reader for entry in facts.entries["task", "key"]] == [("dag", "load")]


def test_a_user_without_the_right_is_named(redis_on_path: RedisServer) -> None:
    pushed = value(Coordinate("dag", "run", "task", "key"))
    with open_store(redis_on_path.url) as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL))
    with user_without(redis_on_path, "hstrlen") as url, open_store(url) as store:
        assert ask("dag", [row_of(pushed)], lambda: store, with_record=True) == RedisFacts(NO_RIGHTS)


def test_a_redis_that_is_down_is_a_sentence(redis_on_path: RedisServer) -> None:
    with RedisServer(binary=redis_on_path.binary) as gone:
        url = gone.url
    with open_store(url) as store:
        asked = ask("dag", [row_of(value(Coordinate("dag", "run", "task", "key")))], lambda: store, with_record=True)

    assert asked == RedisFacts(NOT_REACHED)


@pytest.mark.parametrize(
    "make",
    [
        lambda row: replace(row, reference=None),
        lambda row: replace(row, reference=None, is_malformed=True),
        lambda row: replace(row, at=replace(row.at, key="other")),
    ],
)
def test_about_a_row_that_is_not_ours_redis_is_not_asked(make: Callable[[Row], Row]) -> None:
    row = make(row_of(value(Coordinate("dag", "run", "task", secrets.token_hex(4)))))

    assert ask("dag", [row], never, with_record=True) == RedisFacts()
