"""How redis-py is set up: what stands in for a `redis.Redis` makes the same connections and reads the same replies."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from exclusive_redis_xcom.connection import Address, RedisOptions, Timeouts, driver
from exclusive_redis_xcom.connection.budget import Budget
from exclusive_redis_xcom.connection.redis_options import Tls

THERE = Address("localhost", 1)


class Answering:
    def __init__(self, reply: Any) -> None:
        self._reply = reply

    def read_response(self, *_: object, **__: object) -> Any:
        if isinstance(self._reply, Exception):
            raise self._reply
        return self._reply


def opened(options: RedisOptions) -> Any:
    return driver.open_server(options, THERE, Timeouts(1.5, 2.5, 3.5), Budget())


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("PING", b"PONG"),
        ("TIME", [b"1", b"2"]),
        ("HMGET", [b"a", None]),
        ("SCAN", [b"0", [b"a"]]),
        ("INFO", b"redis_version:7.0.0\r\nused_memory:1\r\n"),
        ("ACL WHOAMI", b"default"),
        ("CLUSTER SLOTS", [[0, 5, [b"127.0.0.1", 7000, b"id"]]]),
        ("SENTINEL GET-MASTER-ADDR-BY-NAME", [b"127.0.0.1", b"7000"]),
        ("EVALSHA", [1, 0]),
        ("scan", [b"0", [b"a"]]),
    ],
)
def test_replies_are_read_as_a_client_of_redis_py_reads_them(command: str, reply: Any) -> None:
    theirs = redis.Redis(connection_pool=redis.ConnectionPool(protocol=2))

    ours = opened(RedisOptions()).parse_response(Answering(reply), command)

    assert ours == theirs.parse_response(Answering(reply), command)


def test_a_refusal_is_raised() -> None:
    with pytest.raises(redis.ResponseError, match=r"^no$"):
        opened(RedisOptions()).parse_response(Answering(redis.ResponseError("no")), "PING")


@pytest.mark.parametrize(
    "options",
    [RedisOptions(), RedisOptions(path="/tmp/nobody"), RedisOptions(tls=Tls())],  # noqa: S108 - never opened
    ids=["tcp", "unix", "tls"],
)
def test_a_connection_is_what_a_pool_of_redis_py_makes(options: RedisOptions) -> None:
    server = opened(options)
    settings = dict(server._settings)
    pool = redis.ConnectionPool(connection_class=server._connection_class, **settings)

    ours: Any = server.make_connection()
    theirs: Any = pool.make_connection()

    assert type(ours) is type(theirs)
    names = ("socket_timeout", "socket_connect_timeout", "health_check_interval", "protocol", "retry_on_timeout")
    assert {name: getattr(ours, name) for name in names} == {name: getattr(theirs, name) for name in names}
    assert (ours.socket_connect_timeout, ours.socket_timeout) == (1.5, 2.5)


def test_nothing_is_tried_again_by_redis_py_itself() -> None:
    failures = []

    def fail() -> None:
        failures.append(1)
        raise redis.ConnectionError

    connection = opened(RedisOptions()).make_connection()
    with pytest.raises(redis.ConnectionError):
        connection.retry.call_with_retry(fail, lambda _: None)

    assert len(failures) == 1


def test_no_password_is_shown() -> None:
    assert "s3cret" not in repr(opened(RedisOptions(password="s3cret")))
