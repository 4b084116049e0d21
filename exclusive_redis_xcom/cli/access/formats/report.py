"""What every format is written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exclusive_redis_xcom.access.finding import Check, Finding


@dataclass(frozen=True, slots=True)
class Report:
    """Findings, and what is needed to write them.

    Attributes:
        findings: The findings.
        fingerprints: The stable name of each.
        tool: Who found them.
        rules: The check of each code.
    """

    findings: tuple[Finding, ...]
    fingerprints: tuple[str, ...]
    tool: str
    rules: Mapping[str, Check]

    def pairs(self) -> Iterator[tuple[Finding, str]]:
        """Yield each finding with its fingerprint."""
        return zip(self.findings, self.fingerprints, strict=True)

    def name_of(self, finding: Finding) -> str:
        """Return the name of a finding's check."""
        return self.rules[finding.code].name


def message_of(finding: Finding) -> str:
    """Return a finding's message, which begins with the DAG if it is about one."""
    return f"DAG '{finding.dag_id}': {finding.message}" if finding.dag_id else finding.message
