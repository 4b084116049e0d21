"""The private names of redis-py that `connection/internals.py` uses: each is there, and does what we take it for.

If a new redis-py fails one of these tests, that name is what broke.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest
import redis

import exclusive_redis_xcom.connection
from exclusive_redis_xcom.connection import Address, RedisOptions, Timeouts, driver, internals
from exclusive_redis_xcom.connection.budget import Budget
from exclusive_redis_xcom.connection.packing import Packer

PRIVATE = ["_buffer_cutoff", "_command_packer", "_connect", "_sock"]
CLASSES = [redis.Connection, redis.SSLConnection, redis.UnixDomainSocketConnection]
SOURCES = {path.name: path.read_text() for path in Path(exclusive_redis_xcom.connection.__file__).parent.glob("*.py")}


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("cls", CLASSES)
def test_redis_py_has_the_name(cls: Any, name: str) -> None:
    connection = cls()

    assert hasattr(connection, name), f"redis-py {redis.__version__}: {cls.__name__} has no {name}"


@pytest.mark.parametrize("name", PRIVATE)
def test_only_internals_uses_the_name(name: str) -> None:
    users = {file for file, source in SOURCES.items() if re.search(rf"\.{name}\b", source)}

    assert users - {"internals.py"} == set()
    assert re.search(rf"\b{name}\b", SOURCES["internals.py"])


def test_the_packer_that_is_set_packs_the_commands() -> None:
    connection = internals.TcpConnection(budget=Budget())

    assert isinstance(connection._command_packer, Packer)
    assert connection.pack_command("PING") == connection._command_packer.pack("PING")
    connection._command_packer = None
    with pytest.raises(AttributeError):
        connection.pack_command("PING")


def test_the_packer_of_redis_py_takes_a_cutoff_and_an_encoder() -> None:
    connection = redis.Connection()
    packer = redis.connection.PythonRespSerializer(connection._buffer_cutoff, connection.encoder.encode)

    assert packer.pack("PING", 1, b"x") == [b"*3\r\n$4\r\nPING\r\n$1\r\n1\r\n$1\r\nx\r\n"]


def test_connecting_asks_for_the_address_and_the_socket_is_the_one_that_was_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = []

        def locate() -> Address:
            asked.append(True)
            return Address(*server.getsockname())

        connection = internals.TcpConnection(
            budget=Budget(), locate=locate, host="nowhere", protocol=2, socket_connect_timeout=5.0
        )
        assert internals.socket_of(connection) is None
        connection.connect()
        accepted, peer = server.accept()
        with accepted:
            assert internals.socket_of(connection).getsockname() == peer
            assert asked == [True]
        connection.disconnect()


def test_no_name_or_version_of_the_library_is_sent() -> None:
    connection = internals.TcpConnection(budget=Budget())

    assert (connection.driver_info, connection.lib_name, connection.lib_version) == (None, None, None)


@pytest.mark.parametrize(
    ("settings", "commands"),
    [
        ({}, []),
        ({"db": 3}, [("SELECT", "3")]),
        ({"password": "p"}, [("AUTH", "p")]),
        ({"username": "u"}, [("AUTH", "u", "")]),
        ({"username": "u", "password": "p", "db": 1}, [("AUTH", "u", "p"), ("SELECT", "1")]),
    ],
)
def test_redis_py_knows_nothing_of_the_set_up(settings: dict[str, Any], commands: list[tuple[str, ...]]) -> None:
    connection = internals.TcpConnection(budget=Budget(), **settings)

    assert connection.set_up == commands
    assert (connection.db, connection.username, connection.password) == (0, None, None)
    assert (connection.credential_provider, connection.client_name) == (None, None)


def test_connecting_sends_nothing_and_a_connection_never_connects_again_by_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        connection = internals.TcpConnection(
            budget=Budget(), host=host, port=port, password="p", db=3, protocol=2, socket_connect_timeout=5.0
        )
        connection.connect()
        accepted, _ = server.accept()
        connection.disconnect()
        with accepted:
            assert accepted.recv(100) == b""
        with pytest.raises(redis.ConnectionError, match=r"^cut off$"):
            connection.send_packed_command([b"*1\r\n$4\r\nPING\r\n"])


def test_no_health_is_checked_after_a_pause() -> None:
    """The next command shows a lost connection as well as a PING would, which costs a round trip."""
    client = driver.open_server(RedisOptions(), Address("localhost", 1), Timeouts(), Budget())

    assert client.connection_pool.make_connection().health_check_interval == 0
