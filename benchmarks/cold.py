"""The section ``cold``: from the fork of a task's process to the first line of its code, by backend.

The task takes one argument that another task returned. A scheduler is started for each backend, in turn, two rounds of
them, the second in the opposite order, so that what drifts falls on all alike.
"""

from __future__ import annotations

import json
import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.airflows import BASE_XCOM, OBJECT_STORAGE, Airflows, Variant
from benchmarks.contenders import Address, BareCall
from benchmarks.timing import in_turn
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
TASKS = {False: 17, True: 8}
WARM_UP = 2
ROUNDS = {False: 2, True: 1}
BARE_ROUNDS = 60
_TIMEOUT = 600

#: Phase -> the stamps that it lies between.
PHASES = {
    "start": ("forked", "parsing"),
    "parse the DAG file": ("parsing", "parsed"),
    "pull the argument, render": ("parsed", "rendered"),
    "to the first line": ("rendered", "user"),
    "all": ("forked", "user"),
}


def dag_env(*, quick: bool) -> dict[str, str]:
    """Return the environment that says what the DAG is: for whoever parses it."""
    return {"BENCH_COLD_TASKS": str(TASKS[quick])}


def measure(airflows: Airflows, *, quick: bool) -> dict[str, Any]:
    """Measure all variants; return the section: spans by variant and phase, and Airflow's bare call by variant, ms."""
    stamps: dict[str, list[dict[str, int]]] = {variant.name: [] for variant in VARIANTS}
    calls: dict[str, list[dict[str, list[float]]]] = {variant.name: [] for variant in VARIANTS}
    for number in range(ROUNDS[quick]):
        for variant in VARIANTS if number % 2 == 0 else reversed(VARIANTS):
            out = _run(airflows, variant, number)
            stamps[variant.name] += [json.loads(line) for line in out.read_text().splitlines()[WARM_UP:]]
            calls[variant.name].append(json.loads(_calls_beside(out).read_text()))
    return {
        "phases": {name: summary(found) for name, found in stamps.items()},
        "bare": {name: bare_summary(found) for name, found in calls.items()},
    }


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


def bare_summary(rounds: Sequence[dict[str, list[float]]]) -> dict[str, float]:
    """Return the medians of the bare call over all rounds, in ms."""
    return {name: statistics.median([ms for one in rounds for ms in one[name]]) for name in ("push", "pull")}


def bare_calls(running: Any) -> None:
    """Measure Airflow's own call inside a task, and write down the times: what the package adds to it, if anything."""
    bare, at = BareCall(), Address(running.dag_id, running.run_id, running.task_id)
    found = in_turn({"push": lambda: bare.push(at, "bare", None), "pull": lambda: bare.pull(at, "bare")}, BARE_ROUNDS)
    ms = {name: measured.ms for name, measured in found.items()}
    _calls_beside(Path(os.environ["BENCH_COLD_OUT"])).write_text(json.dumps(ms))


def _calls_beside(out: Path) -> Path:
    return out.with_suffix(".bare.json")


def _run(airflows: Airflows, variant: Variant, number: int) -> Path:
    out = airflows.home / f"cold-{variant.name}-{number}.jsonl"
    env = {
        "AIRFLOW__CORE__PARALLELISM": "1",  # one task at a time
        "BENCH_COLD_OUT": str(out),
    }
    with airflows.scheduler(variant, env) as api:
        airflows.run(api, DAG_ID, _TIMEOUT)
    return out
