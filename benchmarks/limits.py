"""What the figures are held to. Each limit is relative to something that was measured in turn in the same run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import API, DEFAULT, FLOOR, OBJECT, OURS
from benchmarks.values import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.figures import Row

SMALL_PULL, SMALL_PUSH = 1 / 30, 1.10
TO_FLOOR = 1.3
RECORDS = 1 / 30
FRAME_PUSH, FRAME_PULL = 1 / 5, 1 / 25
THOUSAND_MS = 30.0
COLD_START = 1.05
MEMORY = 2.2
#: "Flat or falling", with what one median differs from the next by chance.
FLAT = 1.3


@dataclass(frozen=True)
class Check:
    """One figure and its limit, both in `unit`; `rule` says where the limit comes from."""

    what: str
    found: float
    limit: float
    rule: str
    unit: str = "ms"

    @property
    def exceeded(self) -> bool:
        """Whether the limit is exceeded."""
        return self.found > self.limit

    @property
    def verdict(self) -> str:
        """Say so."""
        return "EXCEEDED" if self.exceeded else "ok"


def of_side_by_side(rows: Sequence[Row]) -> list[Check]:
    """Check the rows of section `worker`."""
    table = {(row.operation, row.value): row for row in rows}
    api = {row.operation: row.spans[API].median for row in rows if API in row.spans}
    return [check for key in table for check in _of_row(table[key], api)]


def of_cold_start(to_default: Mapping[str, Any]) -> list[Check]:
    """Check the section `cold`: what its rounds say of worker mode and the default backend, each by itself.

    Figures of different rounds are not compared: the machine's speed drifts by more than the limit allows.
    """
    if "worker" not in to_default:
        return []
    ratio, rule = to_default["worker"]["all"]["ratio"], "x default of the same round, median"
    return [Check("fork to user code, one argument", ratio, COLD_START, rule, "x")]


def of_memory(entries: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Check the section `memory`."""
    rule = f"{MEMORY} x encoded size"
    return [
        Check(f"memory of a {one['operation']}: {one['value']}", one["peak"] / one["size"], MEMORY, rule, "x")
        for one in entries
    ]


def of_growth(series: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Check]:
    """Check that nothing of section `growth` gets dearer per item: of each series, the step that fares worst.

    Args:
        series: What is measured, with its unit after a comma -> its steps; each has a label and a cost per item.
    """
    found = []
    for name, steps in series.items():
        what, _, unit = name.rpartition(", ")
        checks = [
            Check(f"{what} at {step['label']}", step["per_item"], FLAT * least, f"{FLAT} x the cheapest before", unit)
            for least, step in _with_least_before(steps)
        ]
        found += sorted(checks, key=lambda check: check.limit / check.found)[:1]
    return found


def _with_least_before(steps: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, Mapping[str, Any]]]:
    least = float("inf")
    for before, step in pairwise(steps):
        least = min(least, before["per_item"])
        yield least, step


def _of_row(row: Row, api: Mapping[str, float]) -> Iterator[Check]:
    found = row.median(OURS)
    if found is None:
        return
    name = f"{row.operation} {row.value}"
    for limit, rule in (*_limits_of_value(row, api), *_limits_of_all(row)):
        yield Check(name, found, limit, rule)


def _limits_of_value(row: Row, api: Mapping[str, float]) -> Iterator[tuple[float, str]]:
    value = BY_NAME.get(row.value)
    kind = value.kind if value else None
    push = row.operation == "push"
    call, floor, default = api.get(row.operation), row.median(FLOOR), row.median(DEFAULT)
    if kind == "small" and call is not None:
        yield (SMALL_PUSH * call, "1.10 x API call") if push else (SMALL_PULL * call, "1/30 of API call")
    if kind in ("text", "bytes") and call is not None and floor is not None:
        yield TO_FLOOR * floor + call, "1.3 x floor + API call"
    if kind == "text" and push and (stored := row.median(OBJECT)) is not None:
        yield stored, "object storage"
    if kind == "records" and default is not None:
        yield RECORDS * default, "1/30 of default"
    if kind == "frame" and default is not None:
        yield (FRAME_PUSH * default, "1/5 of default") if push else (FRAME_PULL * default, "1/25 of default")


def _limits_of_all(row: Row) -> Iterator[tuple[float, str]]:
    if row.operation == "pull all" and row.value.startswith("1,000 "):
        yield THOUSAND_MS, "30 ms"
