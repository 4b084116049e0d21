"""Read what the played tasks have recorded, as an administrator does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Rows
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.formats.observed import Observed
from exclusive_redis_xcom.store import Store
from tests.integration.task.direct_pulls.watched import PREFIX, ApiServer, Tasks

Recorded = Callable[[], dict[str, dict[str, int]]]


@pytest.fixture
def options() -> dict[str, str]:
    return {"observe": "reads"}


@pytest.fixture
def records(server: RedisServer) -> Iterator[Store]:
    client = RedisClient(options_from_url(server.url), Timeouts(1.0, 2.0, 5.0))
    yield Store(client, key_prefix=PREFIX)
    client.close()


@pytest.fixture
def recorded(records: Store) -> Recorded:
    """The counts of DAG `sales` by what was pulled and who asked: {"extract:token by sales/load": {"read": 1}}."""

    def read() -> dict[str, dict[str, int]]:
        found = records.observed("sales")
        return {} if found is None else _counts(found)

    return read


def _counts(found: Observed) -> dict[str, dict[str, int]]:
    return {
        f"{entry.task_id}:{entry.key} by {'/'.join(entry.reader or ('nobody',))}": {
            kind: count.number for kind, count in entry.counts.items()
        }
        for entry in found.entries
        if entry.counts
    }


@pytest.fixture
def api(records: Store, raw: redis.Redis, rows: Rows, configuration: None) -> ApiServer:
    return ApiServer(rows, records, raw)


@pytest.fixture
def tasks(dag: Any, api: ApiServer) -> Tasks:
    return Tasks(dag, api.rows)
