"""The only module that uses private names of redis-py: `_buffer_cutoff`, `_command_packer`, `_connect` and `_sock`.

`tests/unit/connection/test_internals.py` checks each name against the installed redis-py. After an upgrade of
redis-py, that test says what broke.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis

from exclusive_redis_xcom.connection.driver_errors import DeadlinePassed, HandshakeUnanswered
from exclusive_redis_xcom.connection.packing import Packer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.redis_options import Address
    from exclusive_redis_xcom.connection.session import Command

if TYPE_CHECKING:
    from redis.connection import AbstractConnection as _Base
else:
    _Base = object

# One sendall() must end within one read timeout. So a large value is sent in pieces that a slow line carries in time.
_SLICE_BYTES = 1024 * 1024

#: redis-py 7.1 and later search all installed packages for their own version. That takes 10 ms in a new task's process.
_UNNAMED: dict[str, Any] = {"driver_info": None} if hasattr(redis, "DriverInfo") else {}


def socket_of(connection: Any) -> Any:
    """Return the socket of one of redis-py's connections; None where it is not connected."""
    return connection._sock


class _Bounded(_Base):
    """Connect, and begin to send, only while the budget lasts. `opening.Opening` logs in.

    `locate` returns the address for each new connection: after a failover the master has another address.

    Attributes:
        set_up: The commands that log in and choose the database. They come first, and Redis must answer each with OK.
    """

    def __init__(
        self,
        *,
        budget: Budget,
        locate: Callable[[], Address] | None = None,
        db: int = 0,
        username: str | None = None,
        password: str | None = None,
        **settings: Any,
    ) -> None:
        # redis-py would wait for the reply to each command of the set-up. So it is not told of them.
        # redis-py annotates this function as one without arguments, and calls it with the connection.
        super().__init__(**_UNNAMED, **settings, redis_connect_func=_once)  # type: ignore[arg-type]
        self.set_up = _set_up(db, username, password)
        self.is_used = False
        self._budget = budget
        self._locate = locate
        self._packer = Packer(self._buffer_cutoff, self.encoder.encode)
        self._command_packer = self._packer
        # CLIENT SETINFO is left out. The restricted user would need one more command.
        self.driver_info = None
        self.lib_name = None
        self.lib_version = None

    def _connect(self) -> Any:
        if self._locate is not None:
            self.host, self.port = self._locate()
        left = self._budget.remaining
        if not left:
            raise _out_of_time()
        usual = self.socket_connect_timeout
        self.socket_connect_timeout = left if usual is None else min(usual, left)
        try:
            return super()._connect()  # type: ignore[no-untyped-call, safe-super]
        except TimeoutError as error:
            if "handshake" in str(error):
                raise HandshakeUnanswered(self.host, self.port) from None
            raise
        finally:
            self.socket_connect_timeout = usual

    def pack_commands(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Return the bytes of commands in pieces, as redis-py does."""
        packed = self._packer.pack_all(commands)
        return super().pack_commands(commands) if packed is None else packed  # type: ignore[no-untyped-call]

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: ARG002 - redis-py passes it
        """Send packed commands. No health is checked: what is sent shows it as well, and PING costs a round trip."""
        if not self._budget.remaining:
            raise _out_of_time()
        small = type(command) is list and len(command) == 1 and len(command[0]) <= _SLICE_BYTES
        super().send_packed_command(command if small else _in_slices(command), False)  # type: ignore[no-untyped-call]


class TcpConnection(_Bounded, redis.Connection):
    """A connection over TCP."""


class TlsConnection(_Bounded, redis.SSLConnection):
    """A connection over TLS."""


class UnixConnection(_Bounded, redis.UnixDomainSocketConnection):
    """A connection over a Unix socket."""


def _once(connection: _Bounded) -> None:
    """Make a socket ready. redis-py calls this, also when it connects again by itself: then nobody would log in."""
    if connection.is_used:
        raise redis.ConnectionError("cut off")
    connection.is_used = True
    # It sends nothing, because redis-py knows neither password nor database.
    connection.on_connect()  # type: ignore[no-untyped-call]


def _set_up(db: int, username: str | None, password: str | None) -> list[Command]:
    commands: list[Command] = []
    if username:
        commands.append(("AUTH", username, password or ""))
    elif password:
        commands.append(("AUTH", password))
    if db:
        commands.append(("SELECT", str(db)))
    return commands


def _in_slices(command: Any) -> Iterator[Any]:
    items: Iterable[Any] = (command,) if isinstance(command, (str, bytes)) else command
    for item in items:
        if len(item) <= _SLICE_BYTES or isinstance(item, str):
            yield item
            continue
        whole = memoryview(item)
        for start in range(0, len(whole), _SLICE_BYTES):
            yield whole[start : start + _SLICE_BYTES]


def _out_of_time() -> DeadlinePassed:
    return DeadlinePassed("the deadline has passed")
