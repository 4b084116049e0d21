"""Pulls that Redis alone answers. The API server's part is played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Rows
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.store import Store
from tests.integration.task.direct_pulls.watched import PREFIX, ApiServer, Tasks


@pytest.fixture
def api(server: RedisServer, raw: redis.Redis, rows: Rows, configuration: None) -> Iterator[ApiServer]:
    client = RedisClient(options_from_url(server.url), Timeouts(1.0, 2.0, 5.0))
    yield ApiServer(rows, Store(client, key_prefix=PREFIX), raw)
    client.close()


@pytest.fixture
def dag() -> Any:
    from airflow.sdk import DAG, task

    rules = {"denied": ["somebody_else"], "restricted": ["load"], "once": {"consumers": ["*"], "once": True}}
    with DAG("sales", params={"xcom_acl": {"extract": rules, "parts": rules}}) as made:

        @task
        def extract() -> None: ...

        @task
        def parts(number: int) -> None: ...

        @task
        def load() -> None: ...

        @task
        def somebody_else() -> None: ...

        [extract(), parts.expand(number=[1])] >> load() >> somebody_else()
    return made


@pytest.fixture
def tasks(dag: Any, api: ApiServer) -> Tasks:
    return Tasks(dag, api.rows)
