"""What changes for whom between two sets of DAGs: who may read what they might not read before, and the reverse.

Sets of readers are compared, and never the texts of rules. So a rule that is written in another way with the same
effect is no change. A set is kept as a name or pattern as long as that is possible.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access.changes import AccessDiff, Change, Kind
from exclusive_redis_xcom.access.known_tasks import KnownTasks
from exclusive_redis_xcom.access.reader_groups import ReaderGroup, grouped
from exclusive_redis_xcom.access.snapshot import XCom
from exclusive_redis_xcom.access.task_patterns import is_covered
from exclusive_redis_xcom.acl.glob import is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta

    from exclusive_redis_xcom.access.changes import Effect
    from exclusive_redis_xcom.access.effective_rule import EffectiveRule
    from exclusive_redis_xcom.access.snapshot import Snapshot


def compare(old: Snapshot, new: Snapshot) -> AccessDiff:
    """Tell what changes from one snapshot to the next."""
    comparison = _Comparison(old, new)
    unchanged = unknown = 0
    for dag_id, task_id in sorted({xcom[:2] for side in (old, new) for xcom in side.xcoms()}):
        for same, is_unknown in comparison.take_task(dag_id, task_id):
            unchanged += same and not is_unknown
            unknown += same and is_unknown
    return AccessDiff(comparison.changes(), unchanged, unknown, {**old.files, **new.files})


class _Part(NamedTuple):
    """One change of one XCom, before those of several XComs are put together."""

    kind: Kind
    readers: tuple[ReaderGroup, ...]
    why: tuple[str, ...] = ()
    effect: Effect | None = None


class _Comparison:
    def __init__(self, old: Snapshot, new: Snapshot) -> None:
        self._old, self._new = old, new
        self._before, self._after = KnownTasks(old.tasks), KnownTasks(new.tasks)
        self._same_tasks = old.tasks == new.tasks
        self._parts = lru_cache(maxsize=None)(self._compared)
        self._found: dict[tuple[_Part, str | None], list[XCom]] = defaultdict(list)

    def changes(self) -> tuple[Change, ...]:
        """Return all changes found so far, put together."""
        kinds = list(Kind)
        changes = [
            Change(part.kind, part.readers, tuple(sorted(xcoms)), part.why, part.effect, rule)
            for (part, rule), xcoms in self._found.items()
        ]
        return tuple(sorted(changes, key=lambda change: (kinds.index(change.kind), change.xcoms, change.readers)))

    def take_task(self, dag_id: str, task_id: str) -> Iterator[tuple[bool, bool]]:
        """Compare all XComs of a task.

        Yields:
            For each known XCom, whether it is unchanged, and whether some of its readers are unknown.
        """
        keys = {key for side in (self._old, self._new) for key in side.rules.get(dag_id, {}).get(task_id, {})}
        seen = set()
        for key in sorted(keys, key=lambda key: (is_pattern(key), key)):
            xcom = XCom(dag_id, task_id, key)
            old, new = self._old.rule(xcom), self._new.rule(xcom)
            parts = self._of_others(xcom, self._parts(old, new, dag_id))
            if is_pattern(key):
                if parts not in seen:  # what holds for a known key of the task is not said again for computed ones
                    self._keep(xcom, [_computed(part) for part in parts], old, new)
                continue
            seen.add(parts)
            self._keep(xcom, parts, old, new)
            reading = self._after.reading(new, dag_id)
            yield not parts, bool(reading.maybe or reading.outside)

    def _keep(self, xcom: XCom, parts: Iterable[_Part], old: EffectiveRule | None, new: EffectiveRule | None) -> None:
        for part in parts:
            of_rule = old if part.kind is Kind.REVOKED or new is None else new
            self._found[part, None if of_rule is None else of_rule.source].append(xcom)

    def _of_others(self, xcom: XCom, parts: tuple[_Part, ...]) -> tuple[_Part, ...]:
        """Leave out the producer, who may always read its own XComs."""
        own = f"{xcom.dag_id}/{xcom.task_id}"
        found = []
        for part in parts:
            readers = tuple(each for each in part.readers if not each.is_only(own))
            if readers or not part.readers:
                found.append(part if len(readers) == len(part.readers) else part._replace(readers=readers))
        return tuple(found)

    def _compared(self, old: EffectiveRule | None, new: EffectiveRule | None, dag_id: str) -> tuple[_Part, ...]:
        return (*self._readers(old, new, dag_id), *self._conditions(old, new, dag_id))

    def _readers(self, old: EffectiveRule | None, new: EffectiveRule | None, dag_id: str) -> Iterator[_Part]:
        before, after = self._before.reading(old, dag_id), self._after.reading(new, dag_id)
        if old == new and self._same_tasks:
            return
        was, now = (old.names if old else frozenset()), (new.names if new else frozenset())
        known, was_open = before.yes | before.maybe, _open_to(after.maybe, was, self._before)
        yield from self._gained(Kind.GAINED, after.yes - before.yes, now, old)
        for part in self._gained(Kind.MAYBE_GAINED, after.maybe - known - was_open, now, old):
            yield part._replace(why=(*part.why, _why_maybe(new)))
        gained = frozenset(name for name in after.outside if not is_covered(name, was))
        if gained:
            yield _Part(Kind.MAYBE_GAINED, _outside(gained), (*_is_new(old), _OUTSIDE))
        lost = known - after.yes - after.maybe
        open_still = _open_to(lost, now, self._after)
        yield from self._lost(lost - open_still, was, new)
        lost_names = frozenset(name for name in before.outside if not is_covered(name, now))
        if lost_names:
            yield _Part(Kind.REVOKED, _outside(lost_names), (*_is_gone(new), _OUTSIDE))
        weaker = before.yes & (after.maybe | open_still)
        if weaker:
            yield _Part(
                Kind.CHANGED, grouped(weaker, was, self._before), ("it is no longer certain that they may",), "narrower"
            )

    def _gained(
        self, kind: Kind, tasks: frozenset[str], names: frozenset[str], old: EffectiveRule | None
    ) -> Iterator[_Part]:
        if old is None:
            if tasks:
                yield _Part(kind, grouped(tasks, names, self._after), _is_new(old))
            return
        fresh = frozenset(task for task in tasks if task not in self._before)
        for some, why in ((tasks - fresh, ()), (fresh, (_NEW_TASK,))):
            if some:
                yield _Part(kind, grouped(some, names, self._after), why)

    def _lost(self, tasks: frozenset[str], names: frozenset[str], new: EffectiveRule | None) -> Iterator[_Part]:
        if new is None:
            if tasks:
                yield _Part(Kind.REVOKED, grouped(tasks, names, self._before), _is_gone(new))
            return
        gone = frozenset(task for task in tasks if task not in self._after)
        for some, why in ((tasks - gone, ()), (gone, ("the task is gone",))):
            if some:
                yield _Part(Kind.REVOKED, grouped(some, names, self._before), why)

    def _conditions(self, old: EffectiveRule | None, new: EffectiveRule | None, dag_id: str) -> Iterator[_Part]:
        """Yield the change of conditions. How long a value is kept counts even where nobody but its producer reads."""
        if old is None or new is None:
            return
        before, after = self._before.reading(old, dag_id), self._after.reading(new, dag_id)
        kept = (before.yes | before.maybe) & (after.yes | after.maybe)
        found = [*_ttl(old.ttl, new.ttl), *_restricted(old.restricted, new.restricted)]
        # A DAG may be here in one version alone. Then a reader is a task in one, and a name in the other.
        if kept or (before.outside and any(after)) or (after.outside and any(before)):
            found += [*_flag("same_run", old.same_run, new.same_run), *_flag("once", old.once, new.once)]
        if found:
            effects = {effect for _, effect in found}
            effect: Effect = next(each for each in ("wider", "unknown", "narrower") if each in effects)
            yield _Part(Kind.CHANGED, (), tuple(text for text, _ in found), effect)


_NEW_TASK = "the task is new"
_OUTSIDE = "no such DAG is here, so nobody can know"


def _open_to(tasks: frozenset[str], names: frozenset[str], known: KnownTasks) -> frozenset[str]:
    """Return those tasks of DAGs that are not in a set of DAGs, and that a rule there names all the same."""
    return frozenset(task for task in tasks if not known.has_dag_of(task) and is_covered(task, names))


def _outside(names: Iterable[str]) -> tuple[ReaderGroup, ...]:
    return tuple(ReaderGroup(name) for name in sorted(names))


def _is_new(old: EffectiveRule | None) -> tuple[str, ...]:
    return ("the XCom is new",) if old is None else ()


def _is_gone(new: EffectiveRule | None) -> tuple[str, ...]:
    return ("the XCom is gone",) if new is None else ()


def _why_maybe(new: EffectiveRule | None) -> str:
    if new is not None and new.unsure:
        return "it cannot be known what the code pushes or takes"
    return "a task of another DAG is rarely in a run of the same id"


def _computed(part: _Part) -> _Part:
    """Return a change for keys that are not known: whether there are such keys cannot be known."""
    why = (*part.why, "code may push keys that are not known")
    if part.kind is Kind.GAINED:
        return part._replace(kind=Kind.MAYBE_GAINED, why=why)
    return part._replace(why=why, effect="unknown" if part.effect == "wider" else part.effect)


def _ttl(old: timedelta | None, new: timedelta | None) -> Iterator[tuple[str, Effect]]:
    if old == new:
        return
    text = f"ttl: {_duration(old)} before, {_duration(new)} now"
    if old is None:
        yield text, "unknown"  # the setting may be shorter
    elif new is None:
        yield text, "wider"  # a limit less
    else:
        yield text, "wider" if new > old else "narrower"


def _flag(name: str, old: bool, new: bool) -> Iterator[tuple[str, Effect]]:
    if old != new:
        yield (f"{name} is dropped", "wider") if old else (f"{name} is added", "narrower")


def _restricted(old: bool, new: bool) -> Iterator[tuple[str, Effect]]:
    shown = ": logs and rendered fields may show the value" if old else ""
    yield from ((f"{text}{shown}", effect) for text, effect in _flag("restricted", old, new))


def _duration(ttl: timedelta | None) -> str:
    return "that of the setting" if ttl is None else f"{ttl.total_seconds():g} s"
