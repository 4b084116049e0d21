"""Each failure that an operator can mend has a name and a remedy. A real server says each of them."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot

from devtools.network_namespace import FOREIGN_ADDRESS, NoNamespaceError, own_network
from devtools.redis_server import RedisServer
from devtools.redis_sets import ClusterSet, SentinelSet, ask, wait_until
from exclusive_redis_xcom.errors import ConfigurationError, ExclusiveXComError, StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push
from tests.integration.support import ACL, PREFIX, TTL, Start, admin, at, open_store, shown, value

SECRET = "canary-p4ss"
URL = "[exclusive_redis_xcom] redis_url"
LATER = "Check that Redis is up and reachable from this worker, then clear the task."
BUSY = "Redis is busy with another program's long script (BUSY)"
LONG_SCRIPT = "local start = redis.call('TIME')[1] repeat local now = redis.call('TIME')[1] until now - start >= 10"
BUSY_REMEDY = "This passes when that script ends. Then SLOWLOG GET shows it. SCRIPT KILL or FUNCTION KILL ends it."
CONNECT = 1.0


def told(url: str, *, deadline: float = 0.0, push: bool = False, kind: type[Exception] = StoreUnavailable) -> list[str]:
    """Fail to fetch or push, and return what the error says: the reason, how often it was tried, and the remedy."""
    with open_store(url, deadline=deadline, connect=CONNECT) as store:
        attempt = partial(store.push, Push(value(at()), acl=ACL, ttl=TTL)) if push else partial(store.fetch, at())
        with pytest.raises(ExclusiveXComError) as caught:
            attempt()
    assert type(caught.value) is kind
    assert SECRET not in shown(caught.value)
    first, second, third = str(caught.value).split("\n")
    assert len(first) <= 100
    tried = re.search(r"\) was tried (once|\d+ times) in \d+\.\d s\.$", second)
    assert tried, second
    return [first.partition(" failed: ")[2], tried[1], third]


def logged_in(url: str, login: str) -> str:
    return url.replace("://", f"://{login}@")


@pytest.fixture(scope="module")
def with_a_password() -> Iterator[RedisServer]:
    with RedisServer(config={"requirepass": "right"}) as running:
        yield running


class TestBusy:
    """Another program's script runs for too long."""

    @pytest.fixture
    def server(self, start_redis: Start) -> RedisServer:
        return start_redis(config={"lua-time-limit": "50"})

    @staticmethod
    @contextlib.contextmanager
    def busy(server: RedisServer, stop_after: float = 0.0) -> Iterator[None]:
        """Let a script run for ten seconds. It is killed before: at the end, or after so many seconds."""

        def script() -> None:
            with contextlib.suppress(redis.RedisError):
                ask(server, "EVAL", LONG_SCRIPT, 0)

        def kill() -> None:
            with contextlib.suppress(redis.RedisError):
                ask(server, "SCRIPT", "KILL")

        def is_busy() -> bool:
            try:
                ask(server, "PING")
            except redis.RedisError as error:
                return str(error).startswith("BUSY")
            return False

        running = threading.Thread(target=script)
        running.start()
        killing = threading.Timer(stop_after, kill)
        try:
            wait_until(is_busy, what="Redis is busy")
            if stop_after:
                killing.start()
            yield
        finally:
            killing.cancel()
            kill()
            running.join()

    @pytest.mark.parametrize("database", ["0", "1"])
    def test_it_is_waited_for(self, server: RedisServer, database: str) -> None:
        url = server.url.replace("/0", f"/{database}")
        pushed = value(at())
        with open_store(url, deadline=20) as store:
            with self.busy(server, stop_after=0.5):
                store.push(Push(pushed, acl=ACL, ttl=TTL))
            with self.busy(server, stop_after=0.5):
                fetched = store.fetch(at()).envelope
            with self.busy(server, stop_after=0.5):
                large = value(at(1), size=3_000_000)
                store.push(Push(large, acl=ACL, ttl=TTL))

            assert fetched == pushed
            assert store.fetch(at(1)).envelope == large

    @pytest.mark.parametrize("push", [True, False])
    def test_it_is_named_at_the_deadline(self, server: RedisServer, push: bool) -> None:
        with self.busy(server):
            reason, tries, remedy = told(server.url, deadline=1.0, push=push)

        assert (reason, remedy) == (f"{BUSY}.", BUSY_REMEDY)
        assert tries != "once"


