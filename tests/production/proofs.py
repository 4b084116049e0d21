"""What tasks of `dags/faults.py` wrote down."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from devtools.airflow_api import wait_until


class Step(NamedTuple):
    """What came of one step of a task."""

    task_id: str
    map_index: int
    try_number: int
    step: str
    outcome: str


class Proofs:
    """The steps of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def steps(self, task_id: str = "") -> list[Step]:
        """Return what was done so far, by all tasks or by one. A line that is being written is left out."""
        found = []
        for path in sorted(self.folder.glob("*.jsonl")):
            found += [
                Step(*json.loads(line)) for line in path.read_text().splitlines(keepends=True) if line[-1] == "\n"
            ]
        return [step for step in found if task_id in ("", step.task_id)]

    def outcomes(self, task_id: str = "") -> Counter[str]:
        """Return how often each outcome occurred."""
        return Counter(step.outcome for step in self.steps(task_id))

    def wait(self, number: int, task_id: str = "steady", timeout: float = 180) -> None:
        """Wait until a task has done so many more steps."""
        before = len(self.steps(task_id))
        wait_until(
            lambda: len(self.steps(task_id)) >= before + number,
            timeout,
            lambda: f"{task_id} did {len(self.steps(task_id)) - before} of {number} steps: {self.outcomes()}",
        )

    def enough(self) -> None:
        """Tell the tasks that go on and on to end."""
        (self.folder / "enough").touch()
