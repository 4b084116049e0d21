"""The only module that uses private names of redis-py: `_buffer_cutoff`, `_command_packer`, `_connect` and `_sock`.

`tests/unit/connection/test_internals.py` checks each name against the installed redis-py. After an upgrade of
redis-py, that test says what broke.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis

from exclusive_redis_xcom.connection.driver_errors import DeadlinePassed, HandshakeUnanswered
from exclusive_redis_xcom.connection.packing import Packer
from exclusive_redis_xcom.connection.replies import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.redis_options import Address

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
    """Connect, and begin to send, only while the budget lasts.

    `locate` returns the address for each new connection: after a failover the master has another address.
    """

    def __init__(self, *, budget: Budget, locate: Callable[[], Address] | None = None, **settings: Any) -> None:
        super().__init__(**_UNNAMED, **settings)
        self._budget = budget
        self._locate = locate
        self._command_packer = Packer(self._buffer_cutoff, self.encoder.encode)
        # CLIENT SETINFO is left out. It costs two round trips, and the restricted user would need one more command.
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

    def check_health(self) -> None:
        """Send PING after a pause. Redis refuses it while it cannot save to disk, and answers reads all the same."""
        try:
            super().check_health()  # type: ignore[no-untyped-call]
        except redis.ResponseError as error:
            if code_of(error) not in {"MISCONF", "NOPERM"}:
                raise

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if not self._budget.remaining:
            raise _out_of_time()
        small = type(command) is list and len(command) == 1 and len(command[0]) <= _SLICE_BYTES
        super().send_packed_command(  # type: ignore[no-untyped-call]
            command if small else _in_slices(command), check_health
        )


class TcpConnection(_Bounded, redis.Connection):
    """A connection over TCP."""


class TlsConnection(_Bounded, redis.SSLConnection):
    """A connection over TLS."""


class UnixConnection(_Bounded, redis.UnixDomainSocketConnection):
    """A connection over a Unix socket."""


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
