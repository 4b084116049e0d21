"""The formats of a difference in access. `FORMATS` has the names of all formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.cli.access.diff_formats import as_findings, as_json, as_markdown, as_text

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.changes import AccessDiff
    from exclusive_redis_xcom.cli.access.diff_formats.between import Between

_WRITERS = {
    "text": as_text.write,
    "json": as_json.write,
    "markdown": as_markdown.write,
    "github": as_findings.write_github,
    "sarif": as_findings.write_sarif,
}

#: The names of all formats.
FORMATS: Final = tuple(_WRITERS)


def render(diff: AccessDiff, between: Between, format: str) -> str:
    """Write a difference.

    Args:
        diff: The difference.
        between: What was compared.
        format: One of `FORMATS`.
    """
    return _WRITERS[format](diff, between)
