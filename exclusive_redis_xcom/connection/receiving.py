"""Large replies, received where they are to lie: redis-py copies each of their bytes four times.

Only what is known to the byte is received like this. Whatever else comes, a refusal or a value that is gone, is not
read to its end: the connection is cut, and the caller asks in the usual way.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import redis

from exclusive_redis_xcom.connection.internals import socket_of

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Requests under way: Redis prepares what comes next while this side receives.
_AHEAD = 4


def receive(connection: Any, commands: Sequence[Sequence[Any]], into: Sequence[memoryview]) -> bool:
    """Send commands; receive their replies, each a list of one text of exactly the size of the memory meant for it.

    Args:
        connection: One of redis-py's, with nothing outstanding.
        commands: In order.
        into: Where to, for each command. After an exception, or False, anything may lie there.

    Returns:
        False if it cannot be done like this, or something else came.

    Raises:
        redis.RedisError: As redis-py does.
    """
    line = socket_of(connection)
    if not isinstance(line, socket.socket):  # fakeredis has none; nor has a connection that was cut
        return False
    requests = [b"".join(connection.pack_command(*command)) for command in commands]
    connection.send_packed_command(b"".join(requests[:_AHEAD]))
    line = socket_of(connection)  # it may have been connected anew
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
    """Whether this is what comes next. No reply is the beginning of another one: this does not wait for ever."""
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