class TestDatabases:
    @pytest.mark.parametrize("push", [True, False])
    def test_a_number_that_redis_does_not_have(self, any_redis: RedisServer, push: bool) -> None:
        url = any_redis.url.replace("/0", "/99")

        assert told(url, deadline=10, push=push, kind=ConfigurationError) == [
            "this Redis has no database 99.",
            "once",
            f"Correct the database in {URL}, or raise 'databases' in redis.conf.",
        ]

    def test_a_database_of_a_cluster(self, cluster: ClusterSet) -> None:
        url = cluster.nodes[0].url.replace("/0", "/1")

        reason, tries, remedy = told(url, deadline=10, kind=ConfigurationError)

        assert tries == "once"
        assert (reason, remedy) in [
            (
                "this Redis is a cluster, and a cluster has no database 1.",
                f"Take it out of {URL}. Use redis+cluster:// or the connection's extra 'cluster': true.",
            ),
            # Valkey 9 can have several databases in a cluster, and has one unless it is told otherwise.
            (
                "this Redis has no database 1.",
                f"Correct the database in {URL}, or raise 'databases' in redis.conf.",
            ),
        ]

    def test_a_node_of_a_cluster_as_if_it_were_alone(self, cluster: ClusterSet) -> None:
        owner = cluster.owner_of(_slot_of(at()))
        other = next(node for node in cluster.nodes if node is not owner)

        assert told(other.url, deadline=10) == [
            "this Redis belongs to a cluster.",
            "once",
            "Use redis+cluster:// or the connection's extra 'cluster': true.",
        ]


class TestLogin:
    @pytest.fixture
    def server(self, with_a_password: RedisServer) -> RedisServer:
        return with_a_password

    @pytest.mark.parametrize("database", ["0", "1"])
    def test_no_password(self, server: RedisServer, database: str) -> None:
        assert told(server.url.replace("/0", f"/{database}"), deadline=10) == [
            "Redis wants a password, and the URL has none (NOAUTH).",
            "once",
            f"Write the password into {URL}.",
        ]

    @pytest.mark.parametrize("login", [f":{SECRET}", f"default:{SECRET}", f"nobody:{SECRET}"])
    def test_a_wrong_password_or_user(self, server: RedisServer, login: str) -> None:
        assert told(logged_in(server.url, login), deadline=10) == [
            "Redis refuses the user name or password.",
            "once",
            f"Correct them in {URL}. Redis refuses a user who is switched off in the same way.",
        ]

    def test_a_user_who_is_switched_off(self, server: RedisServer) -> None:
        ask(server, "ACL", "SETUSER", "gone", "off", f">{SECRET}", password="right")

        assert told(logged_in(server.url, f"gone:{SECRET}"))[0] == "Redis refuses the user name or password."

    def test_a_password_that_redis_does_not_want(self, any_redis: RedisServer) -> None:
        assert told(logged_in(any_redis.url, f":{SECRET}"), deadline=10) == [
            "this Redis has no password, but the URL gives one.",
            "once",
            f"Take the password out of {URL}, or give Redis one.",
        ]

    def test_a_wrong_password_of_the_sentinels(self, sentinels: SentinelSet) -> None:
        url = f"{sentinels.url}?sentinel_username=nobody&sentinel_password={SECRET}"

        assert told(url, deadline=10) == [
            "a Sentinel refuses the user name or password.",
            "once",
            f"Correct sentinel_username and sentinel_password in {URL}.",
        ]

    def test_sentinels_that_want_a_password(self, sentinels: SentinelSet) -> None:
        with contextlib.ExitStack() as stack:
            for sentinel in sentinels.sentinels:
                ask(sentinel, "ACL", "SETUSER", "default", "resetpass", ">right")
                stack.callback(ask, sentinel, "ACL", "SETUSER", "default", "nopass", password="right")

            assert told(sentinels.url, deadline=10) == [
                "a Sentinel wants a password, and none is set.",
                "once",
                f"Correct sentinel_username and sentinel_password in {URL}.",
            ]

    def test_a_user_of_the_sentinels_without_rights(self, sentinels: SentinelSet) -> None:
        with contextlib.ExitStack() as stack:
            for sentinel in sentinels.sentinels:
                ask(sentinel, "ACL", "SETUSER", "lacking", "on", ">right", "-@all")
                stack.callback(ask, sentinel, "ACL", "DELUSER", "lacking")

            assert told(f"{sentinels.url}?sentinel_username=lacking&sentinel_password=right") == [
                "the user of the Sentinels may not ask for the master (NOPERM).",
                "once",
                "Give that user the right `+sentinel|get-master-addr-by-name`, on each Sentinel.",
            ]


