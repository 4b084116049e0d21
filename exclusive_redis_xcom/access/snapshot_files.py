"""Files that hold a snapshot, as text or as JSON, and everything else that a snapshot can be taken of.

The JSON forms are `{"schema": 1, "snapshot": [LINE, ...]}`, with the lines of the text, and
`{"schema": 1, "dags": [...]}`, with the facts of each DAG.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access import facts_json, snapshot_lines
from exclusive_redis_xcom.access.access import Access
from exclusive_redis_xcom.access.loading import TIMEOUT, load
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.access.undecided import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from exclusive_redis_xcom.access.facts import DagFacts

_SCHEMA = 1


def take(path: Path, *, default_consumers: str, timeout: float = TIMEOUT) -> Snapshot:
    """Return the snapshot that a file holds, or take that of DAG files.

    Args:
        path: A snapshot as text or JSON, facts as JSON, a DAG file, or a folder with DAG files.
        default_consumers: The policy word for XComs without a rule. A snapshot has its own.
        timeout: Seconds that DAG files may take.

    Raises:
        UndecidedError: It cannot be read, or a DAG file failed.
    """
    if path.is_file() and (path.suffix == ".json" or _begins_as_snapshot(path)):
        return read(path)
    return Snapshot.of(Access(load(path, default_consumers=default_consumers, timeout=timeout).require_all()).dags)


def read(path: Path) -> Snapshot:
    """Read a snapshot, or facts as JSON.

    Raises:
        UndecidedError: The file cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UndecidedError(f"The snapshot '{path}' cannot be read ({type(error).__name__}).") from None
    if snapshot_lines.is_snapshot(text):
        return snapshot_lines.loads(text, str(path))
    try:
        found = json.loads(text)
        if isinstance(found, dict) and found.get("schema") == _SCHEMA and "snapshot" in found:
            return snapshot_lines.loads("\n".join(found["snapshot"]), str(path))
        if isinstance(found, dict) and "dags" in found and not found.get("errors"):
            return Snapshot.of(Access(facts_json.from_json(each) for each in found["dags"]).dags)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise UndecidedError(
        f"'{path}' is neither a snapshot nor facts of DAGs.\nWrite it again with `exclusive-xcom snapshot`."
    )


def as_json(snapshot: Snapshot) -> str:
    """Write a snapshot as JSON, with one grant on each line."""
    lines = [snapshot_lines.FIRST_LINE, *snapshot_lines.lines(snapshot)]
    return f"{json.dumps({'schema': _SCHEMA, 'snapshot': lines}, indent=1)}\n"


def facts_as_json(dags: Iterable[DagFacts]) -> str:
    """Write the facts of DAGs, with the places of rules, and without any path of this machine."""
    found: list[Mapping[str, Any]] = [{**facts_json.to_json(facts), "path": None} for facts in dags]
    return f"{json.dumps({'schema': _SCHEMA, 'dags': sorted(found, key=lambda dag: dag['dag_id'])}, indent=1)}\n"


def _begins_as_snapshot(path: Path) -> bool:
    beginning = snapshot_lines.BEGINNING.encode()
    try:
        with path.open("rb") as file:
            return file.read(len(beginning)) == beginning
    except OSError:
        return False
