"""Raw commands to Redis, where "you may not" is an answer and not a failure."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.connection.session import Session

# One attempt: who runs the doctor wants to know how it is now.
_TIMEOUTS = Timeouts(connect=2.0, read=5.0, deadline=0.0)
# NOPERM; and no code at all, as where a provider has taken the command away ("unknown command").
_REFUSALS = ("NOPERM", "ERR", "")


@dataclass(frozen=True, slots=True)
class Reply:
    """What Redis answered; `refused`: that this user may not, or that there is no such command."""

    value: Any = field(repr=False)
    refused: bool


@contextlib.contextmanager
def client_of(options: RedisOptions) -> Iterator[RedisClient]:
    """A client that tries once."""
    client = RedisClient(options, _TIMEOUTS)
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

        from exclusive_redis_xcom.connection.failure import code_of

        try:
            return Reply(session.call(key, command), refused=False)
        except ResponseError as error:
            if code_of(error) not in _REFUSALS:
                raise
            return Reply(None, refused=True)

    return client.run(f"Asking {command[0]}", call)


def servers(options: RedisOptions) -> list[RedisOptions]:
    """The servers to look at one by one: the named nodes of a cluster, else the one server or master."""
    if options.kind != "cluster":
        return [options]
    return [replace(options, kind="standalone", addresses=(address,)) for address in options.addresses]


def mapping(reply: Any) -> dict[str, Any]:
    """A reply of names and values, in whichever form the driver gives it, with text as names."""
    if isinstance(reply, dict):
        pairs = list(reply.items())
    elif isinstance(reply, list):
        pairs = list(zip(reply[::2], reply[1::2], strict=False))
    else:
        pairs = []
    return {text(name): value for name, value in pairs}


def text(value: Any) -> str:
    """Bytes of a reply as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
