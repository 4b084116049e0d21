"""Findings as JSON: `{"schema": 1, "tool": ..., "findings": [...]}`. Later versions only add fields."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exclusive_redis_xcom.cli.access.formats.report import Report

SCHEMA = 1


def write(report: Report) -> str:
    """Write findings in ASCII. Half a surrogate pair becomes "?", because many programs refuse it."""
    findings = [
        {**asdict(finding), "name": report.name_of(finding), "fingerprint": fingerprint}
        for finding, fingerprint in report.pairs()
    ]
    written = {"schema": SCHEMA, "tool": report.tool, "findings": [_valid(finding) for finding in findings]}
    return f"{json.dumps(written, indent=2)}\n"


def _valid(finding: dict[str, object]) -> dict[str, object]:
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in finding.items()
    }
