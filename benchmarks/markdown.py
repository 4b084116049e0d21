"""Figures as text: numbers of three digits, ratios, and Markdown tables."""

from __future__ import annotations

from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def table(head: str, lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, or nothing where there is no line. `head` has a name for each column, split by `|`."""
    names = head.split("|")
    body = [names, ["---", *["---:"] * (len(names) - 1)], *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in body) if len(body) > 2 else ""


def figures_table(head: str, paths: str, steps: Iterable[Mapping[str, Any]]) -> str:
    """Return a Markdown table with a line for each step; `paths` name the figures of a line, such as `push.median`."""
    return table(head, ([cell(reduce(getitem, path.split("."), step)) for path in paths.split()] for step in steps))


def cell(found: Any) -> str:
    """Return a figure as text; what is no measured number stays as it is."""
    return number(found) if isinstance(found, float) else str(found)


def aligned(text: str) -> str:
    """Return a Markdown table as a terminal shows it well: each column as wide as its widest cell."""
    cells = [line[2:-2].split(" | ") for line in text.splitlines()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ([cell.rjust(width) for cell, width in zip(line, widths, strict=True)] for line in cells)
    return "\n".join(" | ".join([line[0].strip().ljust(widths[0]), *line[1:]]).rstrip() for line in lines)


def number(value: float) -> str:
    """Return a number with three digits, or with all before the point."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 10 else f"{value:.2f}"


def rounded(value: float) -> str:
    """Return a number with the two digits that an estimate is good for."""
    return f"{float(f'{value:.2g}'):,.0f}"


def ratio(found: float | None, other: float | None) -> str:
    """Return how two times compare: `1/45` for a 45th, `1.07` for somewhat more."""
    if not found or not other:
        return ""
    quotient = found / other
    if quotient >= 0.8:
        return f"{quotient:.0f}" if quotient >= 9.95 else f"{quotient:.2f}"
    return f"1/{1 / quotient:.0f}" if quotient <= 1 / 9.5 else f"1/{1 / quotient:.1f}"
