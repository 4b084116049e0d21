"""What tasks of the parity DAGs saw. They write it to files, which no XCom backend has a part in."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.portraits import portrait

FOLDER = "PARITY_SEEN"

#: Airflow names these runs after the clock.
_NAMED_BY_THE_CLOCK = ("asset_triggered", "manual__")


def run_name(run_id: str) -> str:
    """Return a run's id, or only its beginning where the clock made the rest."""
    return next((start for start in _NAMED_BY_THE_CLOCK if run_id.startswith(start)), run_id)


class Sight(NamedTuple):
    """What was seen, by whom. `run` is what `run_name` makes of the run's id."""

    dag_id: str
    run: str
    task_id: str
    map_index: int
    name: str


def see(name: str, value: Any, *, ti: Any = None) -> None:
    """Note a value's portrait.

    Args:
        name: What this is, in the words of a reader.
        value: What was seen.
        ti: The task instance that saw it. Code that Airflow gives no context needs to say it.
    """
    _note(name, portrait(value), ti)


def attempt(name: str, ask: Callable[[], Any], *, ti: Any = None) -> None:
    """Note what a call returned, or how it failed: the first of Python's own classes that its error is one of."""
    try:
        found = ask()
    except Exception as error:
        kind = next(cls for cls in type(error).__mro__ if cls.__module__ == "builtins")
        _note(name, f"raised {kind.__name__}", ti)
    else:
        see(name, found, ti=ti)


def read(folder: Path) -> dict[Sight, list[str]]:
    """Return all that was seen in an Airflow. A task that ran again saw some things twice."""
    found: dict[Sight, list[str]] = defaultdict(list)
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            *address, text = json.loads(line)
            found[Sight(*address)].append(text)
    return dict(found)


def _note(name: str, text: str, ti: Any) -> None:
    if ti is None:
        from airflow.sdk import get_current_context

        ti = get_current_context()["ti"]
    line = json.dumps([ti.dag_id, run_name(ti.run_id), ti.task_id, ti.map_index, name, text])
    # One process, one file: two processes would mix their lines.
    with Path(os.environ[FOLDER], f"{ti.dag_id}-{os.getpid()}.jsonl").open("a") as file:
        file.write(f"{line}\n")
