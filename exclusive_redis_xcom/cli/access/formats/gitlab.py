"""Findings as GitLab's Code Quality report, a form of Code Climate's. Every field that GitLab requires is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.cli.access.formats.report import message_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.finding import Finding
    from exclusive_redis_xcom.cli.access.formats.report import Report

_SEVERITIES: Final = {"error": "major", "warning": "minor", "note": "info"}


def write(report: Report) -> str:
    """Write a list with an object for each finding. Line 1 stands where no line is known."""
    return f"{json.dumps([_issue(finding, name) for finding, name in report.pairs()], indent=2)}\n"


def _issue(finding: Finding, fingerprint: str) -> dict[str, Any]:
    return {
        "description": f"{message_of(finding)} {finding.remedy}",
        "check_name": finding.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.level],
        "location": {"path": finding.file or "unknown", "lines": {"begin": finding.line or 1}},
    }
