"""A difference in access as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import telling_changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.access.changes import AccessDiff
    from exclusive_redis_xcom.cli.access.diff_formats.between import Between


def write(diff: AccessDiff, between: Between) -> str:  # noqa: ARG001 - all formats have the same arguments
    """Write all changes by kind, then a line that counts them."""
    return "".join(f"{line}\n" for line in (*_lines(diff), telling_changes.summary(diff)))


def _lines(diff: AccessDiff) -> Iterator[str]:
    for kind, title in telling_changes.TITLES.items():
        changes = diff.of(kind)
        if not changes:
            continue
        yield title
        for change in changes:
            yield f"  {telling_changes.headline(change)}"
            yield from (f"    {detail}" for detail in telling_changes.details(change))
        yield ""