class TestReaching:
    def test_as_many_clients_as_it_allows(self, start_redis: Start) -> None:
        server = start_redis(config={"maxclients": "2"})
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))

            for _ in range(10):
                assert told(server.url) == [
                    "Redis has as many clients as it allows (maxclients).",
                    "once",
                    "Raise maxclients in redis.conf, or let fewer tasks and programs connect. CLIENT LIST shows who is "
                    "connected.",
                ]
            assert told(server.url, deadline=0.5)[1] != "once"

        with open_store(server.url, deadline=10) as store:
            assert not store.fetch(at()).found

    def test_as_many_clients_as_a_node_of_a_cluster_allows(self, start_redis: Start) -> None:
        node = start_redis(config={"cluster-enabled": "yes", "maxclients": "2"})
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(socket.create_connection(("127.0.0.1", node.port)))

            for url in (node.url, node.url.replace("redis:", "redis+cluster:")):
                assert told(url)[0] == "Redis has as many clients as it allows (maxclients)."

    def test_a_host_that_nobody_knows(self) -> None:
        assert told(f"redis://:{SECRET}@no-such-host.invalid") == [
            "the name of the Redis host is unknown.",
            "once",
            f"Correct the host in {URL}, or the DNS.",
        ]

    def test_a_unix_socket_that_is_not_there(self, tmp_path: Path) -> None:
        assert told(f"unix://{tmp_path}/redis.sock") == [
            "this process finds no Redis at the Unix socket, or may not open it.",
            "once",
            f"Check that Redis is up, and the path in {URL}.",
        ]

    def test_protected_mode(self) -> None:
        """Redis without a password serves only clients of its own machine."""

        def tell() -> list[str]:
            with RedisServer(config={"bind": "* -::*", "protected-mode": "yes"}) as server:
                return told(f"redis://{FOREIGN_ADDRESS}:{server.port}", deadline=10)

        with contextlib.ExitStack() as stack:
            try:
                inside = stack.enter_context(own_network())
            except NoNamespaceError as error:
                pytest.skip(str(error))

            assert inside(tell) == [
                "Redis runs in protected mode (DENIED).",
                "once",
                "It has no password, so it serves only clients on its own machine. Set a password in redis.conf.",
            ]


