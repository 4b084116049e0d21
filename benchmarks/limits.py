"""The limits of the figures. Most are relative to a figure that was measured in turn in the same run."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import figures, limits_of_parts
from benchmarks.check import Check
from benchmarks.contenders import API, DEFAULT, FLOOR, OBJECT, OURS
from benchmarks.scale import limits as scale
from benchmarks.values import BY_NAME, KB

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.figures import Section, Sections


class Rule(NamedTuple):
    """A limit of rows: the sum of other contenders' medians times factors.

    Args:
        sections: The sections that it holds in.
        kinds: Kinds of value; of mapped results, the values themselves.
        operations: The operations.
        text: What the limit is, for people.
        factors: The factors, by contender.
    """

    sections: tuple[str, ...]
    kinds: tuple[str, ...]
    operations: tuple[str, ...]
    text: str
    factors: dict[str, float]

    def holds_for(self, section: str, kind: str, operation: str) -> bool:
        """Return whether a row is held to the rule."""
        return section in self.sections and kind in self.kinds and operation in self.operations


_WORKER, _SERVER, _NOT_DIRECT = ("worker",), ("server",), ("not-direct",)
_BOTH, _ITERATE = ("push", "pull"), ("for x in xs,",)
_FEW, _THOUSAND, _TEN_THOUSAND = ("24 mapped results",), ("1,000 mapped results",), ("10,000 mapped results",)
RULES = (
    Rule(_WORKER, ("small",), ("push",), "1.10 x API call", {API: 1.10}),
    Rule(_WORKER, ("small",), ("pull",), "1/20 of API call", {API: 1 / 20}),
    Rule(_SERVER, ("small",), ("pull",), "1.05 x API call", {API: 1.05}),
    Rule(_WORKER, ("text", "bytes"), _BOTH, "1.3 x floor + API call", {FLOOR: 1.3, API: 1}),
    Rule(_WORKER, ("text",), ("push",), "object storage", {OBJECT: 1}),
    Rule(_WORKER, ("records",), _BOTH, "1/30 of default", {DEFAULT: 1 / 30}),
    Rule(_WORKER, ("frame",), ("push",), "1/5 of default", {DEFAULT: 1 / 5}),
    Rule(_WORKER, ("frame",), ("pull",), "1/25 of default", {DEFAULT: 1 / 25}),
    Rule(_WORKER, _THOUSAND, ("pull all",), "1/6 of default", {DEFAULT: 1 / 6}),
    Rule(_SERVER, _THOUSAND, ("pull all",), "1.2 x default", {DEFAULT: 1.2}),
    Rule(_NOT_DIRECT, _TEN_THOUSAND, ("pull all",), "2 x default", {DEFAULT: 2}),
    Rule(_WORKER, _FEW, _ITERATE, "1/20 of default", {DEFAULT: 1 / 20}),
    Rule(_WORKER, _THOUSAND, _ITERATE, "1/50 of default", {DEFAULT: 1 / 50}),
    Rule(_SERVER, (*_FEW, *_THOUSAND), _ITERATE, "1/10 of default", {DEFAULT: 1 / 10}),
)
THOUSAND_MS = 30.0
#: Variant of benchmarks/cold.py -> how its cold start compares with the default's.
COLD_START = {"worker": 0.95, "server": 1.03, "unpreloaded": 1.0, "unpreloaded-server": 1.05}
MEMORY = 2.2
#: "Flat or falling", with some room for what medians differ by chance.
FLAT = 1.3


def checks(sections: Sections) -> list[Check]:
    """Check all figures that have a limit."""
    return [
        *(check for name in ("worker", "server", "not-direct") for check in _side_by_side(name, sections)),
        *cold_start(sections.get("cold", {}).get("to_default", {})),
        *limits_of_parts.checks(sections),
        *_memory(sections.get("memory", {}).get("entries", [])),
        *(_growth(sections["growth"]) if "growth" in sections else ()),
        *(Check(*found) for found in scale.found(sections)),
    ]


def _side_by_side(section: str, sections: Sections) -> Iterator[Check]:
    rows = figures.rows(sections.get(section))
    calls = {row.operation: row.spans[API].median for row in rows if API in row.spans}
    for row in (row for row in rows if OURS in row.spans):
        times = {name: spans.median for name, spans in row.spans.items()}
        times |= {API: calls[row.operation]} if row.operation in calls else {}
        kind = BY_NAME[row.value].kind if row.value in BY_NAME else row.value
        what = row.name if section == "worker" else f"{row.name}, {section.replace('-', ' ')}"
        for rule in (rule for rule in RULES if rule.holds_for(section, kind, row.operation)):
            if times.keys() >= rule.factors.keys():
                limit = sum(times[name] * factor for name, factor in rule.factors.items())
                yield Check(what, times[OURS], limit, rule.text)
        if what == "pull all 1,000 mapped results":
            yield Check(what, times[OURS], THOUSAND_MS, "30 ms")


def cold_start(to_default: Section) -> Iterator[Check]:
    """Check what the rounds say, each by itself: the machine's speed drifts by more than the limit allows."""
    for variant in filter(to_default.__contains__, COLD_START):
        ratio, rule = to_default[variant]["all"]["ratio"], "x default of the same round, median"
        yield Check(f"fork to user code, one argument, {variant}", ratio, COLD_START[variant], rule, "x")


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
