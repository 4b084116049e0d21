"""The words for changes. Names come from DAG files: unprintable characters become "?"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.changes import Kind
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.access.changes import AccessDiff, Change
    from exclusive_redis_xcom.access.reader_groups import ReaderGroup

TITLES: Final = {
    Kind.GAINED: "GAINED",
    Kind.MAYBE_GAINED: "MAYBE GAINED",
    Kind.REVOKED: "REVOKED",
    Kind.CHANGED: "CHANGED",
}
_VERBS: Final = {
    Kind.GAINED: "may now read",
    Kind.MAYBE_GAINED: "may perhaps read",
    Kind.REVOKED: "may no longer read",
    Kind.CHANGED: "may perhaps still read",
}
_EFFECTS: Final = {
    "wider": "readers get more than before",
    "narrower": "readers get less than before",
    "unknown": "it cannot be known whether readers get more",
}
_MOST_NAME = 800
_MOST_READERS = 10
_MOST_XCOMS = 10


def plain(name: str) -> str:
    """Return a name for a terminal."""
    return one_line(name, _MOST_NAME)


def headline(change: Change, write: Callable[[str], str] = plain) -> str:
    """Say what changes for whom, as in `sales/report may now read sales/extract:token`.

    Args:
        change: The change.
        write: Writes a name.
    """
    xcoms = _listed([write(f"{xcom.dag_id}/{xcom.task_id}:{xcom.key}") for xcom in change.xcoms], _MOST_XCOMS)
    if not change.readers:
        return xcoms
    readers = _listed([_reader(each, write) for each in change.readers], _MOST_READERS)
    return f"{readers} {_VERBS[change.kind]} {xcoms}"


def details(change: Change) -> list[str]:
    """Return what else there is to say, as clauses."""
    found = [one_line(why, _MOST_NAME) for why in change.why]
    if change.effect is not None and not change.readers:
        found.append(_EFFECTS[change.effect])
    if change.rule is not None:
        old = "old rule" if change.kind is Kind.REVOKED else "rule"
        found.append(f"{old}: {one_line(change.rule, _MOST_NAME)}")
    return found


def summary(diff: AccessDiff) -> str:
    """Count the changes of each kind, and what did not change."""
    counts = ", ".join(f"{len(diff.of(kind))} {title.lower()}" for kind, title in TITLES.items())
    return f"{counts}; {_xcoms(diff.unchanged)} unchanged; {unknown(diff)}"


def unknown(diff: AccessDiff) -> str:
    """Say how much cannot be known."""
    return f"{_xcoms(diff.unknown)} with readers that cannot be known, before and now"


def _xcoms(count: int) -> str:
    return f"{count} XCom{'' if count == 1 else 's'}"


def _reader(readers: ReaderGroup, write: Callable[[str], str]) -> str:
    name = write(readers.name)
    if "*" in readers.name:
        count = len(readers.tasks)
        name = f"{name} ({count} task{'' if count == 1 else 's'})" if count else name
    if readers.without:
        name = f"{name} except {_listed([write(each) for each in readers.without], _MOST_READERS)}"
    return name


def _listed(names: Sequence[str], most: int) -> str:
    more = len(names) - most
    if more > 0:
        return f"{', '.join(names[:most])} and {more} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
