"""A session: what one thread at a time talks to Redis through, whatever kind of Redis it is.

Clusters are followed here and not by `redis.cluster.RedisCluster`, which writes a failing command's arguments,
values included, to its debug log, sleeps and retries without a deadline, and costs a task process a table of 16,384
slots and a `COMMAND` reply. All this package sends are commands on one key each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import redis

from exclusive_redis_xcom.connection import driver
from exclusive_redis_xcom.connection.options import Address, RedisOptions, Timeouts
from exclusive_redis_xcom.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.driver import Client

#: One command: its name and arguments. Its key is told apart, to find the node of a cluster.
Command = tuple[Any, ...]


class Session(Protocol):
    """One conversation with Redis. It may be in any state after an exception: close it."""

    budget: Budget

    def call(self, key: str, command: Command) -> Any:
        """Send one command on one key; its reply as redis-py gives it, or redis-py's exception."""

    def call_many(self, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        """Send commands that may be sent again, in as few round trips as possible; their replies in order."""

    def in_order(self, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        """As `call_many`, but each command is run after the one before it.

        In a cluster, neighbours with the same key share a round trip.
        """

    def receive(self, key: str, commands: Sequence[Command], into: Sequence[memoryview]) -> bool:
        """Send commands on one key that each ask for one text, and receive each in the memory meant for it, no copies.

        Returns:
            False if anything but texts of exactly these sizes came; nothing is outstanding then.
        """

    def transact(self, key: str, transactions: Sequence[Sequence[Command]]) -> list[list[Any]] | None:
        """Send commands on one key, in one round trip; those of each transaction are all run, or none of them.

        Returns:
            The replies of each. None if a cluster is moving the key: some may have been run.

        Raises:
            redis.RedisError: The first command that was refused, also one of a transaction that was run.
        """

    def is_good(self) -> bool:
        """Whether it can be used again; not, if the other side has closed a connection meanwhile."""

    def close(self) -> None:
        """Cut its connections."""


class ServerSession:
    """A session with one server."""

    def __init__(self, client: Client, budget: Budget) -> None:
        self.budget = budget
        self._line = driver.Line(client)

    def call(self, key: str, command: Command) -> Any:  # noqa: ARG002 - one server has all keys
        """As the protocol says."""
        return self._line.call(command)

    def call_many(self, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        """One round trip."""
        if len(calls) == 1:
            return [self.call(*calls[0])]
        replies = self._line.pipelined([command for _, command in calls])
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def in_order(self, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        """One round trip."""
        return self.call_many(calls)

    def receive(self, key: str, commands: Sequence[Command], into: Sequence[memoryview]) -> bool:  # noqa: ARG002
        """As the protocol says."""
        return self._line.receive(commands, into)

    def transact(self, key: str, transactions: Sequence[Sequence[Command]]) -> list[list[Any]] | None:  # noqa: ARG002
        """As the protocol says."""
        return self._line.transact(transactions)

    def is_good(self) -> bool:
        """As the protocol says."""
        return self._line.is_good()

    def close(self) -> None:
        """As the protocol says."""
        self._line.close()


class Sentinels:
    """Finds the master by asking the Sentinels, in the way Redis tells clients to.

    https://redis.io/docs/latest/develop/reference/sentinel-clients/

    One per client, shared by its sessions: the Sentinel that answered last is asked first.
    """

    def __init__(self, options: RedisOptions, timeouts: Timeouts) -> None:
        self._options = options
        self._timeouts = timeouts
        self._order = list(options.addresses)

    def locate(self, budget: Budget) -> Address:
        """The master's address.

        Raises:
            ConfigurationError: A Sentinel answers that it does not know the name.
            redis.RedisError: None of them answers.
        """
        error: redis.RedisError = redis.ConnectionError("no Sentinel given")
        for address in tuple(self._order):
            try:
                master = self._ask(address, budget)
            except redis.RedisError as failure:
                error = failure
                continue
            self._order = [address, *(other for other in self._options.addresses if other != address)]
            return master
        raise error

    def _ask(self, address: Address, budget: Budget) -> Address:
        sentinel = driver.open_sentinel(self._options, address, self._timeouts, budget)
        try:
            reply = sentinel.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", self._options.master)
        finally:
            driver.close(sentinel)
        if reply is None:
            msg = f"The Sentinel {address} knows no master named '{self._options.master}'. Correct the name."
            raise ConfigurationError(msg)
        host, port = reply
        return Address(_text(host), int(port))


def opener(options: RedisOptions, timeouts: Timeouts) -> Callable[[Budget], Session]:
    """How to open sessions with what `options` describe. Opening may already talk to Redis."""
    if options.kind == "sentinel":
        sentinels = Sentinels(options, timeouts)
        return lambda budget: ServerSession(
            driver.open_master(options, lambda: sentinels.locate(budget), timeouts, budget), budget
        )
    if options.kind == "cluster":
        from exclusive_redis_xcom.connection.cluster import ClusterSession

        return lambda budget: ClusterSession(options, timeouts, budget)
    address = options.addresses[0] if options.addresses else Address("", 0)
    return lambda budget: ServerSession(driver.open_server(options, address, timeouts, budget), budget)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
