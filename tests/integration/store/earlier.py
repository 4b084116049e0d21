"""A worker and an API server of a release that knew generation 2 alone: its scripts, with its arguments.

`tests/integration/recorded/generation_2` holds the scripts, byte for byte as that release (2232cd6) had them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, Store
from exclusive_redis_xcom.store.scripts import Script
from tests.integration.support import PREFIX

_SCRIPTS = Path(__file__).parents[1] / "recorded" / "generation_2"


def _script(name: str) -> Script:
    source = (_SCRIPTS / f"{name}.lua").read_text(encoding="utf-8")
    return Script(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


PUSH, PURGE, COMMIT, COMPLETE, SWEEP, KNOWN = map(_script, ("push", "purge", "commit", "complete", "sweep", "known"))


def _run(store: Store, script: Script, at: Coordinate, *arguments: Any) -> Any:
    name = redis_names.hash_name(PREFIX, at)
    return store._client.run("as before", lambda session: script.run(session, name, *arguments))


def push(store: Store, push: Push) -> Any:
    """Push a value that needs no parts."""
    envelope = push.envelope
    index, data = envelope.coordinate.map_index, envelope.pack()
    return _run(
        store,
        PUSH,
        envelope.coordinate,
        *("acl", push.acl, str(index), data, push.ttl_ms, "" if index < 0 else "1", envelope.version),
        *(f"{index}:claim", "1" if push.once else "", f"{index}:parts", 0, f"{index}:committed"),
        f"{envelope.version} {'0' if push.description else ''}{len(data)}" if push.watched else "",
        *(f"{index}:spilled", "", "complete", f"{index}:described", push.description),
        *(() if push.own_acl is None else (f"{index}:acl", push.own_acl)),
    )


def purge(store: Store, at: Coordinate) -> None:
    """Purge a value, and remove what parts it had."""
    index = at.map_index
    endings = ("acl", "claim", "committed", "spilled", "described")
    others = *(f"{index}:{ending}" for ending in endings), "complete"
    _, garbage = _run(store, PURGE, at, "acl", str(index), f"{index}:parts", *others)
    while garbage and _run(store, SWEEP, at, "acl", f"{index}:parts", str(index), 8, ""):
        pass


def commit(store: Store, at: Coordinate, version: str, rows: list[int]) -> bool:
    """Commit a value, as an API server of that release does; tell whether it is marked now."""
    mapped = "" if at.map_index < 0 else "1"
    reply = _run(store, COMMIT, at, f"{at.map_index}:committed", version, "complete", mapped)
    if isinstance(reply, bytes):
        _run(store, COMPLETE, at, "complete", reply, *(f"{index}:committed" for index in rows))
    return bool(reply)


def fetch(store: Store, at: Coordinate) -> tuple[bytes | None, Envelope | None, bytes | None]:
    """Return rule, value and own rule as that release's pull read them. Of a format 4, it would raise an error."""
    name = redis_names.hash_name(PREFIX, at)
    fields = ("acl", str(at.map_index), f"{at.map_index}:acl")
    acl, data, own = store._client.run("as before", lambda session: session.call(name, ("HMGET", name, *fields)))
    return acl, None if data is None or data[3] == 4 else Envelope.unpack(data, at), own
