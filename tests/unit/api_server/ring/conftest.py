"""A store in memory, for values that are read once."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts
from exclusive_redis_xcom.connection.server import ServerSession
from exclusive_redis_xcom.store import Store


@pytest.fixture
def store() -> Iterator[Store]:
    with fakeredis.FakeRedis() as fake:
        client = RedisClient(RedisOptions(), Timeouts(), open_session=lambda budget: ServerSession(fake, budget))
        yield Store(client, key_prefix="p")
        client.close()
