"""The limits of the figures of scale: what is found, its limit, the rule and the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Section, Sections

    Limited = tuple[str, float, float, str, str]

#: One answer, or one deletion, may keep the event loop for so long.
BLOCK_MS = 20.0
MAPPED = 1.2
ON_POSTGRESQL = 1.5


def found(sections: Sections) -> Iterator[Limited]:
    """Yield what has a limit."""
    if "xcoms" in sections:
        yield from _xcoms(sections["xcoms"])
    if "mapped" in sections:
        one = sections["mapped"]
        yield _ratio(one, MAPPED)
        what = f"event loop, one answer of {one['count']:,} results"
        yield what, one["longest_block_ms"]["server"], BLOCK_MS, "20 ms", "ms"
    for one in sections.get("postgresql", {}).get("counts", ()):
        yield _ratio(one, ON_POSTGRESQL)


def _xcoms(section: Section) -> Iterator[Limited]:
    alone = section["deletions"]["without"]["longest_block_ms"]
    for mode in ("worker", "server"):
        what = f"event loop, deletion of {section['count']:,} XComs ({mode})"
        limit = max(BLOCK_MS, alone)
        yield what, section["deletions"][mode]["longest_block_ms"], limit, "20 ms, or Airflow's own", "ms"


def _ratio(one: Section, limit: float) -> Limited:
    what = f"all {one['count']:,} mapped results, server, {one['database']}"
    return what, one["ratio"], limit, "x default, in turn", "x"
