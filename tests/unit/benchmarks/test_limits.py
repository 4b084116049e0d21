"""Which figures exceed their limit: each line has figures at the limit's two sides."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.limits import checks

FRAME = "DataFrame 300k x 3, numbers"


def verdicts(section: str, content: dict[str, Any]) -> dict[str, str]:
    return {f"{check.what} <= {check.rule}": check.verdict for check in checks({section: content})}


def row(operation: str, value: str, **medians: float) -> dict[str, Any]:
    spans = {name: {"median": median, "p99": median, "n": 9} for name, median in medians.items()}
    return {"operation": operation, "value": value, "spans": spans}


@pytest.mark.parametrize(
    ("operation", "value", "others", "rule", "limit"),
    [
        ("push", "100 B", {"api": 10}, "1.10 x API call", 11),
        ("pull", "100 B", {"api": 9}, "1/30 of API call", 0.3),
        ("push", "10 MB string, CSV", {"floor": 10, "api": 10}, "1.3 x floor + API call", 23),
        ("pull", "10 MB bytes", {"floor": 10, "api": 9}, "1.3 x floor + API call", 22),
        ("push", "10 MB string, CSV", {"object": 20}, "object storage", 20),
        ("push", "20,000 small dicts", {"default": 300}, "1/30 of default", 10),
        ("pull", "20,000 small dicts", {"default": 300}, "1/30 of default", 10),
        ("push", FRAME, {"default": 300}, "1/5 of default", 60),
        ("pull", FRAME, {"default": 300}, "1/25 of default", 12),
        ("pull all", "1,000 mapped results", {"default": 1}, "30 ms", 30),
    ],
)
def test_values_are_held_to_what_others_take_in_the_same_task(
    operation: str, value: str, others: dict[str, float], rule: str, limit: float
) -> None:
    def verdict(ours: float) -> dict[str, str]:
        return verdicts("worker", {"rows": [row(operation, value, ours=ours, **others)]})

    name = f"{operation} {value} <= {rule}"
    assert verdict(limit * 0.99) == {name: "ok"}
    assert verdict(limit * 1.01) == {name: "exceeded"}


def test_the_api_call_is_that_of_the_same_operation_on_a_small_value() -> None:
    rows = [row("push", "100 B", api=10), row("push", "10 MB bytes", ours=24, floor=10)]

    assert list(verdicts("worker", {"rows": rows}).values()) == ["exceeded"]


def test_other_values_and_pulls_of_fewer_results_have_no_limit() -> None:
    rows = [row("pull all", "200 mapped results", ours=31, default=1), row("push", "a novelty", ours=9, api=1)]

    assert verdicts("worker", {"rows": rows}) == {}


@pytest.mark.parametrize(("ratio", "verdict"), [(1.04, "ok"), (1.06, "exceeded")])
def test_cold_start_is_held_to_the_default(ratio: float, verdict: str) -> None:
    found = verdicts("cold", {"to_default": {"worker": {"all": {"ratio": ratio}}}})

    assert list(found.values()) == [verdict]


@pytest.mark.parametrize(("peak", "verdict"), [(109, "ok"), (111, "exceeded")])
def test_memory_is_held_to_a_multiple_of_the_encoded_size(peak: int, verdict: str) -> None:
    entry = {"value": "50 MB string", "operation": "pull", "size": 50, "peak": peak}

    assert list(verdicts("memory", {"entries": [entry]}).values()) == [verdict]


def test_nothing_may_get_dearer_per_item_than_its_cheapest_step_before() -> None:
    def steps(*costs: float) -> list[dict[str, Any]]:
        return [{"label": str(10**n), "per_item": cost} for n, cost in enumerate(costs)]

    def at(costs: tuple[float, ...]) -> dict[str, str]:
        return verdicts("growth", {"results": steps(*costs), "sizes": [], "processes": []})

    name = "each of all mapped results at {} <= 1.3 x the cheapest before"
    assert at((9.0, 2.0, 2.5)) == {name.format(100): "ok"}
    assert at((9.0, 2.0, 2.5, 2.7)) == {name.format(1000): "exceeded"}


def mapped(ratio: float, block: float, database: str = "SQLite") -> dict[str, Any]:
    return {"count": 10_000, "database": database, "ratio": ratio, "longest_block_ms": {"server": block}}


@pytest.mark.parametrize(("ratio", "block", "found"), [(1.19, 19.9, ["ok"] * 2), (1.21, 20.1, ["exceeded"] * 2)])
def test_many_results_in_server_mode_are_held_to_the_default_and_leave_the_event_loop_alone(
    ratio: float, block: float, found: list[str]
) -> None:
    assert list(verdicts("mapped", mapped(ratio, block)).values()) == found


@pytest.mark.parametrize(("ratio", "found"), [(1.49, "ok"), (1.51, "exceeded")])
def test_on_postgresql_each_count_has_a_limit(ratio: float, found: str) -> None:
    section = {"counts": [mapped(ratio, 0, "PostgreSQL")]}

    assert list(verdicts("postgresql", section).values()) == [found]


@pytest.mark.parametrize(
    ("alone", "ours", "found"), [(5, 19, "ok"), (5, 21, "exceeded"), (40, 39, "ok"), (40, 41, "exceeded")]
)
def test_a_deletion_blocks_the_event_loop_no_longer_than_airflow_does_or_20_ms(
    alone: float, ours: float, found: str
) -> None:
    blocks = {"without": alone, "worker": ours, "server": ours}
    section = {"count": 100_000, "deletions": {name: {"longest_block_ms": ms} for name, ms in blocks.items()}}

    assert list(verdicts("xcoms", section).values()) == [found] * 2
