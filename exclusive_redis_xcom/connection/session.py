"""A session: what one thread at a time talks to Redis through, whatever kind of Redis it is.

`cluster.py` follows clusters by itself and does not use `redis.cluster.RedisCluster`, for three reasons. That class
writes the arguments of a failing command, values included, to its debug log. It sleeps and retries without a deadline.
It costs a task's process a table of 16,384 slots and a reply to `COMMAND`. This package needs less: each of its
commands is about one key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.budget import Budget

#: One command: its name and arguments. Its key is passed separately, to find the node of a cluster.
Command = tuple[Any, ...]


class Session(Protocol):
    """One conversation with Redis. After an exception its state is unknown: close it."""

    budget: Budget

    def call(self, key: str, command: Command) -> Any:
        """Send one command on one key. Return redis-py's reply, or raise redis-py's exception."""

    def call_many(self, calls: Sequence[tuple[str, Command]], asides: Sequence[tuple[str, Command]] = ()) -> list[Any]:
        """Send commands in as few round trips as possible, and return their replies in order.

        Args:
            calls: Each command must be safe to send again.
            asides: These are sent along. What Redis answers to them is nobody's concern, also where it refuses them.
                In a cluster, they take round trips of their own.
        """

    def in_order(self, calls: Sequence[tuple[str, Command]], asides: Sequence[tuple[str, Command]] = ()) -> list[Any]:
        """Do the same as `call_many`, but run each command after the one before it.

        In a cluster, neighbouring commands on the same key share a round trip.
        """

    def receive(self, key: str, commands: Sequence[Command], into: Sequence[memoryview]) -> bool:
        """Send commands on one key, each of which asks for one text. Receive each text in its memory, without copies.

        Returns:
            False if anything but texts of exactly these sizes came. Then no reply is outstanding.
        """

    def transact(self, key: str, transactions: Sequence[Sequence[Command]]) -> list[list[Any]] | None:
        """Send transactions on one key in one round trip. Redis runs all commands of a transaction, or none of them.

        Returns:
            The replies of each transaction. None if a cluster is moving the key: some transactions may have been run.

        Raises:
            redis.RedisError: The first refusal of a command. Its transaction may have been run nevertheless.
        """

    def node_keys(self) -> list[str]:
        """Return one key for each server that holds keys: `call` sends what is about all keys of a server with it."""

    def is_good(self) -> bool:
        """Return whether it can be used again. It cannot once the other side has closed a connection."""

    def close(self) -> None:
        """Close its connections."""
