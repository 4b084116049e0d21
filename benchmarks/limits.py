"""The limits of the figures. Each is relative to a figure that was measured in turn in the same run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from benchmarks import figures
from benchmarks.contenders import API, DEFAULT, FLOOR, OBJECT, OURS
from benchmarks.scale import limits as scale
from benchmarks.values import BY_NAME, KB

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.figures import Row, Section, Sections


#: Kinds of value, operations, a text for the limit, and the limit: the sum of other contenders' medians times factors.
RULES: tuple[tuple[str, str, str, dict[str, float]], ...] = (
    ("small", "push", "1.10 x API call", {API: 1.10}),
    ("small", "pull", "1/30 of API call", {API: 1 / 30}),
    ("text bytes", "push pull", "1.3 x floor + API call", {FLOOR: 1.3, API: 1}),
    ("text", "push", "object storage", {OBJECT: 1}),
    ("records", "push pull", "1/30 of default", {DEFAULT: 1 / 30}),
    ("frame", "push", "1/5 of default", {DEFAULT: 1 / 5}),
    ("frame", "pull", "1/25 of default", {DEFAULT: 1 / 25}),
)
THOUSAND_MS = 30.0
COLD_START = 1.05
MEMORY = 2.2
#: "Flat or falling", with some room for what medians differ by chance.
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
    def verdict(self) -> str:
        """Say whether the limit is exceeded."""
        return "exceeded" if self.found > self.limit else "ok"


def checks(sections: Sections) -> list[Check]:
    """Check all figures that have a limit."""
    return [
        *_side_by_side(figures.rows(sections.get("worker"))),
        *_cold_start(sections.get("cold", {}).get("to_default", {})),
        *_memory(sections.get("memory", {}).get("entries", [])),
        *(_growth(sections["growth"]) if "growth" in sections else ()),
        *(Check(*found) for found in scale.found(sections)),
    ]


def _side_by_side(rows: Sequence[Row]) -> Iterator[Check]:
    calls = {row.operation: row.spans[API].median for row in rows if API in row.spans}
    for row in (row for row in rows if OURS in row.spans):
        times = {name: spans.median for name, spans in row.spans.items()}
        times |= {API: calls[row.operation]} if row.operation in calls else {}
        kind = BY_NAME[row.value].kind if row.value in BY_NAME else ""
        for kinds, operations, text, factors in RULES:
            if kind in kinds.split() and row.operation in operations.split() and times.keys() >= factors.keys():
                yield Check(row.name, times[OURS], sum(times[name] * factors[name] for name in factors), text)
        if row.name == "pull all 1,000 mapped results":
            yield Check(row.name, times[OURS], THOUSAND_MS, "30 ms")


def _cold_start(to_default: Section) -> Iterator[Check]:
    """Check what the rounds say, each by itself: the machine's speed drifts by more than the limit allows."""
    if "worker" in to_default:
        ratio, rule = to_default["worker"]["all"]["ratio"], "x default of the same round, median"
        yield Check("fork to user code, one argument", ratio, COLD_START, rule, "x")


def _memory(entries: Sequence[Section]) -> Iterator[Check]:
    for one in entries:
        what = f"memory of a {one['operation']}: {one['value']}"
        yield Check(what, one["peak"] / one["size"], MEMORY, f"{MEMORY} x encoded size", "x")


def _growth(section: Section) -> Iterator[Check]:
    """Check that nothing gets dearer per item: of each series, the step that fares worst."""
    for what, (unit, series) in _per_item(section).items():
        cheapest = accumulate((cost for _, cost in series), min)
        found = [
            Check(f"{what} at {label}", cost, FLAT * least, f"{FLAT} x the cheapest before", unit)
            for least, (label, cost) in zip(cheapest, series[1:], strict=False)
        ]
        yield from sorted(found, key=lambda check: check.limit / check.found)[:1]


def _per_item(section: Section) -> dict[str, tuple[str, list[tuple[str, float]]]]:
    """Return what must be flat or falling: its unit, and the label and cost per item of each step."""
    found = {"each of all mapped results": ("ms", [(step["label"], step["per_item"]) for step in section["results"]])}
    for name in ("push", "pull"):
        steps = [step for step in section["sizes"] if step["size"] >= KB]
        per_mb = [(step["label"], step[name]["median"] * 1e6 / step["size"]) for step in steps]
        found[f"a {name}, per MB"] = ("ms", per_mb)
    for step in section["processes"]:
        what = f"an operation on {step['label'].partition(' x ')[2]}, of Redis' thread"
        label = f"{step['processes']} processes"
        found.setdefault(what, ("µs", []))[1].append((label, step["redis_us_per_operation"]))
    return found
