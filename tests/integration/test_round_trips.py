"""How many round trips to Redis a pull takes, counted at a proxy between the store and a real Redis."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.redis_server import RedisServer
from devtools.redis_sets import ClusterSet, ask, wait_until
from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store import Push, Store
from tests.integration.counting_proxy import CountingProxy, RoundTrips
from tests.integration.store.marked import push, watch_since_long_ago
from tests.integration.support import ACL, PREFIX, TTL, Start, at, open_store, restricted_users, value
from tests.integration.test_tls import certificate, tls_config  # noqa: F401 - a fixture

USER, PASSWORD = "exclusive_redis_xcom", "canary-p4ssword"
LOGINS = {
    "no password": "redis://127.0.0.1:{port}/0",
    "no password, a database": "redis://127.0.0.1:{port}/3",
    "password": "redis://:secret@127.0.0.1:{port}/0",
    "user, password and database": f"redis://{USER}:{PASSWORD}@127.0.0.1:{{port}}/3",
}


class Counted:
    """A store of a task, and the round trips that it takes.

    Args:
        url: The URL by way of the proxy.
        direct: The URL past the proxy.
        count: What the proxy counts.
    """

    def __init__(self, url: str, direct: str, count: RoundTrips) -> None:
        self.url = url
        self.direct = direct
        self.count = count

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """Open the store of a new process."""
        with open_store(self.url) as store:
            self.count.taken()
            yield store

    def taken(self, operation: Callable[[], Any]) -> int:
        """Return how many round trips an operation takes."""
        self.count.taken()
        assert operation() is not None
        return self.count.taken()


@contextlib.contextmanager
def counted(server: RedisServer, url: str) -> Iterator[Counted]:
    with CountingProxy(server.port) as proxy:
        yield Counted(url.format(port=proxy.port), url.format(port=server.port), proxy.count)


def write(url: str, *indexes: int, size: int = 100) -> None:
    """Push as other tasks do, and watch as an API server does."""
    with open_store(url) as store:
        watch_since_long_ago(store)
        for number, index in enumerate(indexes, start=1):
            pushed = push(store, index, size=size)
            assert store.commit(pushed.coordinate, pushed.version, lambda: indexes[:number])  # noqa: B023 - called now
        watch_since_long_ago(store)  # A slow machine may have needed longer than an API server takes for a beat.


@pytest.fixture(params=list(LOGINS))
def login(request: pytest.FixtureRequest, start_redis: Start) -> Iterator[Counted]:
    config = {"requirepass": "secret"} if request.param == "password" else restricted_users()
    with counted(start_redis(config=config), LOGINS[request.param]) as found:
        yield found


@pytest.fixture
def cluster_behind_proxies() -> Iterator[Counted]:
    """A cluster whose nodes tell clients the ports of proxies, which count together."""
    from redis.crc import key_slot

    count = RoundTrips()
    with ClusterSet(config=restricted_users()) as servers, contextlib.ExitStack() as stack:
        value_node = servers.owner_of(key_slot(redis_names.hash_name(PREFIX, at()).encode()))
        assert value_node is not servers.owner_of(key_slot(redis_names.servers_name(PREFIX).encode()))
        proxies = [stack.enter_context(CountingProxy(node.port, count=count)) for node in servers.nodes]
        for node, proxy in zip(servers.nodes, proxies, strict=True):
            ask(node, "CONFIG", "SET", "cluster-announce-port", proxy.port)
        ports = sorted(proxy.port for proxy in proxies)
        for node in servers.nodes:
            wait_until(
                lambda node=node: sorted(int(row[2][1]) for row in ask(node, "CLUSTER", "SLOTS")) == ports,  # type: ignore[misc]
                what="all nodes tell the proxies' ports",
            )
        login = f"redis+cluster://{USER}:{PASSWORD}@127.0.0.1"
        yield Counted(f"{login}:{proxies[0].port}", f"{login}:{servers.nodes[0].port}", count)


def test_a_first_pull_takes_one_round_trip_and_a_later_one_too(login: Counted) -> None:
    write(login.direct, -1)
    with login.store() as store:
        assert login.taken(lambda: store.fetch_current(at())) == 1
        assert login.taken(lambda: store.fetch_current(at())) == 1
        assert login.taken(lambda: store.fetch_current(at(), alone=True)) == 1


def test_a_pull_by_row_takes_one_round_trip(login: Counted) -> None:
    write(login.direct, -1)
    with login.store() as store:
        assert login.taken(lambda: store.fetch(at())) == 1
        assert login.taken(lambda: store.fetch(at())) == 1


def test_a_first_push_waits_for_the_login_and_a_later_one_does_not(login: Counted) -> None:
    write(login.direct, -1)  # from now on, Redis knows the script
    with login.store() as store:
        assert login.taken(lambda: store.push(Push(value(at()), acl=ACL, ttl=TTL))) == 2
        assert login.taken(lambda: store.push(Push(value(at()), acl=ACL, ttl=TTL))) == 1


@pytest.mark.parametrize("count", [1, 256, 300, 1000])
def test_all_results_of_a_mapped_task_take_few_round_trips(start_redis: Start, count: int) -> None:
    with counted(start_redis(), LOGINS["no password"]) as found:
        write(found.direct, *range(count))
        with found.store() as store:
            few = 2 if count <= 320 else 3
            assert found.taken(lambda: store.fetch_every(at(0))) == 1 + few
            assert found.taken(lambda: store.fetch_every(at(0))) == few
            assert found.taken(lambda: store.fetch_many([at(index) for index in range(count)], [100] * count)) == 1


def test_over_tls_the_handshake_comes_in_addition(start_redis: Start, certificate: Path) -> None:  # noqa: F811
    from devtools.redis_server import free_port

    port = free_port()
    try:
        start_redis(config=tls_config(port, certificate) | restricted_users())
    except RuntimeError:
        pytest.skip("this Redis is built without TLS")
    with CountingProxy(port) as proxy:
        url = f"rediss://{USER}:{PASSWORD}@localhost:{proxy.port}/3?ssl_ca_certs={certificate}"
        direct = url.replace(str(proxy.port), str(port))
        write(direct, -1)
        context = ssl.create_default_context(cafile=str(certificate))
        with (
            socket.create_connection(("localhost", proxy.port)) as line,
            context.wrap_socket(line, server_hostname="localhost") as wrapped,
        ):
            assert wrapped.version() is not None
        handshake = proxy.count.taken()
        found = Counted(url, direct, proxy.count)
        with found.store() as store:
            assert found.taken(lambda: store.fetch_current(at())) <= handshake + 2
            assert found.taken(lambda: store.fetch_current(at())) == 1


def test_over_a_unix_socket(start_redis: Start, tmp_path: Path) -> None:
    server = start_redis(unix_socket=True)
    assert server.socket_path is not None
    with CountingProxy(server.socket_path, folder=tmp_path) as proxy:
        found = Counted(f"unix://{proxy.path}?db=3", f"{server.url}?db=3", proxy.count)
        write(found.direct, -1)
        with found.store() as store:
            assert found.taken(lambda: store.fetch_current(at())) == 1
            assert found.taken(lambda: store.fetch_current(at())) == 1


def test_with_sentinels_asking_one_comes_in_addition(start_redis: Start) -> None:
    server = start_redis(config={"requirepass": "secret"})
    with CountingProxy(server.port, left_out=b"sentinel-") as master:
        config = {
            "sentinel monitor": f"mymaster 127.0.0.1 {master.port} 1",
            "sentinel auth-pass": "mymaster secret",
            "requirepass": "of-sentinels",
        }
        with (
            RedisServer(binary=server.binary, sentinel=True, config=config) as one,
            CountingProxy(one.port) as sentinel,
        ):
            url = f"redis+sentinel://:secret@127.0.0.1:{sentinel.port}/mymaster/3?sentinel_password=of-sentinels"
            found = Counted(url, f"redis://:secret@127.0.0.1:{server.port}/3", master.count)
            write(found.direct, -1)
            with found.store() as store:
                sentinel.count.taken()
                assert found.taken(lambda: store.fetch_current(at())) == 1
                assert sentinel.count.taken() == 1
                assert found.taken(lambda: store.fetch_current(at())) == 1
                assert sentinel.count.taken() == 0


def test_in_a_cluster_each_node_that_is_asked_takes_one(cluster_behind_proxies: Counted) -> None:
    """Value and API servers lie on two nodes here. The servers are asked for after the value, whatever node has it."""
    found = cluster_behind_proxies
    write(found.direct, -1)
    with found.store() as store:
        slots, value_and_servers = 1, 2
        assert found.taken(lambda: store.fetch_current(at())) == slots + value_and_servers
        assert found.taken(lambda: store.fetch_current(at())) == value_and_servers
        assert found.taken(lambda: store.fetch(at())) == 1


class TestOrder:
    """A command that writes never runs before the login: neither in another database nor as another user."""

    @pytest.mark.parametrize(
        ("url", "kind", "reason"),
        [
            (
                "redis://127.0.0.1:{port}/99",
                ConfigurationError,
                "Pushing failed: this Redis has no database 99.",
            ),
            (
                "redis://:wrong@127.0.0.1:{port}/0",
                StoreUnavailable,
                "Pushing failed: this Redis has no password, but the URL gives one.",
            ),
            (
                "redis://somebody:wrong@127.0.0.1:{port}/0",
                StoreUnavailable,
                "Pushing failed: Redis refuses the user name or password.",
            ),
        ],
    )
    def test_a_push_that_fails_to_log_in_has_written_nothing(
        self, start_redis: Start, url: str, kind: type[Exception], reason: str
    ) -> None:
        server = start_redis()
        with open_store(server.url) as other:  # so that Redis knows the script
            other.push(Push(value(at(key="other")), acl=ACL, ttl=TTL))

        with open_store(url.format(port=server.port), deadline=0) as store, pytest.raises(kind) as caught:
            store.push(Push(value(at()), acl=ACL, ttl=TTL))

        assert str(caught.value).split("\n")[0] == reason
        held = {name: found["keys"] for name, found in ask(server, "INFO", "keyspace").items()}
        assert held == {"db0": 1}
        assert ask(server, "EXISTS", f"{PREFIX}:dag:run:task:other") == 1

    @pytest.mark.parametrize("url", ["redis://127.0.0.1:{port}/99", "redis://somebody:wrong@127.0.0.1:{port}/0"])
    def test_what_a_first_pull_reads_without_the_login_is_thrown_away(self, start_redis: Start, url: str) -> None:
        """Database 0 is open to everybody here, and has the value."""
        server = start_redis()
        write(server.url, -1)
        with open_store(url.format(port=server.port), deadline=0) as store:
            for _ in range(3):
                with pytest.raises((ConfigurationError, StoreUnavailable)):
                    store.fetch_current(at())

    def test_a_missing_password_is_told_whatever_is_asked_first(self, start_redis: Start) -> None:
        """Redis cuts the connection of a client that sends a long command before its login."""
        server = start_redis(config={"requirepass": "secret"})
        questions: list[Callable[[Store], Any]] = [
            lambda store: store.fetch_current(at()),
            lambda store: store.fetch_every(at(0)),
            lambda store: store.push(Push(value(at(), size=2_000_000), acl=ACL, ttl=TTL)),
        ]
        for ask_first in questions:
            with open_store(server.url, deadline=0) as store, pytest.raises(StoreUnavailable) as caught:
                ask_first(store)

            first = str(caught.value).split("\n")[0]
            assert first.endswith(" failed: Redis wants a password, and the URL has none (NOAUTH).")
