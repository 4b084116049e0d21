"""Receive large replies directly in the memory meant for them. redis-py would copy each byte four times.

Only replies whose size is known to the byte are received like this. Any other reply, such as a refusal or a missing
value, is not read to its end. The connection is cut, and the caller asks in the usual way.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import redis

from exclusive_redis_xcom.connection.internals import socket_of

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How many requests are under way: Redis prepares the next replies while this side receives.
_AHEAD = 4


def receive(connection: Any, commands: Sequence[Sequence[Any]], into: Sequence[memoryview]) -> bool:
    """Send commands and receive their replies. Each reply is a list of one text, exactly as large as its memory.

    Args:
        connection: A connection of redis-py, with no reply outstanding.
        commands: The commands, in order.
        into: The memory for each command's text. After an exception, or False, the memory may hold anything.

    Returns:
        False if this way is not possible, or something else came.

    Raises:
        redis.RedisError: The connection was cut, or no answer came in time.
    """
    line = socket_of(connection)
    if not isinstance(line, socket.socket):  # fakeredis has no socket, nor has a connection that was cut
        return False
    requests = [b"".join(connection.pack_command(*command)) for command in commands]
    connection.send_packed_command(b"".join(requests[:_AHEAD]))
    try:
        done = _receive(line, requests[_AHEAD:], into)
    except TimeoutError:
        raise redis.TimeoutError("no answer in time") from None
    except OSError as error:
        raise redis.ConnectionError("cut off") from error
    if not done:
        connection.disconnect()
    return done


def _receive(line: socket.socket, later: Sequence[bytes], into: Sequence[memoryview]) -> bool:
    end = b""
    for number, memory in enumerate(into):
        if not _comes(line, b"%b*1\r\n$%d\r\n" % (end, len(memory))):
            return False
        if number < len(later):
            line.sendall(later[number])
        _fill(line, memory)
        end = b"\r\n"
    return _comes(line, end)


def _comes(line: socket.socket, wanted: bytes) -> bool:
    """Return whether these bytes come next.

    The wait ends: no complete reply is the beginning of another one.
    """
    found = b""
    while len(found) < len(wanted):
        more = line.recv(len(wanted) - len(found))
        if not more:
            raise redis.ConnectionError("closed by Redis")
        found += more
        if not wanted.startswith(found):
            return False
    return True


def _fill(line: socket.socket, memory: memoryview) -> None:
    start = 0
    while start < len(memory):
        count = line.recv_into(memory[start:])
        if not count:
            raise redis.ConnectionError("closed by Redis")
        start += count
