"""Which figures exceed their limit: each line has figures at the limit's two sides."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.base.players import DICTS
from benchmarks.limits import checks

FRAME = "DataFrame 300k x 3, numbers"


def verdicts(section: str, content: dict[str, Any]) -> dict[str, str]:
    return {f"{check.what} <= {check.rule}": check.verdict for check in checks({section: content})}


def row(operation: str, value: str, **medians: float) -> dict[str, Any]:
    spans = {name: {"median": median, "p99": median, "n": 9} for name, median in medians.items()}
    return {"operation": operation, "value": value, "spans": spans}


@pytest.mark.parametrize(
    ("section", "operation", "value", "others", "rule", "limit"),
    [
        ("worker", "push", "100 B", {"api": 10}, "1.10 x API call", 11),
        ("worker", "pull", "100 B", {"api": 9}, "1/20 of API call", 0.45),
        ("worker", "push", "10 MB string, CSV", {"floor": 10, "api": 10}, "1.3 x floor + API call", 23),
        ("worker", "pull", "10 MB bytes", {"floor": 10, "api": 9}, "1.3 x floor + API call", 22),
        ("worker", "push", "10 MB string, CSV", {"object": 20}, "object storage", 20),
        ("worker", "push", "20,000 small dicts", {"default": 300}, "1/30 of default", 10),
        ("worker", "pull", "20,000 small dicts", {"default": 300}, "1/30 of default", 10),
        ("worker", "push", FRAME, {"default": 300}, "1/5 of default", 60),
        ("worker", "pull", FRAME, {"default": 300}, "1/25 of default", 12),
        ("worker", "pull all", "1,000 mapped results", {"default": 60}, "1/6 of default", 10),
        ("worker", "pull all", "1,000 mapped results", {}, "30 ms", 30),
        ("worker", "for x in xs,", "24 mapped results", {"default": 400}, "1/20 of default", 20),
        ("worker", "for x in xs,", "1,000 mapped results", {"default": 10_000}, "1/50 of default", 200),
        ("server", "pull", "100 B", {"api": 10}, "1.05 x API call", 10.5),
        ("server", "pull all", "1,000 mapped results", {"default": 60}, "1.2 x default", 72),
        ("server", "for x in xs,", "24 mapped results", {"default": 400}, "1/10 of default", 40),
        ("server", "for x in xs,", "1,000 mapped results", {"default": 10_000}, "1/10 of default", 1_000),
        ("not-direct", "pull all", "10,000 mapped results", {"default": 200}, "2 x default", 400),
    ],
)
def test_values_are_held_to_what_others_take_in_the_same_task(
    section: str, operation: str, value: str, others: dict[str, float], rule: str, limit: float
) -> None:
    def verdict(ours: float) -> str:
        rows = [row(operation, value, ours=ours, **others)]
        suffix = {"worker": "", "server": ", server", "not-direct": ", not direct"}[section]
        return verdicts(section, {"rows": rows})[f"{operation} {value}{suffix} <= {rule}"]

    assert verdict(limit * 0.99) == "ok"
    assert verdict(limit * 1.01) == "exceeded"


def test_the_api_call_is_that_of_the_same_operation_on_a_small_value() -> None:
    rows = [row("push", "100 B", api=10), row("push", "10 MB bytes", ours=24, floor=10)]

    assert list(verdicts("worker", {"rows": rows}).values()) == ["exceeded"]


def test_other_values_and_pulls_of_fewer_results_have_no_limit() -> None:
    rows = [row("pull all", "200 mapped results", ours=31, default=1), row("push", "a novelty", ours=9, api=1)]

    assert verdicts("worker", {"rows": rows}) == {}


@pytest.mark.parametrize(
    ("variant", "limit"), [("worker", 0.95), ("server", 1.03), ("unpreloaded", 1.0), ("unpreloaded-server", 1.05)]
)
def test_cold_start_is_held_to_the_default(variant: str, limit: float) -> None:
    def verdict(ratio: float) -> list[str]:
        return list(verdicts("cold", {"to_default": {variant: {"all": {"ratio": ratio}}}}).values())

    assert verdict(limit - 0.01) == ["ok"]
    assert verdict(limit + 0.01) == ["exceeded"]


def test_our_own_part_is_held_to_the_build_before_and_the_push_of_dicts_is_to_gain() -> None:
    def own(row: str, ms: float, ratio: float) -> dict[str, str]:
        return verdicts("own", {"rows": [{"row": row, "ms": ms, "before": {"ratio": ratio}}]})

    dicts = "push of 20,000 small dicts, before Airflow's call"
    assert own("pull", 9, 1.02) == {"pull <= 1.03 x the build before, median": "ok"}
    assert own("pull", 9, 1.04) == {"pull <= 1.03 x the build before, median": "exceeded"}
    assert own("import of redis-py, processor time", 9, 1.04) == {}
    assert own(dicts, 5.9, 0.61) == {
        f"{dicts} <= 6 ms": "ok",
        f"{dicts} <= 0.6 x the build before, median": "exceeded",
    }
    assert own(dicts, 6.1, 0.59) == {
        f"{dicts} <= 6 ms": "exceeded",
        f"{dicts} <= 0.6 x the build before, median": "ok",
    }


def test_without_a_build_before_only_the_push_of_dicts_is_held_to_anything() -> None:
    rows = [{"row": "pull", "ms": 9, "before": None}, {"row": DICTS, "ms": 5, "before": None}]

    assert verdicts("own", {"rows": rows}) == {f"{DICTS} <= 6 ms": "ok"}


@pytest.mark.parametrize(("watch", "ring"), [(1.02, 1.04), (1.04, 1.02)])
def test_both_chains_are_held_to_the_server_without_this_package(watch: float, ring: float) -> None:
    found = verdicts("chain", {"to_absent": {"watch": {"ratio": watch}, "ring": {"ratio": ring}}})

    assert found == {
        "Airflow's own push, watch in the chain <= 1.03 x without, median": "ok" if watch < 1.03 else "exceeded",
        "Airflow's own push, ring in the chain <= 1.03 x without, median": "ok" if ring < 1.03 else "exceeded",
    }


def test_bytes_are_held_for_each_result_of_a_mapped_task() -> None:
    samples = {"small": {"bytes": 400, "values": 1}, "mapped": {"bytes": 25_100, "values": 100}}
    formats = {"2": {}, "3": {"samples": samples, "rows": {"worker": 301, "server": 600}}}

    assert list(verdicts("stored", {"trees": {"new": formats}}).values()) == ["ok", "exceeded", "exceeded", "ok"]


def test_a_direct_pull_is_held_to_its_round_trips_and_to_the_pull_that_is_not_direct() -> None:
    def far(way: str, connections: int, exchanges: int, calls: int, tree: str = "new") -> dict[str, Any]:
        waits = {"connections": connections, "exchanges": exchanges, "calls": calls}
        return {"tree": tree, "connection": "password", "operation": "first pull of a process", "way": way, **waits}

    before = far("direct", 1, 3, 0, tree="base")
    assert list(
        verdicts("far", {"entries": [before, far("direct", 1, 1, 0), far("not direct", 1, 1, 1)]}).values()
    ) == ["ok", "ok"]
    assert verdicts("far", {"entries": [far("direct", 1, 3, 0), far("not direct", 1, 1, 1)]}) == {
        "first pull of a process, password <= 2 round trips": "exceeded",
        "first pull of a process, password <= not direct, with API calls": "exceeded",
    }


def test_the_cold_start_of_object_storage_has_no_limit() -> None:
    assert verdicts("cold", {"to_default": {"object": {"all": {"ratio": 9}}}}) == {}


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
