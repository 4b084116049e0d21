"""Figures as tables: lines of text for a terminal, Markdown for docs/performance.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.contenders import API, DEFAULT, FLOOR, OBJECT, OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.figures import Row
    from benchmarks.limits import Check

Cells = list[list[str]]

SIDE_BY_SIDE = [
    "ms, median",
    "API call",
    "default",
    "object storage",
    "worker",
    "server",
    "floor",
    "worker : default",
    "worker : floor",
    "server : its default",
    "worker's API calls",
]


def side_by_side(worker: Sequence[Row], server: Sequence[Row]) -> Cells:
    """Lay out both sections as one table: a line for each operation on each value."""
    others = {(row.operation, row.value): row for row in server}
    lines = [SIDE_BY_SIDE]
    for row in worker:
        other = others.get((row.operation, row.value))
        lines.append(
            [
                label(row),
                *(cell(row, name) for name in (API, DEFAULT, OBJECT, OURS)),
                cell(other, OURS) if other else "",
                cell(row, FLOOR),
                ratio(row.median(OURS), row.median(DEFAULT)),
                ratio(row.median(OURS), row.median(FLOOR)),
                ratio(other.median(OURS), other.median(DEFAULT)) if other else "",
                calls(row),
            ]
        )
    return lines


def cold_start(section: Mapping[str, Any]) -> Cells:
    """Lay out the section `cold`: a line for each variant, medians over all tasks, then what its rounds say."""
    phases = section.get("phases", {})
    names = list(next(iter(phases.values()), {}))
    lines = [
        [
            "fork to user code, ms",
            *names,
            "fastest - slowest",
            "runs",
            "more than default",
            ": default",
            "processor time: default",
        ]
    ]
    for variant, found in phases.items():
        whole, to_default = found["all"], section.get("to_default", {}).get(variant, {})
        lines.append(
            [
                variant,
                *(number(found[name]["median"]) if name in found else "" for name in names),
                f"{number(whole['least'])} - {number(whole['most'])}",
                str(whole["n"]),
                *(paired(to_default.get("all")) if variant != "default" else ("", "")),
                paired(to_default.get("processor time"))[1] if variant != "default" else "",
            ]
        )
    return lines


def paired(to_default: Mapping[str, float] | None) -> tuple[str, str]:
    """Return how many ms more than the default, and its ratio with the quartiles over the rounds."""
    if not to_default:
        return "", ""
    ratio, low, high = (f"{to_default[name]:.2f}" for name in ("ratio", "low", "high"))
    return f"{to_default['more']:+.2f}", f"{ratio} ({low} - {high})"


def limits(checks: Sequence[Check]) -> Cells:
    """Lay out figures and limits."""
    lines = [["", "measured", "limit", "that is", ""]]
    for check in checks:
        unit = f" {check.unit}"
        lines.append([check.what, number(check.found) + unit, number(check.limit) + unit, check.rule, check.verdict])
    return lines


def label(row: Row) -> str:
    """Return what a row is about; where our backend sends much less than the value's bytes, also that."""
    text = f"{row.operation} {row.value}"
    if row.size and row.sent and row.sent < 0.95 * row.size:
        text += f" (sent as {row.sent / 1e6:.1f} MB)"
    return text


def cell(row: Row, contender: str) -> str:
    """Return a contender's median, or why there is none."""
    median = row.median(contender)
    if median is not None:
        return number(median)
    return "n/a" if contender in row.notes else ""


def calls(row: Row) -> str:
    """Return how many calls of Airflow's API our backend made per operation."""
    spans = row.spans.get(OURS)
    return "" if spans is None or spans.calls is None else f"{spans.calls:.2g}"


def ratio(found: float | None, other: float | None) -> str:
    """Return how two times compare: `1/45` for a 45th, `1.07` for somewhat more."""
    if not found or not other:
        return ""
    quotient = found / other
    if quotient >= 9.95:
        return f"{quotient:.0f}"
    return (
        f"1/{1 / quotient:.0f}"
        if quotient <= 1 / 9.5
        else f"1/{1 / quotient:.1f}"
        if quotient < 0.8
        else f"{quotient:.2f}"
    )


def number(value: float) -> str:
    """Return a number with three digits, or all before the point."""
    if value >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 10 else f"{value:.2f}"


def as_text(lines: Cells) -> str:
    """Lay out cells for a terminal: the first column to the left, the others to the right."""
    if not lines:
        return ""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def as_markdown(lines: Cells) -> str:
    """Lay out cells as a Markdown table."""
    if not lines:
        return ""
    head, *body = lines
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body))
