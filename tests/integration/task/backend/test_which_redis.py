"""The settings that tell where Redis is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from exclusive_redis_xcom import ConfigurationError, StoreUnavailable
from tests.integration.task.sales import CANARY, pull, push


def test_an_unknown_connection_is_a_configuration_error_that_tells_how_to_make_it(
    dag: Any, configure: Callable[..., None]
) -> None:
    configure(redis_url="", redis_conn_id="nowhere")

    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_NOWHERE"):
        push(dag, 1)


def test_a_url_in_place_of_a_connection_id_is_not_repeated(dag: Any, configure: Callable[..., None]) -> None:
    configure(redis_url="", redis_conn_id=f"redis://user:{CANARY}@localhost")

    with pytest.raises(ConfigurationError, match="a URL goes into redis_url") as caught:
        push(dag, 1)

    assert CANARY not in str(caught.value)


def test_a_deadline_of_zero_tries_once(dag: Any, configure: Callable[..., None]) -> None:
    configure(retry_deadline="0")

    push(dag, "at the first try")

    assert pull(dag, "load") == "at the first try"


def test_an_airflow_connection_is_used_where_no_url_is_set(
    dag: Any, server: RedisServer, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_REDIS", server.url)
    configure(redis_url="", redis_conn_id="my_redis")

    push(dag, "through a connection")

    assert pull(dag, "load") == "through a connection"


def test_a_connection_of_another_type_is_a_configuration_error(
    dag: Any, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NOT_REDIS", f"http://user:{CANARY}@localhost:80")
    configure(redis_url="", redis_conn_id="not_redis")

    with pytest.raises(ConfigurationError, match="type is 'http'") as caught:
        push(dag, 1)

    assert CANARY not in str(caught.value)


def test_a_wrong_password_is_final_and_not_repeated_in_the_error(
    dag: Any, server: RedisServer, configure: Callable[..., None]
) -> None:
    configure(redis_url=server.url.replace("redis://", f"redis://nobody:{CANARY}@"))

    with pytest.raises(StoreUnavailable) as caught:
        push(dag, 1)

    assert CANARY not in str(caught.value)


def test_a_wrong_url_is_a_configuration_error_that_does_not_repeat_it(dag: Any, configure: Callable[..., None]) -> None:
    configure(redis_url=f"http://user:{CANARY}@localhost")

    with pytest.raises(ConfigurationError) as caught:
        push(dag, 1)

    assert str(caught.value) == (
        "[exclusive_redis_xcom] redis_url cannot be used.\n"
        "The Redis URL must begin with one of redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://, "
        "redis+cluster://, rediss+cluster://.\n"
        "Correct redis_url in section [exclusive_redis_xcom] of airflow.cfg, or "
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL in the environment."
    )
    assert caught.value.__suppress_context__


def test_a_database_in_the_path_of_an_airflow_connection_is_used(
    dag: Any, server: RedisServer, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_REDIS", f"{server.url.rpartition('/')[0]}/3")
    configure(redis_url="", redis_conn_id="my_redis")

    push(dag, "in database 3")

    assert pull(dag, "load") == "in database 3"
    with redis.Redis.from_url(f"{server.url.rpartition('/')[0]}/3") as three, redis.Redis.from_url(server.url) as zero:
        assert (three.dbsize(), zero.dbsize()) == (1, 0)
        three.flushdb()


def test_two_databases_in_an_airflow_connection_are_a_configuration_error(
    dag: Any, server: RedisServer, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_REDIS", f"redis://:{CANARY}@h:1/3?db=4")
    configure(redis_url="", redis_conn_id="my_redis")

    with pytest.raises(ConfigurationError) as caught:
        push(dag, 1)

    assert str(caught.value) == (
        "[exclusive_redis_xcom] redis_conn_id: Airflow connection 'my_redis' cannot be used.\n"
        "The Redis connection names two databases.\n"
        "The path (schema) names 3, and extra 'db' names 4. Leave one of them out.\n"
        "Correct the connection, or name another: redis_conn_id in section [exclusive_redis_xcom] of airflow.cfg, or "
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_CONN_ID in the environment."
    )


def test_an_unknown_host_is_named_as_such_with_the_setting(dag: Any, configure: Callable[..., None]) -> None:
    configure(redis_url=f"redis://:{CANARY}@no-such-host.invalid:6379", retry_deadline="0")

    with pytest.raises(StoreUnavailable) as caught:
        push(dag, 1)

    first, second, third = str(caught.value).split("\n")
    assert first == "Pushing failed: the name of the Redis host is unknown."
    assert second.startswith("Pushing XCom 'token' of task 'extract'")
    assert ": Redis (no-such-host.invalid:6379) was tried once in " in second
    assert third == "Correct the host in [exclusive_redis_xcom] redis_url, or the DNS."
