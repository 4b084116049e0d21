"""A session with one Redis server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.connection import driver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.driver import Client
    from exclusive_redis_xcom.connection.session import Command


class ServerSession:
    """A session with one server."""

    def __init__(self, client: Client, budget: Budget) -> None:
        self.budget = budget
        self._line = driver.Line(client)

    def call(self, key: str, command: Command) -> Any:  # noqa: ARG002 - one server has all keys
        """Do what the protocol says."""
        return self._line.call(command)

    def call_many(self, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        """Do what the protocol says, in one round trip."""
        if len(calls) == 1:
            return [self.call(*calls[0])]
        replies = self._line.pipelined([command for _, command in calls])
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def in_order(self, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        """Do what the protocol says, in one round trip."""
        return self.call_many(calls)

    def receive(self, key: str, commands: Sequence[Command], into: Sequence[memoryview]) -> bool:  # noqa: ARG002
        """Do what the protocol says."""
        return self._line.receive(commands, into)

    def transact(self, key: str, transactions: Sequence[Sequence[Command]]) -> list[list[Any]] | None:  # noqa: ARG002
        """Do what the protocol says."""
        return self._line.transact(transactions)

    def is_good(self) -> bool:
        """Do what the protocol says."""
        return self._line.is_good()

    def close(self) -> None:
        """Do what the protocol says."""
        self._line.close()
