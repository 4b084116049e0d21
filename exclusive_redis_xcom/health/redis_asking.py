"""Send raw commands to Redis. A refusal is an answer here, not a failure."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts
from exclusive_redis_xcom.reporting.redis_remedy import remedy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.connection.session import Session

# Each command has one attempt, because the doctor tells how things are now.
_TIMEOUTS = Timeouts(connect=2.0, read=5.0, deadline=0.0)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of Redis. `refused` is True if this user may not run the command, or if there is no such command."""

    value: Any = field(repr=False)
    refused: bool


@contextlib.contextmanager
def client_of(options: RedisOptions) -> Iterator[RedisClient]:
    """Open a client that tries each command once."""
    client = RedisClient(options, _TIMEOUTS, remedy=remedy)
    try:
        yield client
    finally:
        client.close()


def ask(client: RedisClient, key: str, *command: Any) -> Reply:
    """Send one command; `key` finds the node of a cluster.

    Raises:
        StoreUnavailable: Redis cannot be reached, or refuses for another reason.
    """

    def call(session: Session) -> Reply:
        from redis.exceptions import ResponseError

        from exclusive_redis_xcom.connection.replies import refuses_command

        try:
            return Reply(session.call(key, command), refused=False)
        except ResponseError as error:
            if not refuses_command(error):
                raise
            return Reply(None, refused=True)

    return client.run(f"Asking {command[0]}", call)


def servers(options: RedisOptions) -> list[RedisOptions]:
    """List the servers to look at one by one: the named nodes of a cluster, or the one server or master."""
    if options.kind != "cluster":
        return [options]
    return [replace(options, kind="standalone", addresses=(address,)) for address in options.addresses]


def mapping(reply: Any) -> dict[str, Any]:
    """Turn a reply of names and values into a dict with text as names, whichever form the driver gives it."""
    if isinstance(reply, dict):
        pairs = list(reply.items())
    elif isinstance(reply, list):
        pairs = list(zip(reply[::2], reply[1::2], strict=False))
    else:
        pairs = []
    return {text(name): value for name, value in pairs}


def text(value: Any) -> str:
    """Return bytes of a reply as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
