"""What was compared, and where its files lie."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.changes import Kind
from exclusive_redis_xcom.acl import source as sources

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.changes import AccessDiff, Change

_PLACE = re.compile(r"(?P<file>[^:]+(?::[^:]+)*?)(?::(?P<line>\d+))?(?:,.*| and \d+ more)?")


@dataclass(frozen=True)
class Between:
    """Two sets of DAGs.

    Attributes:
        old: What the user calls the old one.
        new: What the user calls the new one.
        folder: The folder below which the new DAG files lie, from where the command runs; "" for that folder itself.
    """

    old: str
    new: str
    folder: str = ""


def place(change: Change, diff: AccessDiff, between: Between) -> tuple[str, int | None]:
    """Return the file of a change and the line of its rule; "" and None where they are not known.

    The line of a rule that is gone would point anywhere in the new file, so it is left out.
    """
    source = None if change.rule is None else sources.read(change.rule)
    found = None if source is None or source.place is None else _PLACE.fullmatch(source.place)
    if found is None:
        file, line = diff.files.get(change.xcoms[0].dag_id, ""), None
    else:
        file, line = found["file"], None if found["line"] is None else int(found["line"])
    if not file:
        return "", None
    return posixpath.join(between.folder, file), None if change.kind is Kind.REVOKED else line
