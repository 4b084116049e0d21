"""Keep figures as JSON, one file per section, so that a run can go on where the last one stopped."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.timing import quartiles
from devtools.airflow_home import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.timing import Measured

FORMAT = 1
NAMES = (
    *("memory", "stored", "far", "own", "chain"),
    *("worker", "server", "not-direct", "cold", "cold-before"),
    *("growth", "xcoms", "mapped", "pullers", "postgresql"),
)
#: The default folders of the figures; quick runs have one of their own.
FOLDER = ROOT / ".stack" / "bench"
QUICK_FOLDER = ROOT / ".stack" / "bench-quick"

Section = dict[str, Any]
Sections = dict[str, Section]


@dataclass(frozen=True)
class Spans:
    """Times in ms: their median, 99th percentile (the slowest, of fewer than a hundred) and number.

    `calls`: calls of Airflow's API that one operation made, on average; None where nobody counted.
    """

    median: float
    p99: float
    n: int
    calls: float | None = None

    @classmethod
    def of(cls, measured: Measured) -> Spans:
        """Sum up the rounds of one contender."""
        calls = statistics.fmean(measured.calls) if measured.calls else None
        return cls(statistics.median(measured.ms), percentile(measured.ms, 99), len(measured.ms), calls)


@dataclass(frozen=True)
class Row:
    """An operation on one kind of value, by contender.

    `before` says how this build compares with the one before: see `compared`. It is None where only one was measured.
    `size` and `sent`: bytes of the encoded value, and of what our backend sends of it after compression.
    `notes` says of a contender without spans why it has none.
    """

    operation: str
    value: str
    spans: Mapping[str, Spans] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    sent: int | None = None
    before: Mapping[str, float] | None = None

    @property
    def name(self) -> str:
        """What the row is about."""
        return f"{self.operation} {self.value}"

    def median(self, contender: str) -> float | None:
        """Return the contender's median in ms, if there is one."""
        return self.spans[contender].median if contender in self.spans else None


def rows(section: Section | None) -> list[Row]:
    """Return the rows of a section; `dataclasses.asdict` made its entries."""
    entries = (section or {}).get("rows", [])
    return [Row(**{**one, "spans": {name: Spans(**spans) for name, spans in one["spans"].items()}}) for one in entries]


def compared(new: Sequence[float], before: Sequence[float]) -> dict[str, float]:
    """Return how times of the same rounds compare, each round by itself, so that a machine's drift cancels out.

    `ratio`, `low` and `high`: the median and the quartiles of new : before. `median`: of the times before, in ms.
    """
    low, middle, high = quartiles([ours / theirs for ours, theirs in zip(new, before, strict=True)])
    return {"median": statistics.median(before), "ratio": middle, "low": low, "high": high}


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100) - 1, 0)]


def save(folder: Path, section: str, content: Mapping[str, Any], **facts: Any) -> None:
    """Write a section's figures, with when and on what they were measured."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{section}.draft"
    draft.write_text(json.dumps({"format": FORMAT, **_surroundings(), **facts, **content}, indent=1) + "\n")
    draft.replace(folder / f"{section}.json")


def load(folder: Path) -> Sections:
    """Return the sections that were measured, by name; figures of another format are left out."""
    paths = {name: folder / f"{name}.json" for name in NAMES}
    found = {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}
    return {name: content for name, content in found.items() if content.get("format") == FORMAT}


def _surroundings() -> dict[str, Any]:
    """Return when and on what something is measured. The commit has a `+` where files differ from it."""
    describe = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+"]
    processors = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": subprocess.run(describe, check=False, capture_output=True, text=True).stdout.strip() or "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "cpu": processors[0].partition(":")[2].strip() if processors else platform.machine(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "airflow": version("apache-airflow-core"),
        "redis_py": version("redis"),
    }
