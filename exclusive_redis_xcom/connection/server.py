"""One Redis server: the line to it, and a session over that line. Importing this module imports redis."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import redis

from exclusive_redis_xcom.connection import driver, receiving
from exclusive_redis_xcom.connection.internals import socket_of
from exclusive_redis_xcom.connection.opening import Opening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.driver import Client
    from exclusive_redis_xcom.connection.session import Command


_PAUSE_SECONDS = 1.0


class Line:
    """The one connection of a client, made when first needed.

    For every command, redis-py takes a connection out of its pool, checks it, and counts and times the command. That
    costs as much as a small command itself. Here the connection is never in the pool, and is checked after a pause.

    The pool would also take a new connection for unclean if bytes have come already. Redis sends some before any
    command: tickets of TLS 1.3, or the reason why it takes no more clients.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._connection: Any = None
        self._used = 0.0

    def call(self, command: Sequence[Any]) -> Any:
        """Send one command. Return redis-py's reply, or raise redis-py's exception."""
        connection = self._connection
        if connection is None:
            return self._first([command], lambda connection: self._client.parse_response(connection, command[0]))
        self._used = time.monotonic()
        connection.send_command(*command)
        return self._client.parse_response(connection, command[0])

    def pipelined(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Send commands in one round trip. Return Redis' own replies in order; a refusal is an exception among them."""
        connection = self._connection
        if connection is None:
            first = [self._first(commands, _reply)] if commands else []
            return [*first, *(_reply(self._connection) for _ in commands[1:])]
        self._used = time.monotonic()
        connection.send_packed_command(connection.pack_commands(commands))
        return [_reply(connection) for _ in commands]

    def receive(self, commands: Sequence[Sequence[Any]], into: Sequence[memoryview]) -> bool:
        """Do what `receiving.receive` says."""
        if self._connection is None:
            self._first((), lambda _: None)
        self._used = time.monotonic()
        done = receiving.receive(self._connection, commands, into)
        if not done and socket_of(self._connection) is None:
            self._connection = None  # it was cut, and the next one must log in
        return done

    def transact(self, transactions: Sequence[Sequence[Sequence[Any]]]) -> list[list[Any]]:
        """Send transactions in one round trip. Return the replies of each.

        Raises:
            redis.RedisError: The first error among the replies. The cause comes before the EXECABORT that it led to.
        """
        commands = [one for commands in transactions for one in (("MULTI",), *commands, ("EXEC",))]
        replies = self.pipelined(commands)
        outcomes = [reply for reply, command in zip(replies, commands, strict=True) if command == ("EXEC",)]
        everything = [*replies, *(reply for outcome in outcomes if isinstance(outcome, list) for reply in outcome)]
        errors = [reply for reply in everything if isinstance(reply, Exception)]
        for error in sorted(errors, key=lambda error: isinstance(error, redis.exceptions.ExecAbortError)):
            raise error
        return outcomes

    def is_good(self) -> bool:
        """Return whether it can be used again. After a pause, the other side may have closed it."""
        if self._connection is None or time.monotonic() - self._used < _PAUSE_SECONDS:
            return True
        try:
            return not self._connection.can_read(0)  # No reply is outstanding, so what can be read is the end.
        except (redis.RedisError, OSError):
            return False

    def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            self._connection.disconnect()
        driver.close(self._client)

    def _first(self, commands: Sequence[Sequence[Any]], read: Callable[[Any], Any]) -> Any:
        """Send the first commands over a new connection. Return what `read` reads: the first reply, and no other."""
        self._used = time.monotonic()
        opening = Opening(self._client, commands)
        connection = opening.log_in()
        try:
            with contextlib.nullcontext() if opening.is_answered else opening.unanswered():
                reply = read(connection)
        except redis.ResponseError:  # an answer as good as any
            self._connection = connection
            raise
        except BaseException:
            connection.disconnect()
            raise
        self._connection = connection
        return reply


def _reply(connection: Any) -> Any:
    """Return the next reply. A refusal is returned, too, because the replies to other commands still come."""
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


class ServerSession:
    """A session with one server."""

    def __init__(self, client: Client, budget: Budget) -> None:
        self.budget = budget
        self._line = Line(client)

    def call(self, key: str, command: Command) -> Any:  # noqa: ARG002 - one server has all keys
        """Do what the protocol says."""
        return self._line.call(command)

    def call_many(self, calls: Sequence[tuple[str, Command]], asides: Sequence[tuple[str, Command]] = ()) -> list[Any]:
        """Do what the protocol says, in one round trip."""
        if len(calls) == 1 and not asides:
            return [self.call(*calls[0])]
        replies = self._line.pipelined([command for _, command in (*calls, *asides)])
        del replies[len(calls) :]
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def in_order(self, calls: Sequence[tuple[str, Command]], asides: Sequence[tuple[str, Command]] = ()) -> list[Any]:
        """Do what the protocol says, in one round trip."""
        return self.call_many(calls, asides)

    def receive(
        self,
        key: str,  # noqa: ARG002 - as above
        commands: Sequence[Command],
        into: Sequence[memoryview],
    ) -> bool:
        """Do what the protocol says."""
        return self._line.receive(commands, into)

    def transact(
        self,
        key: str,  # noqa: ARG002 - as above
        transactions: Sequence[Sequence[Command]],
    ) -> list[list[Any]] | None:
        """Do what the protocol says."""
        return self._line.transact(transactions)

    def node_keys(self) -> list[str]:
        """Do what the protocol says: there is one server, and any key finds it."""
        return [""]

    def is_good(self) -> bool:
        """Do what the protocol says."""
        return self._line.is_good()

    def close(self) -> None:
        """Do what the protocol says."""
        self._line.close()
