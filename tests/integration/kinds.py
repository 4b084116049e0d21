"""Stores on every kind of Redis that this package supports, and as every user of docs/redis-users.acl."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts
from exclusive_redis_xcom.store import Store
from tests.integration.support import API_PASSWORD, API_USER, PASSWORD, PREFIX, USER, open_store

KINDS = [
    "fakeredis",
    "redis on PATH",
    "redis 6.2",
    "restricted user",
    "restricted user, redis 6.2",
    "unix socket",
    "sentinels",
    "cluster",
    "restricted user, cluster",
    "API server's user",
    "API server's user, redis 6.2",
    "API server's user, cluster",
    "redis on PATH, generation 2",
]
#: These cover both server versions, a single server, a cluster, and every user. They suffice for tests of what the
#: store makes of replies.
FEW_KINDS = [
    "fakeredis",
    "redis on PATH",
    "restricted user, redis 6.2",
    "API server's user, cluster",
    "redis on PATH, generation 2",
]
# The user of workers may not remove hashes.
REMOVING_KINDS = [kind for kind in KINDS if "restricted" not in kind]
LOGIN = f"{USER}:{PASSWORD}@"
API_LOGIN = f"{API_USER}:{API_PASSWORD}@"


class ApiServersStore(Store):
    """The store of an API server. It pushes as a worker, because the API server's user may not push."""

    workers: Store

    def push(self, *arguments: Any, **named: Any) -> datetime:
        return self.workers.push(*arguments, **named)


@contextlib.contextmanager
def open_kind(request: pytest.FixtureRequest, kind: str) -> Iterator[Store]:
    if kind == "fakeredis":
        with _fake_store() as fake:
            yield fake
        return
    with open_store(_url(request, kind), deadline=10) as real:
        if "generation 2" in kind:
            yield Store(real._client, key_prefix=PREFIX, generation=2)
            return
        if "API server" not in kind:
            yield real
            return
        with open_store(_url(request, kind).replace(API_LOGIN, LOGIN)) as workers:
            store = ApiServersStore(real._client, key_prefix=PREFIX)
            store.workers = workers
            yield store


def _url(request: pytest.FixtureRequest, kind: str) -> str:
    if "cluster" in kind:
        url: str = request.getfixturevalue("cluster").url
    elif kind == "sentinels":
        url = request.getfixturevalue("sentinels").url
    elif kind == "unix socket":
        url = request.getfixturevalue("start_redis")(unix_socket=True).url
    else:
        url = request.getfixturevalue("redis_62" if "6.2" in kind else "redis_on_path").url
    login = LOGIN if "restricted" in kind else API_LOGIN if "API server" in kind else ""
    return url.replace("://", f"://{login}")


@contextlib.contextmanager
def _fake_store() -> Iterator[Store]:
    import fakeredis

    from exclusive_redis_xcom.connection.server import ServerSession

    fake = fakeredis.FakeRedis()
    client = RedisClient(RedisOptions(), Timeouts(), open_session=lambda budget: ServerSession(fake, budget))
    yield Store(client, key_prefix=PREFIX)
    assert [key for key in fake.scan_iter() if fake.ttl(key) == -1] == []
    client.close()
    fake.close()