class TestWhatRedisIsNotReadyFor:
    def test_full_memory(self, start_redis: Start) -> None:
        server = start_redis(config={"maxmemory": "1", "maxmemory-policy": "noeviction"})

        assert told(server.url, deadline=10, push=True) == [
            "Redis is out of memory (maxmemory) and refuses writes.",
            "once",
            "Raise maxmemory or shorten ttl_seconds. What was stored before is unchanged.",
        ]

    @pytest.mark.parametrize("size", [100, 3_000_000])
    def test_a_disk_that_takes_nothing(self, start_redis: Start, tmp_path: Path, size: int) -> None:
        folder = tmp_path / "saved"
        folder.mkdir()
        server = start_redis(config={"save": "3600 1000000", "dir": str(folder)})
        earlier = value(at(1))
        with open_store(server.url, deadline=10) as store, admin(server) as client:
            store.push(Push(earlier, acl=ACL, ttl=TTL))
            shutil.rmtree(folder)
            with contextlib.suppress(redis.ResponseError):
                client.bgsave()
            wait_until(lambda: client.info()["rdb_last_bgsave_status"] == "err", what="a background save has failed")

            with pytest.raises(StoreUnavailable) as caught:
                store.push(Push(value(at(), size=size), acl=ACL, ttl=TTL))
            with open_store(server.url) as another:
                assert another.fetch(at()).envelope is None
                assert another.fetch(at(1)).envelope == earlier
            client.config_set("save", "")  # else the server does not end, because it cannot save

        first, second, third = str(caught.value).split("\n")
        assert first == "Pushing failed: Redis cannot save to disk and refuses writes (MISCONF)."
        assert "was tried once in " in second
        assert third == "Look at its log and its disk."

    @pytest.mark.parametrize("size", [100, 3_000_000])
    def test_a_replica(self, sentinels: SentinelSet, size: int) -> None:
        with open_store(sentinels.replica.url, deadline=0.3) as store, pytest.raises(StoreUnavailable) as caught:
            store.push(Push(value(at(), size=size), acl=ACL, ttl=TTL))

        first, second, third = str(caught.value).split("\n")
        assert first == "Pushing failed: this Redis is a read-only replica."
        assert re.search(r"was tried \d+ times in ", second)
        assert third == "Point the settings at the master, or at its Sentinels."

    @pytest.mark.parametrize("push", [True, False])
    def test_a_replica_whose_master_is_gone(self, start_redis: Start, push: bool) -> None:
        master = start_redis(config={"repl-diskless-sync-delay": "0"})
        config = {"replicaof": f"127.0.0.1 {master.port}", "replica-serve-stale-data": "no"}
        with RedisServer(config=config) as replica:
            wait_until(lambda: _link(replica) == "up", what="the replica has its master's data")
            master.kill()
            wait_until(lambda: _link(replica) == "down", what="the replica has lost its master")

            reason, tries, remedy = told(replica.url, deadline=0.3, push=push)

        assert (reason, remedy) == ("the replica has lost its master.", LATER)
        assert tries != "once"

    def test_a_cluster_that_lacks_slots(self, start_redis: Start) -> None:
        node = start_redis(config={"cluster-enabled": "yes"})

        reason, tries, remedy = told(node.url.replace("redis:", "redis+cluster:"), deadline=0.3)

        assert (reason, remedy) == ("the cluster is down.", LATER)
        assert tries != "once"

    def test_too_few_replicas(self, start_redis: Start) -> None:
        server = start_redis(config={"min-replicas-to-write": "1"})

        reason, tries, remedy = told(server.url, deadline=0.3, push=True)

        assert (reason, remedy) == ("Redis has too few replicas to accept a write (min-replicas-to-write).", LATER)
        assert tries != "once"

    @pytest.mark.parametrize("command", ["EVALSHA", "HMGET"])
    def test_a_command_that_its_operator_has_switched_off(self, start_redis: Start, command: str) -> None:
        server = start_redis(config={f"rename-command {command}": '""'})

        assert told(server.url, deadline=10, push=command == "EVALSHA") == [
            f"this Redis does not know the command {command}.",
            "once",
            "It is older than 6.2, or its operator has renamed or switched off the command. Use another Redis.",
        ]


def _link(server: RedisServer) -> str:
    with admin(server) as client:
        return str(client.info("replication")["master_link_status"])


def _slot_of(coordinate: Coordinate) -> int:
    return int(key_slot(redis_names.hash_name(PREFIX, coordinate).encode()))
