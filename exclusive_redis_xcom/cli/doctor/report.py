"""Write the findings for people, as a table or as lines, and for machines."""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.cli.doctor.finding import Finding, Result

_STYLES = {"ok": "green", "warning": "yellow", "FAIL": "bold red", "skipped": "dim"}
_WIDTH = 120
_INDENT = " " * 9


def show(findings: Sequence[Finding], role: str, *, as_json: bool) -> None:
    """Print the report on standard output."""
    if as_json:
        text = to_json(findings, role)
    elif sys.stdout.isatty():
        _table(findings)
        text = summary(findings)
    else:
        text = f"{to_lines(findings)}\n{summary(findings)}"
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def to_json(findings: Sequence[Finding], role: str) -> str:
    """Return `{"role", "failures", "warnings", "findings": [{"check", "result", "seen", "remedy"}]}`."""
    body: dict[str, Any] = {
        "role": role,
        "failures": _count(findings, "FAIL"),
        "warnings": _count(findings, "warning"),
        "findings": [
            {"check": found.check, "result": found.result, "seen": found.seen, "remedy": found.remedy}
            for found in findings
        ],
    }
    return json.dumps(body, indent=2)


def to_lines(findings: Sequence[Finding]) -> str:
    """Return one paragraph per finding: result, check, what was seen, and the remedy, if any."""
    width = max((len(found.check) for found in findings), default=0)
    return "\n".join(line for found in findings for line in _lines(found, width))


def summary(findings: Sequence[Finding]) -> str:
    """Return the last line of the report."""
    counts = Counter(found.result for found in findings)
    words: tuple[tuple[Result, str], ...] = (("FAIL", "failed"), ("warning", "warnings"), ("skipped", "skipped"))
    return ", ".join([f"{len(findings)} checks", *(f"{counts[result]} {word}" for result, word in words)])


def _lines(found: Finding, width: int) -> list[str]:
    lines = [f"{found.result:<8} {found.check:<{width}}  {found.seen}".rstrip()]
    if found.remedy:
        lines += textwrap.wrap(found.remedy, _WIDTH, initial_indent=f"{_INDENT}-> ", subsequent_indent=f"{_INDENT}   ")
    return lines


def _table(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True)
    for title in ("check", "result", "seen", "remedy"):
        table.add_column(title, overflow="fold")  # nothing is cut
    for found in findings:
        # `Text` takes no brackets for markup, as a str would.
        row = (found.check, found.result, found.seen, found.remedy)
        styles = ("", _STYLES[found.result], "", "")
        table.add_row(*(Text(text, style=style) for text, style in zip(row, styles, strict=True)))
    Console().print(table)


def _count(findings: Sequence[Finding], result: Result) -> int:
    return sum(found.result == result for found in findings)
