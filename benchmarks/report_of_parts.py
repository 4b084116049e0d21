"""Tables of what is measured outside of tasks: our own part, bytes, round trips, the chain of middlewares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import chain, far, stored
from benchmarks.base.trees import BASE, NEW
from benchmarks.markdown import number, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.figures import Section, Sections

_BEFORE = ("before", "now : before", "quartiles")


def own(sections: Sections) -> str:
    """Return the table of what our own part of an operation takes."""
    return _rows("our own part, ms", sections["own"])


def cold_before(sections: Sections) -> str:
    """Return the table of cold starts beside the build before."""
    return _rows("cold start, ms", sections["cold-before"])


def to_before(before: Mapping[str, float] | None) -> list[str]:
    """Return three cells: the median of the build before, how this one compares with it, and the ratio's quartiles."""
    if not before:
        return ["", "", ""]
    return [number(before["median"]), f"{before['ratio']:.2f}", f"{before['low']:.2f} - {before['high']:.2f}"]


def _rows(what: str, section: Section) -> str:
    rows = section["rows"]
    with_before = any(row["before"] for row in rows)
    head = "|".join([what, "now", *(_BEFORE if with_before else ()), "rounds"])
    lines = (
        [row["row"], number(row["ms"]), *(to_before(row["before"]) if with_before else ()), str(row["rounds"])]
        for row in rows
    )
    return table(head, lines)


def chains(sections: Sections) -> str:
    """Return the table of Airflow's own push through each chain of middlewares."""
    section = sections["chain"]
    lines = [["without this package", number(section["ms"][chain.ABSENT]), "", ""]]
    for name, found in section["to_absent"].items():
        lines.append([name, number(section["ms"][name]), *to_before(found)[1:]])
    return table("Airflow's own push, ms|median|: without|quartiles", lines)


def in_redis(sections: Sections) -> str:
    """Return the tables of bytes in Redis and in Airflow's rows."""
    return "\n\n".join((*stored.in_redis(sections["stored"]), stored.in_rows(sections["stored"])))


def round_trips(sections: Sections) -> str:
    """Return the table of round trips by connection and operation."""
    section = sections["far"]
    found = {(one["tree"], one["connection"], one["operation"], one["way"]): one for one in section["entries"]}
    with_before = any(tree == BASE for tree, *_ in found)
    head = ["", "direct", "ms", *(("before", "ms") if with_before else ()), "not direct", "ms"]
    lines = []
    for connection, operation in dict.fromkeys((one["connection"], one["operation"]) for one in section["entries"]):
        shown = [(NEW, far.DIRECT), *([(BASE, far.DIRECT)] if with_before else []), (NEW, far.NOT_DIRECT)]
        cells = (_waits(found[tree, connection, operation, way]) for tree, way in shown)
        lines.append([f"{operation}, {connection}", *(cell for pair in cells for cell in pair)])
    return table("|".join(["round trips", *head[1:]]), lines)


def _waits(entry: Mapping[str, float]) -> Iterator[str]:
    """Return the round trips, such as `3 = connection + 2`, and the time."""
    parts = ["connection"] * int(entry["connections"]) + [f"{entry['exchanges']:.0f}"]
    parts += [f"{entry['calls']:.0f} API call"] if entry["calls"] else []
    yield f"{far.waits(entry)} = {' + '.join(parts)}" if len(parts) > 1 else parts[0]
    yield number(entry["ms"])
