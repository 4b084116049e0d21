"""No error shows a value or a password, whatever goes wrong."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.errors import ExclusiveXComError, StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Push, Store
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.support import ACL, PASSWORD, PREFIX, TTL, USER, Start, at, open_store, shown, value

CANARY = b"canary-v4lue"


def canary_push(store: Store) -> str:
    """Push a canary; what the error shows."""
    envelope = dataclasses.replace(value(at()), payload=(CANARY * 100,))
    with pytest.raises(ExclusiveXComError) as caught:
        store.push(Push(envelope, acl=ACL, ttl=TTL))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return shown(caught.value)


def with_login(server: RedisServer, password: str = PASSWORD) -> str:
    return server.url.replace("://", f"://{USER}:{password}@")


@pytest.mark.parametrize("how", ["dead", "wrong password", "no permission", "out of memory", "cut", "wrong type"])
def test_neither_value_nor_password_is_in_an_error(
    start_redis: Start, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = start_redis(config={"user": f"{USER} on >{PASSWORD} ~* +@all"})
    url = with_login(server, PASSWORD + "x" if how == "wrong password" else PASSWORD)
    if how == "cut":
        with (
            CuttingProxy(server.port, replies=20) as proxy,
            open_store(url.replace(str(server.port), str(proxy.port)), deadline=0.2) as store,
        ):
            text = canary_push(store)
    else:
        with open_store(with_login(server)) as helper:
            commands = {
                "no permission": ("ACL", "SETUSER", USER, "-hset"),
                "out of memory": ("CONFIG", "SET", "maxmemory", "1"),
                "wrong type": ("SET", redis_names.hash_name(PREFIX, at()), "theirs", "EX", "60"),
            }
            if how in commands:
                helper._client.run("prepare", lambda session: session.call("", commands[how]))
        if how == "dead":
            server.stop()
        with open_store(url, deadline=0.2) as store:
            text = canary_push(store)

    for secret in (CANARY.decode(), PASSWORD):
        assert secret not in text
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("login", "says"),
    [
        ("user:canary@", "refuses the user name or password"),
        (":canary@", "refuses the user name or password"),
        ("", "refuses the user name or password|wants a password"),
    ],
)
def test_wrong_credentials_are_final_at_once(start_redis: Start, login: str, says: str) -> None:
    server = start_redis(config={"requirepass": PASSWORD})
    with (
        open_store(server.url.replace("://", f"://{login}"), deadline=10) as store,
        pytest.raises(StoreUnavailable, match=rf"({says})(.|\n)*tried once") as caught,
    ):
        store.fetch(at())

    assert "canary" not in shown(caught.value)


def test_an_unexpected_error_inside_a_command_is_named_by_its_type_alone(any_redis: RedisServer) -> None:
    client = RedisClient(options_from_url(any_redis.url), Timeouts())

    def fail(_: object) -> None:
        raise ZeroDivisionError(CANARY)

    with pytest.raises(StoreUnavailable, match="ZeroDivisionError") as caught:
        client.run("Trying", fail)

    assert CANARY.decode() not in str(caught.value)
    client.close()


def test_a_server_that_is_no_cluster_and_a_cluster_that_is_said_to_be_none_are_told(
    any_redis: RedisServer, start_redis: Start
) -> None:
    node = start_redis(config={"cluster-enabled": "yes"})
    with (
        open_store(any_redis.url.replace("redis:", "redis+cluster:")) as store,
        pytest.raises(ExclusiveXComError, match="is no cluster"),
    ):
        store.fetch(at())
    with open_store(node.url, deadline=0.2) as store, pytest.raises(StoreUnavailable, match="cluster is down"):
        store.fetch(at())
