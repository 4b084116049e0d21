"""Sets of Redis servers: a master with a replica and three Sentinels, and a cluster of three masters."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import redis

from devtools.redis_server import RedisServer, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from typing_extensions import Self

_SLOTS = 16_384
_READY_SECONDS = 20.0


def wait_until(predicate: Callable[[], bool], *, what: str, seconds: float = _READY_SECONDS) -> None:
    """Ask again and again until `predicate` holds.

    Raises:
        TimeoutError: It did not hold within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not predicate():
        if time.monotonic() > deadline:
            msg = f"not within {seconds:g} s: {what}"
            raise TimeoutError(msg)
        time.sleep(0.05)


def ask(server: RedisServer, *command: str | int, password: str | None = None) -> Any:
    """Send one command over a connection of its own, and return the reply as text."""
    with contextlib.closing(
        redis.Redis(port=server.port, password=password, decode_responses=True, socket_timeout=5, protocol=2)
    ) as client:
        send: Any = client.execute_command  # typed in some releases of redis-py only
        return send(*map(str, command))


class _ServerSet(contextlib.ExitStack):
    """Servers that start together, or not at all."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._start()
            undo.pop_all()
        return self

    def _start(self) -> None:
        raise NotImplementedError


class SentinelSet(_ServerSet):
    """A master, a replica and three Sentinels that fail over after `down_after_ms` of silence."""

    master_name = "mymaster"

    def __init__(
        self, *, binary: Path | None = None, config: Mapping[str, str] | None = None, down_after_ms: int = 1000
    ) -> None:
        super().__init__()
        self._binary = binary
        self._config = dict(config or {})
        self._down_after_ms = down_after_ms

    @property
    def url(self) -> str:
        """A `redis+sentinel://` URL."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{self.master_name}/0"

    def fail_over(self) -> None:
        """Order an orderly failover and return at once."""
        ask(self.sentinels[0], "SENTINEL", "FAILOVER", self.master_name)

    def current_master_port(self) -> int:
        """Return the port of the server that the Sentinels call master."""
        return int(ask(self.sentinels[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.master_name)[1])

    def _start(self) -> None:
        fast = {"repl-diskless-sync": "yes", "repl-diskless-sync-delay": "0", **self._config}
        self.master = self.enter_context(RedisServer(binary=self._binary, config=fast))
        replica_config = {**fast, "replicaof": f"127.0.0.1 {self.master.port}"}
        self.replica = self.enter_context(RedisServer(binary=self._binary, config=replica_config))
        wait_until(self._is_in_sync, what="the replica has the master's data")
        self.sentinels = [self.enter_context(self._sentinel()) for _ in range(3)]
        wait_until(self._know_each_other, what="the Sentinels know the replica and each other")

    def _sentinel(self) -> RedisServer:
        name = self.master_name
        config = {
            "sentinel monitor": f"{name} 127.0.0.1 {self.master.port} 2",
            "sentinel down-after-milliseconds": f"{name} {self._down_after_ms}",
            "sentinel failover-timeout": f"{name} 5000",
        }
        return RedisServer(binary=self._binary, sentinel=True, config=config)

    def _is_in_sync(self) -> bool:
        facts = ask(self.replica, "INFO", "replication")
        return bool(facts.get("master_link_status") == "up")

    def _know_each_other(self) -> bool:
        return all(self._knows_all(sentinel) for sentinel in self.sentinels)

    def _knows_all(self, sentinel: RedisServer) -> bool:
        reply = ask(sentinel, "SENTINEL", "MASTER", self.master_name)
        facts = dict(zip(reply[::2], reply[1::2], strict=True))
        return int(facts["num-slaves"]) == 1 and int(facts["num-other-sentinels"]) == 2


class ClusterSet(_ServerSet):
    """Three masters without replicas.

    Args:
        binary: The program. By default, `find_redis_binary` finds it.
        config: Lines of redis.conf for all nodes.
        tls: Returns lines of redis.conf for a node that speaks TLS on the port given, to clients and to other nodes.
    """

    def __init__(
        self,
        *,
        binary: Path | None = None,
        config: Mapping[str, str] | None = None,
        tls: Callable[[int], Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__()
        self._binary = binary
        self._tls = tls
        self._config = {"cluster-enabled": "yes", "cluster-node-timeout": "2000", **(config or {})}

    @property
    def url(self) -> str:
        """A `redis+cluster://` URL."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def owner_of(self, slot: int, *, seen_by: RedisServer | None = None) -> RedisServer:
        """Return the node that has the slot, as one of the nodes sees it."""
        by_port = {node.port: node for node in self.nodes}
        return next(
            by_port[int(row[2][1])]
            for row in ask(seen_by or self.nodes[0], "CLUSTER", "SLOTS")
            if int(row[0]) <= slot <= int(row[1])
        )

    def _start(self) -> None:
        self.tls_ports = [free_port() for _ in range(3)] if self._tls else []
        configs = [{**self._config, "tls-cluster": "yes", **self._tls(port)} for port in self.tls_ports if self._tls]
        self.nodes = [
            self.enter_context(RedisServer(binary=self._binary, config=config))
            for config in configs or [self._config] * 3
        ]
        bounds = [_SLOTS * part // 3 for part in range(4)]
        for epoch, node in enumerate(self.nodes, start=1):
            ask(node, "CLUSTER", "SET-CONFIG-EPOCH", epoch)
            ask(node, "CLUSTER", "ADDSLOTS", *range(bounds[epoch - 1], bounds[epoch]))
        for port in self.tls_ports[1:] or [node.port for node in self.nodes[1:]]:
            ask(self.nodes[0], "CLUSTER", "MEET", "127.0.0.1", port)
        wait_until(self._is_whole, what="all nodes see the whole cluster")

    def _is_whole(self) -> bool:
        return all(
            len(ask(node, "CLUSTER", "SLOTS")) == 3 and "cluster_state:ok" in ask(node, "CLUSTER", "INFO")
            for node in self.nodes
        )
