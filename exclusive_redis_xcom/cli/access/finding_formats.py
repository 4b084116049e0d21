"""Findings in the formats that people and CI systems read. `FORMATS` has the names of all formats.

What a finding holds comes from DAG files: ids and keys may hold any character. Unprintable characters become "?" in all
formats but JSON, which escapes them. Each format escapes what it gives a meaning to.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.finding import fingerprints
from exclusive_redis_xcom.cli.access.formats import github, gitlab, json_format, junit, sarif, text
from exclusive_redis_xcom.cli.access.formats.report import Report
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exclusive_redis_xcom.access.finding import Check, Finding

#: So much of a message, an id or a path is written. A CI system may refuse a longer text.
_MOST = 4000

_WRITERS = {
    "text": text.write,
    "json": json_format.write,
    "github": github.write,
    "sarif": sarif.write,
    "gitlab": gitlab.write,
    "junit": junit.write,
}

#: The names of all formats.
FORMATS: Final = tuple(_WRITERS)


def render(
    findings: Sequence[Finding],
    format: str,
    *,
    tool: str,
    rules: Mapping[str, Check],
) -> str:
    """Write findings in a format.

    Args:
        findings: The findings, in the order in which they are written. Their files are written as they are, so they
            should lie below the repository.
        format: One of `FORMATS`.
        tool: Who found them, such as `exclusive-xcom lint`.
        rules: The check of each code that a finding may have.

    Returns:
        The text, which ends with a line feed; "" where the format has nothing to say.
    """
    shown = findings if format == "json" else [_printable(finding) for finding in findings]
    return _WRITERS[format](Report(tuple(shown), tuple(fingerprints(findings)), tool, rules))


def _printable(finding: Finding) -> Finding:
    file = _shown(finding.file)
    return replace(
        finding,
        message=_shown(finding.message),
        remedy=_shown(finding.remedy),
        dag_id=_shown(finding.dag_id),
        subject=_shown(finding.subject),
        file=posixpath.normpath(file) if file else "",  # some services take "./" for another file
    )


def _shown(text: str) -> str:
    return one_line(text, _MOST)
