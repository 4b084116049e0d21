"""Figures: what was measured, kept as JSON, one file per section, so that a run can go on where it stopped."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from devtools.airflow_home import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.timing import Measured

FORMAT = 1
#: Where figures are kept unless another folder is named; those of quick runs apart.
FOLDER = ROOT / ".stack" / "bench"
QUICK_FOLDER = ROOT / ".stack" / "bench-quick"


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
    """One line of a table: an operation on one kind of value, by contender.

    `size` and `sent`: bytes of the encoded value, and of what our backend sends of it after compression.
    `notes` says of a contender without spans why it has none.
    """

    operation: str
    value: str
    spans: Mapping[str, Spans] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    sent: int | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Row:
        """Read back what `asdict` wrote."""
        return cls(**{**entry, "spans": {name: Spans(**spans) for name, spans in entry["spans"].items()}})

    def median(self, contender: str) -> float | None:
        """Return the contender's median in ms, if there is one."""
        spans = self.spans.get(contender)
        return None if spans is None else spans.median


def replaced(row: Row, **changes: Any) -> Row:
    """Return the row with some of its facts replaced."""
    return replace(row, **changes)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def save(folder: Path, section: str, content: Mapping[str, Any], **facts: Any) -> None:
    """Write a section's figures, with when and on what they were measured."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, "section": section, **surroundings(), **facts, **content}, indent=1)
    draft = folder / f"{section}.draft"
    draft.write_text(text + "\n")
    draft.replace(folder / f"{section}.json")


def load(folder: Path, section: str) -> dict[str, Any] | None:
    """Return a section's figures; None where there are none of this format."""
    path = folder / f"{section}.json"
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text())
    return content if content.get("format") == FORMAT else None


def rows(content: Mapping[str, Any] | None) -> list[Row]:
    """Return the rows of a section."""
    return [Row.of(entry) for entry in (content or {}).get("rows", [])]


def as_entries(found: Sequence[Row]) -> list[dict[str, Any]]:
    """Turn rows into what JSON takes."""
    return [asdict(row) for row in found]


def surroundings() -> dict[str, Any]:
    """Return when and on what something is measured."""
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "airflow": version("apache-airflow-core"),
        "redis_py": version("redis"),
    }


def commit() -> str:
    """Return the short id of the commit that is checked out, with `+` where files differ from it."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cpu() -> str:
    """Return the processor's name."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine() or "unknown"
