"""Comments that leave a finding out: `# exclusive-xcom: ignore EX106` on the line of the finding.

A comment names each code. A comment without a code ignores nothing: a later finding on the line would go unseen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exclusive_redis_xcom.access.finding import Finding

_COMMENT = re.compile(r"#\s*exclusive-xcom:\s*ignore\s+(EX\d{3}(?:[\s,]+EX\d{3})*)(?!\w)")


def without_suppressed(findings: Iterable[Finding], texts: Mapping[str, str]) -> list[Finding]:
    """Return the findings that no comment ignores.

    Args:
        findings: Findings. One without a line cannot be ignored by a comment.
        texts: The text of each file, by the name that findings have for it.
    """
    lines = {file: text.splitlines() for file, text in texts.items()}
    return [each for each in findings if each.code not in _ignored(each, lines.get(each.file, []))]


def _ignored(finding: Finding, lines: list[str]) -> set[str]:
    if finding.line is None or not 0 < finding.line <= len(lines):
        return set()
    return {code for codes in _COMMENT.findall(lines[finding.line - 1]) for code in re.findall(r"EX\d{3}", codes)}
