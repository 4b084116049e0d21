"""The figures of scale as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.markdown import figures_table, number, rounded, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.figures import Section, Sections

_DELETIONS = {"without": "Airflow alone", "worker": "worker", "server": "server"}
_COMMANDS = {
    "ls of an absent DAG": "`exclusive-xcom ls` of a DAG that has none",
    "ls": "`exclusive-xcom ls`",
    "du": "`exclusive-xcom du`",
    "gc": "`exclusive-xcom gc`",
    "gc after": "`exclusive-xcom gc`, after the deletion",
}


def _xcoms(sections: Sections) -> str:
    found = sections["xcoms"]
    deletions = (
        [text, number(one["seconds"]), number(one["longest_block_ms"])]
        for text, one in ((text, found["deletions"][name]) for name, text in _DELETIONS.items())
    )
    commands = (
        [text, *(number(found[name][what]) for what in ("seconds", "cpu_seconds", "peak_mb"))]
        for name, text in _COMMANDS.items()
    )
    each = rounded(found["redis_bytes_each"])
    return (
        f"{found['count']:,} small XComs of one DAG take {each} bytes of Redis' memory each.\n\n"
        f"{table('deletion of the DAG over REST|seconds|longest block of the event loop, ms', deletions)}\n\n"
        f"{table('command|seconds|of processor time|peak memory, MB', commands)}"
    )


def _mapped(sections: Sections) -> str:
    return _mapped_table(sections["mapped"])


def _mapped_table(found: Section) -> str:
    lines = (
        [
            text,
            *(number(found[name][what]) for what in ("pull", "calls", "block")),
            number(found["longest_block_ms"][name]),
        ]
        for name, text in (("default", "default backend, without the ring"), ("server", "server"))
    )
    head = "ms, median|pull|of it API calls|block of the event loop|longest block"
    return (
        f"All {found['count']:,} results of a mapped task ({found['database']}), in turn. "
        f"Server mode takes {number(found['ratio'])} x the default's time.\n\n{table(head, lines)}"
    )


def _pullers(sections: Sections) -> str:
    found = sections["pullers"]
    text = figures_table(
        "backend|pulls per second|median, ms|p99, ms|API calls per pull|longest block of an event loop, ms",
        "label per_second median p99 calls block",
        found["backends"],
    )
    return f"{found['processes']} processes pull 100 B each, on {found['servers']} API servers and one Redis.\n\n{text}"


#: Name of a mark -> the section that must have been measured, and what writes the part.
PARTS: dict[str, tuple[str, Callable[[Sections], str]]] = {
    "scale-xcoms": ("xcoms", _xcoms),
    "scale-mapped": ("mapped", _mapped),
    "scale-pullers": ("pullers", _pullers),
    "scale-postgresql": (
        "postgresql",
        lambda found: "\n\n".join(_mapped_table(one) for one in found["postgresql"]["counts"]),
    ),
}
