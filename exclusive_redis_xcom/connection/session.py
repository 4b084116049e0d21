"""A session: what one thread at a time talks to Redis through, whatever kind of Redis it is.

Clusters are followed here and not by `redis.cluster.RedisCluster`, which writes a failing command's arguments,
values included, to its debug log, sleeps and retries without a deadline, and costs a task process a table of 16,384
slots and a `COMMAND` reply. All this package sends are commands on one key each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.budget import Budget

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
