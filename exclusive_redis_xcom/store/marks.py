"""What API servers tell Redis: which values their database refers to, and that they watch over its rows."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.store import scripts
from exclusive_redis_xcom.store.keyspace import BATCH_FIELDS, slices, what

if TYPE_CHECKING:
    from exclusive_redis_xcom.connection.session import Session
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.keyspace import Keyspace

#: A server beats every 2 s. If its last beat is older than this, it may have missed a change of rows.
FRESH_MS = 6_000
#: A server whose last beat is older than this is gone.
RETIRE_MS = 60_000

#: A function that lists the map_indexes of all rows of an XCom key. It returns None if they are not known.
Rows: TypeAlias = Callable[[], "Sequence[int] | None"]
#: One script is asked about at most so many rows. It blocks Redis for a few milliseconds.
MOST_ROWS = 20_000

_SERVER_ID = re.compile(r"[0-9a-f]{32}")


def commit(keyspace: Keyspace, at: Coordinate, version: str | None, rows: Rows | None) -> bool:
    """See `Store.commit`."""
    mapped = "" if at.map_index == NOT_MAPPED else "1"
    name, arguments = (
        keyspace.hash_of(at),
        (redis_names.committed_name(at.map_index), version or "", redis_names.COMPLETE_FIELD, mapped),
    )
    reply = keyspace.client.run(f"Committing {at}", lambda session: scripts.COMMIT.run(session, name, *arguments))
    if not isinstance(reply, bytes):
        return bool(reply)
    if rows is not None:
        _complete(keyspace, at, reply, rows)
    return True


def _complete(keyspace: Keyspace, at: Coordinate, since: bytes, rows: Rows) -> None:
    """Record that the hash knows all rows, if it does. A failure records nothing, and pulls ask Airflow then."""
    indexes, name = rows(), keyspace.hash_of(at)
    if indexes is None or len(indexes) > MOST_ROWS:
        return
    marks = [redis_names.committed_name(index) for index in indexes]
    with contextlib.suppress(StoreUnavailable):
        keyspace.client.run(
            f"Completing {at}",
            lambda session: scripts.COMPLETE.run(session, name, redis_names.COMPLETE_FIELD, since, *marks),
            once=True,
        )


def uncommit(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> None:
    """See `Store.uncommit`."""
    for batch in slices(list(dict.fromkeys(coordinates)), BATCH_FIELDS):
        hashes: dict[str, list[str]] = {}
        for at in batch:
            hashes.setdefault(keyspace.hash_of(at), []).append(redis_names.committed_name(at.map_index))
        calls = [(name, ("HDEL", name, *fields, redis_names.COMPLETE_FIELD)) for name, fields in hashes.items()]
        keyspace.ask(what("Uncommitting", batch), calls)


class Pulse:
    """The beats of one API server, over a connection of their own.

    A lost connection may mean that another Redis is master now. The new master may not know what the old one was told
    last, so a mark that was removed may be back. The next beat therefore counts as one after something was missed.
    """

    def __init__(self, keyspace: Keyspace) -> None:
        self._client = keyspace.client.twin()
        self._prefix = keyspace.prefix
        self._opened = 0  # the number of sessions at the last beat

    def beat(self, server: str, *, missed: bool) -> None:
        """See `Store.beat`."""
        name = _servers(self._prefix, server)

        def command(session: Session) -> None:
            doubt = "1" if missed or self._client.opened != self._opened else ""
            clock = int(time.time() * 1000)
            scripts.BEAT.run(
                session,
                name,
                redis_names.EPOCH_FIELD,
                redis_names.SERVERS_FIELD,
                server,
                clock,
                FRESH_MS,
                RETIRE_MS,
                doubt,
            )

        self._client.run("Telling Redis that this API server is up", command)
        self._opened = self._client.opened


def leave(keyspace: Keyspace, server: str) -> None:
    """See `Store.leave`."""
    name = _servers(keyspace.prefix, server)
    keyspace.client.run(
        "Telling Redis that this API server stops",
        lambda session: scripts.LEAVE.run(session, name, redis_names.SERVERS_FIELD, server),
    )


def distrust(keyspace: Keyspace) -> None:
    """See `Store.distrust`."""
    name = redis_names.servers_name(keyspace.prefix)
    keyspace.client.run(
        "Telling Redis that XCom rows have changed",
        lambda session: scripts.DISTRUST.run(
            session, name, redis_names.EPOCH_FIELD, redis_names.SERVERS_FIELD, FRESH_MS
        ),
    )


def _servers(prefix: str, server: str) -> str:
    if not _SERVER_ID.fullmatch(server):
        raise ValueError("An API server's id is 32 hexadecimal digits.")
    return redis_names.servers_name(prefix)
