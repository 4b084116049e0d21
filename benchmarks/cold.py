"""The section ``cold``: from the fork of a task's process to the first line of its code, by backend.

The task takes one argument that another task returned. A scheduler is started for each backend, in turn, two rounds of
them, the second in the opposite order, so that what drifts falls on all alike.
"""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.airflows import BASE_XCOM, OBJECT_STORAGE, Airflows, Variant
from devtools.components import BACKEND

if TYPE_CHECKING:
    from collections.abc import Sequence

DAG_ID = "bench_cold"
VARIANTS = (
    Variant("default", BASE_XCOM, "absent"),
    Variant("object", OBJECT_STORAGE, "absent"),
    Variant("worker", BACKEND, "worker"),
    Variant("server", BACKEND, "server"),
    Variant("unpreloaded", BACKEND, "worker", {"BENCH_PACKAGE": "unpreloaded"}),
)
#: Runs per backend and round, of which the first few warm up what forks the tasks.
TASKS = {False: 18, True: 8}
WARM_UP = 2
ROUNDS = 2
_TIMEOUT = 600

#: Phase -> the stamps that it lies between.
PHASES = {
    "start": ("forked", "parsing"),
    "parse the DAG file": ("parsing", "parsed"),
    "pull the argument, render": ("parsed", "rendered"),
    "to the first line": ("rendered", "user"),
    "all": ("forked", "user"),
}


def measure(airflows: Airflows, *, quick: bool) -> dict[str, Any]:
    """Measure all variants; return the section: phase -> spans in ms, by variant."""
    stamps: dict[str, list[dict[str, int]]] = {variant.name: [] for variant in VARIANTS}
    for number in range(ROUNDS):
        for variant in VARIANTS if number % 2 == 0 else reversed(VARIANTS):
            stamps[variant.name] += _run(airflows, variant, number, TASKS[quick])
    return {"phases": {name: summary(found) for name, found in stamps.items()}}


def summary(stamps: Sequence[dict[str, int]]) -> dict[str, dict[str, float]]:
    """Turn the stamps of many runs, in ns, into medians in ms by phase."""
    spans = {
        phase: [(one[end] - one[begin]) / 1e6 for one in stamps if begin in one and end in one]
        for phase, (begin, end) in PHASES.items()
    }
    return {
        phase: {"median": statistics.median(found), "least": min(found), "most": max(found), "n": len(found)}
        for phase, found in spans.items()
        if found
    }


def _run(airflows: Airflows, variant: Variant, number: int, tasks: int) -> list[dict[str, int]]:
    out = airflows.home / f"cold-{variant.name}-{number}.jsonl"
    env = {
        "AIRFLOW__CORE__PARALLELISM": "1",  # one task at a time
        "BENCH_COLD_OUT": str(out),
        "BENCH_COLD_TASKS": str(tasks),
    }
    with airflows.scheduler(variant, env) as api:
        airflows.run(api, DAG_ID, _TIMEOUT)
    return [json.loads(line) for line in out.read_text().splitlines()[WARM_UP:]]
