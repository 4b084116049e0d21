"""Findings as SARIF 2.1.0, the OASIS standard that code scanning services read."""

from __future__ import annotations

import json
import posixpath
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from exclusive_redis_xcom.cli.access.formats.report import message_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.finding import Check, Finding
    from exclusive_redis_xcom.cli.access.formats.report import Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: The name of our fingerprints, with the version of what they are made from. GitHub makes one of its own beside it.
FINGERPRINT = "exclusiveXcom/v1"
_ROOT = "%SRCROOT%"
#: How GitHub sorts rules.
_PROBLEMS: Final = {"error": "error", "warning": "warning", "note": "recommendation"}


def write(report: Report) -> str:
    """Write a log with one run."""
    codes = sorted(report.rules)
    index = {code: position for position, code in enumerate(codes)}
    driver = {
        "name": report.tool,
        "version": version("exclusive-redis-xcom"),
        "rules": [_descriptor(report.rules[code]) for code in codes],
    }
    results = [_result(finding, name, index) for finding, name in report.pairs()]
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder in which the command ran."}}},
        "results": results,
    }
    return f"{json.dumps({'$schema': _SCHEMA, 'version': '2.1.0', 'runs': [run]}, indent=2)}\n"


def _descriptor(check: Check) -> dict[str, Any]:
    example = f"\n\n```python\n{check.example.strip()}\n```" if check.example else ""
    return {
        "id": check.code,
        "name": "".join(part.capitalize() for part in check.name.split("-")),
        "shortDescription": {"text": check.what},
        "fullDescription": {"text": f"{check.what} {check.why}"},
        "help": {
            "text": f"{check.why} {check.fix}",
            "markdown": f"{check.why}{example}\n\n{check.fix}",
        },
        "defaultConfiguration": {"level": check.level},
        "properties": {"tags": ["access-control", "xcom"], "problem.severity": _PROBLEMS[check.level]},
    }


def _result(finding: Finding, fingerprint: str, index: dict[str, int]) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": finding.level,
        "message": {"text": _plain(f"{message_of(finding)} {finding.remedy}")},
        "locations": [_location(finding)],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }


def _plain(text: str) -> str:
    """Return a text without links: in a SARIF message, `[text](target)` is one."""
    return text.replace("](", "] (")


def _location(finding: Finding) -> dict[str, Any]:
    named = f"{finding.dag_id}:{finding.subject}" if finding.dag_id else finding.subject
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": named}]}
    if finding.file:
        location["physicalLocation"] = {
            "artifactLocation": _artifact(finding.file),
            # GitHub shows no result without a line.
            "region": {"startLine": finding.line or 1},
        }
    return location


def _artifact(file: str) -> dict[str, str]:
    if posixpath.isabs(file):
        return {"uri": f"file://{quote(file)}"}
    return {"uri": quote(file), "uriBaseId": _ROOT}
