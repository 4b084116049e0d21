"""Open a connection: log in, choose the database, and send the first commands. Importing this module imports redis.

redis-py sends AUTH and SELECT one after the other, and waits for each reply. Here they travel together. If the first
commands only read, they travel along: a first pull takes one round trip. A command that writes waits for the login.
Without the login, it could run in another database, or as another user.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

import redis

from exclusive_redis_xcom.connection.driver_errors import Unanswered
from exclusive_redis_xcom.connection.internals import TlsConnection, UnixConnection
from exclusive_redis_xcom.connection.replies import code_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.connection.driver import Client

#: Commands that change nothing, whoever runs them and in whatever database. Nobody reads what they answer before Redis
#: has taken the login. ASKING changes how the next command is routed.
_READING = frozenset(
    {"HMGET", "HLEN", "HSTRLEN", "PTTL", "TIME", "ASKING", "CLUSTER SLOTS", "SENTINEL GET-MASTER-ADDR-BY-NAME"}
)
#: To a longer command of a client that has not logged in, Redis answers with a protocol error, and cuts the connection
#: (`networking.c`). Such an error would hide that the password is missing or wrong.
_MOST_ARGUMENTS, _MOST_BYTES = 10, 16_384
_PING = (("PING",),)


class Opening:
    """A new connection over which the first commands are sent. After `log_in`, their replies are outstanding.

    Args:
        client: Whose connection it is.
        commands: The first commands. There may be none.

    Raises:
        Unanswered: The other side closed the connection.
        redis.RedisError: As redis-py does.
    """

    def __init__(self, client: Client, commands: Sequence[Sequence[Any]]) -> None:
        self.connection = client.connection_pool.make_connection()
        # A connection of fakeredis logs in by itself.
        self._set_up: Sequence[Sequence[Any]] = getattr(self.connection, "set_up", ())
        self._later = commands if self._must_wait(commands) else ()
        if self._later or not commands:
            self._set_up, commands = self._set_up or _PING, ()
        with self._closed_on_error(), self.unanswered():
            self.connection.connect()
            self._send([*self._set_up, *commands])

    def log_in(self) -> Any:
        """Wait for the login, and return the connection.

        Raises:
            Unanswered: The other side closed the connection before it answered anything.
            redis.RedisError: As redis-py does.
        """
        with self._closed_on_error():
            with self.unanswered():
                for command in self._set_up[:1]:
                    self._read_reply_to(command)
            for command in self._set_up[1:]:
                self._read_reply_to(command)
            if self._later:
                self._send(self._later)
        return self.connection

    @contextlib.contextmanager
    def unanswered(self) -> Iterator[None]:
        """Tell a connection that the other side closes without a word from one that is lost later."""
        try:
            yield
        except redis.ConnectionError as error:
            connection = self.connection
            if not _was_cut(error) or isinstance(connection, UnixConnection):
                raise
            tls = isinstance(connection, TlsConnection)
            raise Unanswered(connection.host, connection.port, tls=tls) from None

    @property
    def is_answered(self) -> bool:
        """Whether `log_in` reads an answer of Redis."""
        return bool(self._set_up)

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.connection.disconnect()
            raise

    def _must_wait(self, commands: Sequence[Sequence[Any]]) -> bool:
        if self._set_up and any(command[0] not in _READING for command in commands):
            return True
        return any(len(command) > _MOST_ARGUMENTS or sum(map(_size, command)) > _MOST_BYTES for command in commands)

    def _send(self, commands: Sequence[Sequence[Any]]) -> None:
        self.connection.send_packed_command(self.connection.pack_commands(commands))

    def _read_reply_to(self, command: Sequence[Any]) -> None:
        try:
            reply = self.connection.read_response()
        except redis.ResponseError as error:
            # Redis refuses PING while it cannot save to disk, and answers reads all the same.
            if command[0] == "PING" and code_of(error) in {"MISCONF", "NOPERM"}:
                return
            raise
        if command[0] != "PING" and reply not in (b"OK", "OK"):
            raise redis.ConnectionError("the login was answered with something else than OK")


def _size(argument: Any) -> int:
    return len(argument) if isinstance(argument, (str, bytes, bytearray, memoryview)) else 0


def _was_cut(error: redis.ConnectionError) -> bool:
    """Return whether an established connection was closed or reset by the other side."""
    if type(error) is not redis.ConnectionError:
        return False
    cause = error.__cause__ or error.__context__
    cuts = (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)
    return isinstance(cause, cuts) or "closed by server" in str(error)
