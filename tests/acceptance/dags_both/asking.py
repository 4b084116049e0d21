"""What code anywhere gets when it pulls, and when it pushes: written down in a file, for the tests to read.

Other interpreters import this module, too. So it imports nothing that they might lack.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

#: JSON would change it, so a value that took another way than ours is "something else".
VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}

#: Airflow's default backend could push it, too.
PUSHED = ["plain", 1]

Address = dict[str, Any]


def got(pull: Callable[[], Any]) -> str:
    """Say what a pull got."""
    try:
        found = pull()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if isinstance(found, dict) and "exclusive_redis_xcom" in found:
        return "reference"
    return "value" if found == VALUE else f"a {type(found).__name__}"


def done(push: Callable[[], Any]) -> str:
    """Say what came of a push."""
    try:
        push()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "pushed"


def note(row: str, run_id: str, folder: str | None = None, **outcomes: str) -> None:
    """Leave a file that says what a row of the table got."""
    path = Path(folder or os.environ["ACCEPTANCE_PROOFS"], f"{row}-{run_id}")
    draft = path.with_name(f"draft-{path.name}-{os.getpid()}")
    draft.write_text(json.dumps(outcomes))
    draft.replace(path)


def ask(row: str, source: Address, own: Address | None = None, folder: str | None = None) -> None:
    """Pull by Airflow's class, and push by it.

    Args:
        row: The name of the row.
        source: The arguments of `XCom.get_one`.
        own: The arguments of `XCom.set` but for key and value; None pushes nothing.
        folder: Where the note goes; None takes it from the environment.
    """
    outcomes = {"pull": got(lambda: _xcom().get_one(**source))}
    if own is not None:
        outcomes["push"] = done(lambda: _xcom().set(key=f"by {row}", value=PUSHED, **own))
    note(row, source["run_id"], folder, **outcomes)


def _xcom() -> Any:
    from airflow.sdk.execution_time.xcom import XCom

    return XCom


def ask_reconnected(row: str, source: Address, own: Address) -> None:
    """Do the same after connecting this process to the task's supervisor, as Airflow does for other interpreters."""
    from airflow.sdk.execution_time.task_runner import reinit_supervisor_comms

    reinit_supervisor_comms()
    ask(row, source, own)


class AskingTrigger(BaseTrigger):
    """Pulls and pushes in the triggerer. It leaves the deferring process a moment to end in."""

    def __init__(self, row: str, source: Address, own: Address) -> None:
        super().__init__()
        self.row, self.source, self.own = row, source, own

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "asking.AskingTrigger", {"row": self.row, "source": self.source, "own": self.own}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(8)
        await asyncio.to_thread(ask, self.row, self.source, self.own)
        yield TriggerEvent("asked")


def _of_deadline(context: Any) -> tuple[Address, Address]:
    """Say what to pull and what to push, once `lingers` runs. A deadline may be missed before `produce` has pushed."""
    run = {"dag_id": context["dag_run"]["dag_id"], "run_id": context["dag_run"]["dag_run_id"]}
    pushed = Path(os.environ["ACCEPTANCE_PROOFS"], f"lingers-{run['run_id']}")
    end = time.monotonic() + 60
    while not pushed.exists() and time.monotonic() < end:
        time.sleep(0.2)
    return {**run, "task_id": "produce", "key": "return_value"}, {**run, "task_id": "lingers"}


async def on_deadline_async(context: Any) -> None:
    """Runs in the triggerer."""
    await asyncio.to_thread(_ask_for_deadline, "deadline_async", context)


def on_deadline_sync(context: Any) -> None:
    """Runs on an executor."""
    _ask_for_deadline("deadline_sync", context)


def _ask_for_deadline(row: str, context: Any) -> None:
    ask(row, *_of_deadline(context))
