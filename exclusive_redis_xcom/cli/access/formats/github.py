"""Findings as workflow commands of GitHub Actions. It shows them as annotations of the lines.

GitHub documents the form `::LEVEL NAME=VALUE,...::MESSAGE`, and that a message and a value are escaped as here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.cli.access.formats.report import message_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.finding import Finding
    from exclusive_redis_xcom.cli.access.formats.report import Report

_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}
_IN_MESSAGES: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_VALUES: Final = {**_IN_MESSAGES, **str.maketrans({":": "%3A", ",": "%2C"})}


def write(report: Report) -> str:
    """Write one command for each finding."""
    return "".join(f"{_command(finding, report.name_of(finding))}\n" for finding in report.findings)


def _command(finding: Finding, name: str) -> str:
    values = {
        "file": finding.file or None,
        "line": None if finding.line is None else str(finding.line),
        "title": f"{finding.code} {name}",
    }
    written = ",".join(f"{key}={value.translate(_IN_VALUES)}" for key, value in values.items() if value is not None)
    message = f"{message_of(finding)}\n{finding.remedy}".translate(_IN_MESSAGES)
    return f"::{_COMMANDS[finding.level]} {written}::{message}"
