"""Push one XCom of each form, and keep every byte that outlives a process.

`python -m tests.integration.recorded.record NAME` writes NAME.json next to this file; NAME is the revision that wrote
the bytes. `test_recorded.py` plays all recordings. Keep them when a format changes, and add a recording of the new one.
A case that is added needs a recording of each revision again, from a checkout of that revision.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import redis

from devtools.components import OURS
from devtools.worlds.sealed import as_the_ring_stores
from tests.integration.recorded.cases import (
    CASES,
    DAG_ID,
    GROUPS,
    PREFIX,
    RUN_ID,
    SEAL_PRIVATE_KEY,
    SETTINGS,
    Case,
    make_dag,
)

HERE = Path(__file__).parent

#: Sets options of the section, as new processes would see them.
Configure: TypeAlias = "Callable[..., None]"
#: `rows`: the rows' values by the case's name. `redis`: hashes by name, their fields and bytes. `objects`: by name.
Recording: TypeAlias = dict[str, Any]

SERVER_ID = "5e" * 16
#: Marks count only where API servers watched for longer than this before.
_SLACK_SECONDS = 1.2


def configuring(set_variable: Callable[[str, str], object]) -> Configure:
    """Return a function that sets options of the section. `set_variable` sets one variable of the environment."""
    from devtools.worlds.fresh_process import start_afresh

    def configure(**options: str) -> None:
        for name, text in options.items():
            set_variable(f"{OURS}{name.upper()}", text)
        start_afresh()

    return configure


def record(url: str, objects: Path, configure: Configure, *, generation: int = 3) -> Recording:
    """Push all cases to an empty Redis and an empty directory, and tell what is there then.

    Args:
        url: The Redis.
        objects: The directory.
        configure: Sets options of the section.
        generation: In which generation the pushes write.
    """
    dag = make_dag()
    told = _ApiServer(url)
    rows: dict[str, Any] = {}
    for group, options in GROUPS.items():
        common = {**SETTINGS, "redis_url": url, "format": str(generation)}
        configure(**common | {name: text.format(objects=objects) for name, text in options.items()})
        for case in CASES:
            if case.group == group:
                row = _pushed(dag, case)
                is_wrapped = group == "sealed" and generation == 3
                rows[case.name] = as_the_ring_stores(row, SEAL_PRIVATE_KEY) if is_wrapped else row
                if case.is_committed:
                    told.commit(case, rows[case.name])
    told.close()
    with redis.Redis.from_url(url) as client:
        hashes = {name.decode(): client.hgetall(name) for name in sorted(client.scan_iter())}
    files = {os.fspath(path.relative_to(objects)): path.read_bytes() for path in objects.rglob("*") if path.is_file()}
    return {"rows": rows, "redis": hashes, "objects": files}


def dump(recording: Recording) -> str:
    """JSON that shows in a diff what is text."""
    hashes = {
        name: {field.decode(): _shown(data) for field, data in sorted(fields.items())}
        for name, fields in recording["redis"].items()
    }
    objects = {name: _shown(data) for name, data in sorted(recording["objects"].items())}
    return json.dumps({"rows": recording["rows"], "redis": hashes, "objects": objects}, indent=1) + "\n"


def load(text: str) -> Recording:
    """What `dump` wrote."""
    shown = json.loads(text)
    hashes = {
        name: {field.encode(): _hidden(data) for field, data in fields.items()}
        for name, fields in shown["redis"].items()
    }
    objects = {name: _hidden(data) for name, data in shown["objects"].items()}
    return {"rows": shown["rows"], "redis": hashes, "objects": objects}


def _pushed(dag: Any, case: Case) -> Any:
    """The row's value, after it was pulled by who claimed it."""
    from devtools.worlds.running_task import executing
    from exclusive_redis_xcom import ExclusiveRedisXCom

    with executing(dag.get_task(case.task_id), run_id=RUN_ID, map_index=case.map_index):
        row = json.loads(json.dumps(ExclusiveRedisXCom.serialize_value(case.value, **case.address)))
    if case.claimed_by:
        with executing(dag.get_task(case.claimed_by), run_id=RUN_ID):
            ExclusiveRedisXCom.deserialize_value(SimpleNamespace(value=row))
    return row


class _ApiServer:
    """Tells Redis that it watches, and of which rows."""

    def __init__(self, url: str) -> None:
        from exclusive_redis_xcom.connection import RedisClient, Timeouts
        from exclusive_redis_xcom.connection.url import options_from_url
        from exclusive_redis_xcom.store import Store

        self._client = RedisClient(options_from_url(url), Timeouts())
        self._store = Store(self._client, key_prefix=PREFIX)
        self._store.beat(SERVER_ID, missed=False)
        self._indexes: dict[tuple[str, str], list[int]] = {}
        time.sleep(_SLACK_SECONDS)

    def commit(self, case: Case, row: dict[str, Any]) -> None:
        from exclusive_redis_xcom.formats import reference as references
        from exclusive_redis_xcom.model import Coordinate

        indexes = self._indexes.setdefault((case.task_id, case.key), [])
        indexes.append(case.map_index)
        version = references.parse(row).version if references.is_reference(row) else None
        at = Coordinate(DAG_ID, RUN_ID, case.task_id, case.key, case.map_index)
        self._store.commit(at, version, lambda: indexes)

    def close(self) -> None:
        self._client.close()


def _shown(data: bytes) -> Any:
    text = data.decode("ascii", "replace")
    return (
        text if text.isprintable() and text.isascii() else {"zlib": base64.b64encode(zlib.compress(data, 9)).decode()}
    )


def _hidden(shown: Any) -> bytes:
    return shown.encode() if isinstance(shown, str) else zlib.decompress(base64.b64decode(shown["zlib"]))


def main(name: str) -> None:
    """Write one recording."""
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-recording-") as directory:
        os.environ["AIRFLOW_HOME"] = directory  # before anything imports Airflow
        from devtools.redis_server import RedisServer
        from devtools.worlds.fresh_process import start_afresh

        objects = Path(directory, "objects")
        objects.mkdir()
        with RedisServer() as server:
            text = dump(record(server.url, objects, configuring(os.environ.__setitem__)))
            start_afresh()
    with (HERE / f"{name}.json").open("x") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1])
