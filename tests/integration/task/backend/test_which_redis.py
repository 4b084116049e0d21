"""The settings that tell where Redis is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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

    with pytest.raises(ConfigurationError, match="of type 'http'") as caught:
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
        "[exclusive_redis_xcom] redis_url cannot be used. The Redis URL must begin with one of redis://, rediss://, "
        "unix://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster://."
    )
    assert caught.value.__suppress_context__
