"""What changed since an earlier version of the DAG: who gained access, and who lost it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from exclusive_redis_xcom.access import Access, telling_changes
from exclusive_redis_xcom.access.printable import cut
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.pages.access.known import MOST_VERSIONS, others_of
from exclusive_redis_xcom.pages.dag_facts import facts_of, identity
from exclusive_redis_xcom.pages.kept import Kept
from exclusive_redis_xcom.pages.moments import Moment, moment

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.changes import AccessDiff, Change
    from exclusive_redis_xcom.access.database import Version
    from exclusive_redis_xcom.pages.access.known import Known

#: So many changes are listed.
_MOST_CHANGES: Final = 100
_LONGEST: Final = 1000

_kept: Final[Kept[AccessDiff]] = Kept(32)


class VersionShown(NamedTuple):
    """A version that can be compared."""

    number: int
    written: Moment


class ChangeShown(NamedTuple):
    """A change: its kind as a word, what it is as a sentence, and what else there is to say."""

    kind: str
    title: str
    headline: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """The changes between two versions.

    Attributes:
        latest: The latest version.
        since: The earlier version that it is compared with; None if there is none.
        earlier: All versions that it can be compared with.
        rows: The changes.
        more: How many changes are not listed.
        problem: Why they cannot be compared.
    """

    latest: VersionShown
    since: VersionShown | None
    earlier: tuple[VersionShown, ...]
    rows: tuple[ChangeShown, ...] = ()
    more: int = 0
    problem: str | None = None


def changes(known: Known, since: int | None) -> Changes:
    """Compare the latest version of a DAG with an earlier one.

    Args:
        known: The DAG.
        since: The number of the earlier version; None for the one before the latest.
    """
    latest, *earlier = known.versions
    listed = tuple(map(_shown, earlier))
    chosen = next((each for each in earlier if since in (None, each.number)), None)
    if chosen is None:
        problem = None if since is None else _no_version(since)
        return Changes(_shown(latest), None, listed, problem=problem)
    try:
        diff = _compared(known, chosen)
    except ExclusiveXComError:
        problem = f"The rules of version {chosen.number} cannot be read. They were wrong, or their form is unknown."
        return Changes(_shown(latest), _shown(chosen), listed, problem=problem)
    found = [each for each in diff.changes if each.xcoms[0].dag_id == known.dag_id]
    rows = tuple(_row(known, each) for each in found[:_MOST_CHANGES])
    return Changes(_shown(latest), _shown(chosen), listed, rows, max(0, len(found) - _MOST_CHANGES))


def _no_version(number: int) -> str:
    return f"There is no earlier version {number} among the latest {MOST_VERSIONS} versions."


def _compared(known: Known, chosen: Version) -> AccessDiff:
    before = facts_of(chosen)
    # The earlier version may name DAGs that the latest one does not name.
    read = list(others_of(before, known.names))
    others = {each.dag_id: each for each in (*known.others, *(facts for facts, _ in read))}.values()

    def compare() -> AccessDiff:
        return Access([before, *others]).diff(Access([known.facts, *others]))

    return _kept.get((known.dag_id, known.identity, identity(chosen), *(version for _, version in read)), compare)


def _shown(version: Version) -> VersionShown:
    return VersionShown(version.number, moment(version.written_at))


def _row(known: Known, change: Change) -> ChangeShown:
    def short(name: str) -> str:
        return telling_changes.plain(known.names.short(name))

    change = known.names.change(change)
    return ChangeShown(
        change.kind.value,
        telling_changes.TITLES[change.kind],
        cut(telling_changes.headline(change, short), _LONGEST),
        tuple(cut(each, _LONGEST) for each in telling_changes.details(change)),
    )
