"""The limits of what is measured outside of tasks: our own part, bytes, round trips, the chain of middlewares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import chain, far, stored
from benchmarks.base.players import DICTS
from benchmarks.base.trees import NEW
from benchmarks.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Section, Sections

#: How an operation may compare with the build before; and the push of dicts, which is to gain.
BEFORE, DICTS_BEFORE = 1.03, 0.6
DICTS_MS = 6.0
#: Rows of other software, which stand there to compare with.
FLOORS = frozenset({"import of redis-py, processor time"})
CHAIN = 1.03
#: Sample -> bytes of one value in Redis.
IN_REDIS = {"small": 400, "mapped": 250}
#: `enforcement` -> bytes of a 1-byte result in Airflow's row.
IN_ROW = {"worker": 300, "server": 600}
#: Operation -> round trips of a direct pull, with that of the connection.
ROUND_TRIPS = {"first pull of a process": 2, "later pull": 1, "300 mapped results": 2}


def checks(sections: Sections) -> Iterator[Check]:
    """Check the figures of all sections here that were measured."""
    of_section = {"own": _own, "cold-before": _cold_before, "chain": _chain, "stored": _stored, "far": _far}
    for name in (name for name in of_section if name in sections):
        yield from of_section[name](sections[name])


def _own(section: Section) -> Iterator[Check]:
    for row in (row for row in section["rows"] if row["row"] not in FLOORS):
        if row["row"] == DICTS:
            yield Check(DICTS, row["ms"], DICTS_MS, "6 ms")
        yield from _before(row, row["row"], DICTS_BEFORE if row["row"] == DICTS else BEFORE)


def _cold_before(section: Section) -> Iterator[Check]:
    for row in section["rows"]:
        yield from _before(row, row["row"], BEFORE)


def _before(row: Section, what: str, limit: float) -> Iterator[Check]:
    if row["before"]:
        yield Check(what, row["before"]["ratio"], limit, f"{limit} x the build before, median", "x")


def _chain(section: Section) -> Iterator[Check]:
    for name in (chain.WATCH, chain.RING):
        what = f"Airflow's own push, {name} in the chain"
        yield Check(what, section["to_absent"][name]["ratio"], CHAIN, f"{CHAIN} x without, median", "x")


def _stored(section: Section) -> Iterator[Check]:
    found = stored.newest(section, NEW)
    for sample, limit in IN_REDIS.items():
        what = f"in Redis: {stored.SAMPLES[sample]}"
        yield Check(what, stored.per_value(found["samples"][sample]), limit, f"{limit} bytes", "bytes")
    for mode, limit in IN_ROW.items():
        yield Check(f"in Airflow's row: 1-byte result, {mode}", found["rows"][mode], limit, f"{limit} bytes", "bytes")


def _far(section: Section) -> Iterator[Check]:
    ours = [entry for entry in section["entries"] if entry["tree"] == NEW]
    others = {(one["connection"], one["operation"]): far.waits(one) for one in ours if one["way"] == far.NOT_DIRECT}
    for one in (one for one in ours if one["way"] == far.DIRECT):
        what, limit = f"{one['operation']}, {one['connection']}", ROUND_TRIPS[one["operation"]]
        yield Check(what, far.waits(one), limit, f"{limit} round trips", "round trips")
        not_direct = others[one["connection"], one["operation"]]
        yield Check(what, far.waits(one), not_direct, "not direct, with API calls", "round trips")
