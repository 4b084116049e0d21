"""Findings for people: two lines for each, and a line that counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.finding import LEVELS
from exclusive_redis_xcom.cli.access.formats.report import message_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.finding import Finding
    from exclusive_redis_xcom.cli.access.formats.report import Report


def write(report: Report) -> str:
    """Write findings as `FILE:LINE: LEVEL CODE: MESSAGE`, with the remedy below."""
    lines = [line for finding in report.findings for line in _lines(finding)]
    return "\n".join([*lines, _count(report), ""])


def _lines(finding: Finding) -> tuple[str, str]:
    line = "" if finding.line is None else f":{finding.line}"
    return f"{finding.file}{line}: {finding.level} {finding.code}: {message_of(finding)}", f"    {finding.remedy}"


def _count(report: Report) -> str:
    found = [finding.level for finding in report.findings]
    if not found:
        return "No findings."
    counts = ((found.count(level), level) for level in LEVELS)
    parts = [f"{count} {level}{'' if count == 1 else 's'}" for count, level in counts if count]
    return f"{len(found)} finding{'' if len(found) == 1 else 's'}: {', '.join(parts)}."
