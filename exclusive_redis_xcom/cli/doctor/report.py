"""Write the findings for people, as a table or as lines, and for machines."""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.health.finding import Finding, Result
    from exclusive_redis_xcom.health.visit import Role
    from exclusive_redis_xcom.settings.in_force import InForce

#: The version of the JSON form. A number that a program does not know means that names have changed.
_SCHEMA = 1
_DISTRIBUTION = "exclusive-redis-xcom"

_STYLES = {"ok": "green", "warning": "yellow", "FAIL": "bold red", "skipped": "dim", "accepted": "cyan"}
_NOT_OK = ("FAIL", "warning")
_WIDTH = 120
_INDENT = " " * 9


@dataclass(frozen=True, slots=True)
class Report:
    """What the doctor has to say: all findings, and the settings that are in force."""

    role: Role
    findings: Sequence[Finding]
    settings: Sequence[InForce]

    def count(self, result: Result) -> int:
        """Return how many findings have this result."""
        return sum(found.result == result for found in self.findings)

    def shown(self, *, quiet: bool) -> Sequence[Finding]:
        """Return the findings to show: all of them, or only failures and warnings."""
        return [found for found in self.findings if found.result in _NOT_OK] if quiet else self.findings


def show(report: Report, *, as_json: bool, quiet: bool = False) -> None:
    """Print the report on standard output. A quiet report has nothing to say where all is well."""
    if as_json:
        text = to_json(report, quiet=quiet)
    elif sys.stdout.isatty():
        _tables(report, quiet=quiet)
        text = "" if quiet and not report.shown(quiet=True) else summary(report)
    else:
        text = to_text(report, quiet=quiet)
    sys.stdout.write(f"{text}\n" if text else "")
    sys.stdout.flush()


def to_json(report: Report, *, quiet: bool = False) -> str:
    """Return the report as JSON; docs/how-to/doctor.md lists the names. Times are in UTC."""
    body: dict[str, Any] = {
        "schema": _SCHEMA,
        "version": version(_DISTRIBUTION),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "role": report.role,
        "failures": report.count("FAIL"),
        "warnings": report.count("warning"),
        "findings": [
            {
                "id": found.id,
                "check": found.check,
                "result": found.result,
                "seen": found.seen,
                "remedy": found.remedy,
            }
            for found in report.shown(quiet=quiet)
        ],
        "settings": [] if quiet else [setting._asdict() for setting in report.settings],
    }
    return json.dumps(body, indent=2)


def to_text(report: Report, *, quiet: bool = False) -> str:
    """Return lines: a paragraph per finding, then the settings, then the summary."""
    findings = report.shown(quiet=quiet)
    if quiet and not findings:
        return ""
    width = max((len(found.check) for found in findings), default=0)
    lines = [line for found in findings for line in _lines(found, width)]
    if not quiet:
        lines += ["", "settings in force:", *_setting_lines(report.settings), ""]
    return "\n".join([*lines, summary(report)])


def summary(report: Report) -> str:
    """Return the last line of the report."""
    counts = Counter(found.result for found in report.findings)
    words: tuple[tuple[Result, str], ...] = (("FAIL", "failed"), ("warning", "warnings"), ("skipped", "skipped"))
    more = [f"{counts['accepted']} accepted"] if counts["accepted"] else []
    return ", ".join([f"{len(report.findings)} checks", *(f"{counts[result]} {word}" for result, word in words), *more])


def _lines(found: Finding, width: int) -> list[str]:
    lines = [f"{found.result:<8} {found.check:<{width}}  {found.seen}".rstrip()]
    if found.remedy:
        lines += textwrap.wrap(found.remedy, _WIDTH, initial_indent=f"{_INDENT}-> ", subsequent_indent=f"{_INDENT}   ")
    return lines


def _setting_lines(settings: Sequence[InForce]) -> list[str]:
    names = max((len(setting.option) for setting in settings), default=0)
    values = min(max((len(setting.value) for setting in settings), default=0), _WIDTH // 2)
    return [f"  {setting.option:<{names}}  {setting.value:<{values}}  {setting.source}" for setting in settings]


def _tables(report: Report, *, quiet: bool) -> None:
    from rich.text import Text

    findings = report.shown(quiet=quiet)
    if findings:
        # `Text` takes no brackets for markup, as a str would.
        rows = [
            (Text(found.check), Text(found.result, style=_STYLES[found.result]), Text(found.seen), Text(found.remedy))
            for found in findings
        ]
        _table(("check", "result", "seen", "remedy"), rows)
    if not quiet:
        _table(("setting in force", "value", "from"), [tuple(map(Text, setting)) for setting in report.settings])


def _table(titles: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_lines=len(titles) > 3)
    for title in titles:
        table.add_column(title, overflow="fold")  # nothing is cut
    for row in rows:
        table.add_row(*row)
    Console().print(table)
