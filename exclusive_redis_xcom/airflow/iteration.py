"""Items of lazy sequences: iterators, and numbers that follow one another, walk and read ahead (`walk.py`).

`xs.map(f)`, `xs.zip(ys)` and `xs.concat(ys)` have no iterator of their own. Python asks them for item 0, 1, 2 and so
on, and they ask the sequences inside. Whoever asks for the number after the last one goes on with the same walk.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.airflow import unanswered
from exclusive_redis_xcom.airflow.asking import Asking, on_behalf_of
from exclusive_redis_xcom.airflow.failures import counted_pull
from exclusive_redis_xcom.airflow.next_rows import RowSource
from exclusive_redis_xcom.airflow.slices import READ_AHEAD
from exclusive_redis_xcom.airflow.walk import END, Walk
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.task import observing
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.airflow.rows import Asked
    from exclusive_redis_xcom.task.observing import OnePull

#: So many walks by numbers go on side by side in one sequence. Two loops over one `xs.map(f)` are two.
_MOST_WALKS = 4


@dataclass(slots=True)
class _Known:
    """What is known of a sequence that a task holds: what was recorded for it, and the walks by numbers, newest last.

    `xs` is a weak reference to the sequence.
    """

    xs: weakref.ref[Any]
    pull: OnePull | None = None
    walks: list[Walk] = field(default_factory=list)


#: By the sequence's `id`. Airflow's sequences are not hashed by identity.
_known: dict[int, _Known] = {}

#: Held while a walk is chosen, and never while anybody waits for Redis or the API server.
_choosing = threading.Lock()


def can_walk(xs: Any) -> bool:
    """Tell whether the class of a sequence allows for weak references. That of a later Airflow may not."""
    return type(xs).__weakrefoffset__ != 0


class WalkingIterator(Iterator[Any]):
    """What `iter(xs)` returns.

    Args:
        xs: The sequence.
        airflows: Airflow's `LazyXComSequence.__getitem__`.
        asked: What the sequence asks for.
    """

    def __init__(self, xs: Any, airflows: Callable[[Any, Any], Any], asked: Asked) -> None:
        self._xs, self._asked = xs, asked
        self._walk = Walk(_row_source(xs, airflows, asked), asked)

    def __iter__(self) -> WalkingIterator:
        """Return itself."""
        return self

    @errors_without_locals
    def __next__(self) -> Any:
        """Return the next item.

        Raises:
            StopIteration: Airflow has no further row. If one is pushed later, the next call returns its value.
            ExclusiveXComError: As for `xcom_pull`. The next call tries the same item again.
        """
        found = _stepped(self._xs, self._walk, self._asked)
        if found is END:
            raise StopIteration
        return found


def item(xs: Any, airflows: Callable[[Any, Any], Any], asked: Asked, index: int) -> Any:
    """Return one item.

    Args:
        xs: The sequence.
        airflows: Airflow's `LazyXComSequence.__getitem__`.
        asked: What the sequence asks for.
        index: The number of the item, from 0 on.

    Raises:
        IndexError: There is no such item.
        ExclusiveXComError: As for `xcom_pull`.
    """
    walks = _known_of(xs).walks
    walk = _taken(walks, index) or Walk(_row_source(xs, airflows, asked), asked, index, alone=True)
    try:
        found = _stepped(xs, walk, asked)
    finally:
        with _choosing:
            walks.append(walk)
            del walks[:-_MOST_WALKS]
    if found is END:
        raise IndexError(index)
    return found


@contextlib.contextmanager
def one_pull_of(xs: Any) -> Iterator[None]:
    """Let everything that a task reads of one sequence count as one pull, also where it iterates."""
    known = _known_of(xs) if can_walk(xs) else None
    begun = observing.begin(None if known is None else known.pull)
    try:
        yield
    finally:
        if begun is not None:
            observing.end(begun)
            if known is not None:
                known.pull = begun


def _taken(walks: list[Walk], index: int) -> Walk | None:
    """Take the newest walk that comes to an item next out of the list, so that no other thread moves it meanwhile."""
    with _choosing:
        found = next((one for one in reversed(walks) if one.index == index), None)
        if found is not None:
            walks.remove(found)
        return found


def _stepped(xs: Any, walk: Walk, asked: Asked) -> Any:
    with one_pull_of(xs), counted_pull.of(asked):
        return walk.step()


def _row_source(xs: Any, airflows: Callable[[Any, Any], Any], asked: Asked) -> RowSource:
    """Return how to ask Airflow for rows. What is returned does not keep the sequence."""
    reference = weakref.ref(xs)

    def rows(start: int, stop: int) -> Sequence[Any]:
        with on_behalf_of(Asking(asked, rows=True)), unanswered.typed(asked):
            return references.expanded(airflows(reference(), slice(start, stop, READ_AHEAD)))

    def row(index: int) -> Any:
        with on_behalf_of(Asking(asked, rows=True)), unanswered.typed(asked):
            return airflows(reference(), index)

    def row_at(map_index: int) -> Any:
        from airflow.sdk.execution_time.comms import GetXCom, XComResult
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        with unanswered.typed(asked):
            answer = SUPERVISOR_COMMS.send(GetXCom(**asked.ids, map_index=map_index))
        if not isinstance(answer, XComResult):
            raise TypeError(f"Airflow answered with {type(answer).__name__} to GetXCom")
        return answer.value

    return RowSource(rows, row, row_at)


def _known_of(xs: Any) -> _Known:
    known = _known.get(id(xs))
    if known is None:
        known = _known[id(xs)] = _Known(weakref.ref(xs, functools.partial(_forget, id(xs))))
    return known


def _forget(number: int, _: object) -> None:
    _known.pop(number, None)
