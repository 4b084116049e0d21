"""Measure the section `cold`: from the fork of a task's process to the first line of its code, by backend.

The task takes one argument that another task returned. The machine's speed drifts by far more than the backends differ.
So the bench measures many short rounds, and compares the backends within each round. Every backend has a scheduler of
its own (schedulers.py). It runs the DAG once in each round, while the others are paused.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.airflows import BASE_XCOM, OBJECT_STORAGE, Airflows, Variant
from benchmarks.contenders import Address, BareCall
from benchmarks.schedulers import Schedulers
from benchmarks.timing import in_turn, quartiles, rotated
from devtools.components import BACKEND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAG_ID = "bench_cold"
VARIANTS = (
    Variant("object", OBJECT_STORAGE, "absent"),
    Variant("default", BASE_XCOM, "absent"),
    Variant("worker", BACKEND, "worker"),
    Variant("server", BACKEND, "server"),
    Variant("unpreloaded", BACKEND, "worker", {"BENCH_PACKAGE": "unpreloaded"}),
    Variant("unpreloaded-server", BACKEND, "server", {"BENCH_PACKAGE": "unpreloaded"}),
)
#: So many tasks of each round only warm up the process that forks them.
WARM_UP = 1
ROUNDS = {False: 12, True: 4}
#: After so many seconds no further round begins: a busy machine plays fewer rounds.
ENOUGH = {False: 280, True: 120}
BARE_CALLS = 12
_TIMEOUT = 120

#: Phase -> the stamps of its begin and end.
PHASES = {
    "start": ("forked", "parsing"),
    "parse the DAG file": ("parsing", "parsed"),
    "pull the argument, render": ("parsed", "rendered"),
    "to the first line": ("rendered", "user"),
    "all": ("forked", "user"),
    "processor time": ("idle", "processor"),
}


class Rounds(NamedTuple):
    """The results of all rounds, by variant: the stamps of the tasks, and the times of Airflow's bare call."""

    stamps: list[dict[str, list[dict[str, int]]]]
    calls: list[dict[str, dict[str, list[float]]]]

    def medians(self) -> list[dict[str, dict[str, float]]]:
        """Return the medians in ms of each round: variant -> phase -> median."""
        return [{name: medians(summary(found)) for name, found in one.items()} for one in self.stamps]


def measure(airflows: Airflows, *, quick: bool) -> dict[str, Any]:
    """Measure all variants; return the section.

    `phases`: variant -> phase -> spans in ms over all tasks. `bare`: variant -> medians of Airflow's bare call, ms.
    `rounds` and `bare_rounds`: a mapping of variant to its medians in ms, of each round.
    `to_default` and `bare_to_default`: variant -> how it compares with the default: see `compared`.
    """
    names = [variant.name for variant in VARIANTS]
    found = play_rounds(airflows, VARIANTS, ROUNDS[quick], ENOUGH[quick])
    rounds = found.medians()
    bare_rounds = [{name: bare_summary([calls]) for name, calls in one.items()} for one in found.calls]
    return {
        "phases": {name: summary([line for one in found.stamps for line in one[name]]) for name in names},
        "bare": {name: bare_summary([one[name] for one in found.calls]) for name in names},
        "rounds": rounds,
        "bare_rounds": bare_rounds,
        "to_default": {name: compared(rounds, name) for name in names},
        "bare_to_default": {name: compared(bare_rounds, name) for name in names},
    }


def play_rounds(airflows: Airflows, variants: Sequence[Variant], rounds: int, enough: float) -> Rounds:
    """Run the DAG with each variant in turn. After `enough` seconds no further round begins."""
    outs = {variant.name: airflows.home / f"cold-{variant.name}.jsonl" for variant in variants}
    env = {
        name: {"AIRFLOW__CORE__PARALLELISM": "1", "BENCH_COLD_OUT": str(out)}  # one task at a time
        for name, out in outs.items()
    }
    found = Rounds([], [])
    with Schedulers(airflows, variants, env) as schedulers:
        began = time.monotonic()
        for number in range(rounds):
            if number > 1 and time.monotonic() - began > enough:
                break
            found.stamps.append({})
            found.calls.append({})
            for variant in in_order(variants, number):
                out = outs[variant.name]
                with schedulers.running(variant) as api:
                    airflows.run(api, DAG_ID, _TIMEOUT)
                stamps = [json.loads(line) for line in out.read_text().splitlines()[WARM_UP:]]
                found.stamps[-1][variant.name] = _unpreloaded(variant, stamps)
                found.calls[-1][variant.name] = json.loads(_calls_beside(out).read_text())
                out.unlink()
    return found


def _unpreloaded(variant: Variant, stamps: list[dict[str, int]]) -> list[dict[str, int]]:
    """Return the stamps of a variant, once they prove that no parent had imported redis-py where none should have.

    Raises:
        RuntimeError: A parent had.
    """
    if variant.env.get("BENCH_PACKAGE") == "unpreloaded" and any(one["preloaded"] for one in stamps):
        raise RuntimeError(f"{variant.name}: the process that forked the task had imported redis-py")
    return stamps


def in_order(variants: Sequence[Variant], number: int) -> list[Variant]:
    """Return the order of a round: each round begins with another variant, and every other round runs backwards."""
    turned = rotated(variants, number)
    return turned[::-1] if number % 2 else turned


def compared(rounds: Sequence[Mapping[str, Mapping[str, float]]], name: str) -> dict[str, dict[str, float]]:
    """Return how a variant compares with the default, by phase. Each round counts by itself, so that drift cancels out.

    `ratio` and `more`, in ms: medians over the rounds. `low` and `high`: quartiles of the ratio.
    """
    found = {}
    for phase in rounds[0][name]:
        pairs = [(one[name][phase], one["default"][phase]) for one in rounds]
        low, middle, high = quartiles([ours / default for ours, default in pairs])
        more = statistics.median([ours - default for ours, default in pairs])
        found[phase] = {"ratio": middle, "low": low, "high": high, "more": more}
    return found


def medians(spans: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the medians of a summary."""
    return {phase: found["median"] for phase, found in spans.items()}


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
    """Measure Airflow's own call inside a task, and write the times. They show whether the package slows it down."""
    bare, at = BareCall(), Address(running.dag_id, running.run_id, running.task_id)
    found = in_turn({"push": lambda: bare.push(at, "bare", None), "pull": lambda: bare.pull(at, "bare")}, BARE_CALLS)
    ms = {name: measured.ms for name, measured in found.items()}
    _calls_beside(Path(os.environ["BENCH_COLD_OUT"])).write_text(json.dumps(ms))


def _calls_beside(out: Path) -> Path:
    return out.with_suffix(".bare.json")
