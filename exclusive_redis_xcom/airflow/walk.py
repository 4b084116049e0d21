"""Walk over the results of a mapped task, one after the other, and read ahead of the walk.

Airflow's own iterator asks for one row at a time, by its number among the rows at that moment. A walk asks Redis for
chunks if Redis can prove that it has all rows (`Store.fetch_chunk`), and else Airflow for slices of rows. Its answers
are those of Airflow's iterator where no row comes or goes meanwhile. Where rows do:

- A walk goes on after the map_index of its last item. So no item comes twice, and no row that is there all the time is
  left out. By number, Airflow would do both.
- An item is at most `MOST_SECONDS` older than the moment at which the task gets it. That holds for the end, too.
- An error is raised at its own item, and asking again asks anew. A read-once value is claimed at its turn.

What is read ahead is bounded by `MOST_ITEMS` and `MOST_BYTES`. At first it is less, because a task may stop early.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from exclusive_redis_xcom.airflow import next_rows
from exclusive_redis_xcom.airflow.instances import AIRFLOW_NAMES_INSTANCES
from exclusive_redis_xcom.airflow.rows import as_airflow_would, is_plain, resolve
from exclusive_redis_xcom.errors import ExclusiveXComError, XComExpired
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.task import ahead, direct_ahead
from exclusive_redis_xcom.task.access import current_access
from exclusive_redis_xcom.task.open_seals import is_withheld

if TYPE_CHECKING:
    from exclusive_redis_xcom.airflow.next_rows import RowSource
    from exclusive_redis_xcom.airflow.rows import Asked
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.task.ahead import Ahead

#: So much is read ahead, at most. The last value in it may be larger.
MOST_ITEMS: Final = 256
MOST_BYTES: Final = 8 * 1024 * 1024

#: What was read ahead longer ago is read again.
MOST_SECONDS: Final = 5.0

#: A task that iterates gets so many items at first, and each time four times as many as before.
_FIRST_ITEMS: Final = 32
_FIRST_BYTES: Final = 1024 * 1024
_GROWTH: Final = 4

END: Final = object()


class Walk:
    """The items of a sequence from a number on.

    Args:
        source: How to ask Airflow.
        asked: What is pulled.
        index: The number of the first item.
        alone: Whether the task has asked for one item, and may not ask for the next.
    """

    def __init__(self, source: RowSource, asked: Asked, index: int = 0, *, alone: bool = False) -> None:
        #: The number of the item that comes next, as the task counts.
        self.index = index
        self._source, self._asked = source, asked
        self._offset = index  # as Airflow counts; it differs if rows come and go
        self._after: int | None = None  # the map_index of the last item, if it is known
        self._is_first = index == 0  # nothing comes before the next item
        self._values: deque[Ahead | _Plain] = deque()
        self._rows: deque[Any] = deque()
        self._is_last = False  # no row follows those at hand
        self._read_at = 0.0
        self._size, self._bytes = 1 if alone else _FIRST_ITEMS, _FIRST_BYTES
        self._served = 0  # since the last read
        self._eligible: Any = _NOT_ASKED  # then what `eligible_loop` returns
        self._lock = threading.RLock()

    def step(self) -> Any:
        """Return the next item, or `END`. If this raises, the next step tries the same item again."""
        with self._lock:
            if time.monotonic() - self._read_at > MOST_SECONDS and (self._values or self._rows or self._is_last):
                self._forget()
                self._size, self._bytes = max(1, self._served), _FIRST_BYTES  # the task takes its time
            if not (self._values or self._rows or self._is_last):
                self._read()
            if self._rows and not self._values:
                self._fetch()
            return self._next()

    def _next(self) -> Any:
        if self._values:
            return self._of_ahead(self._values[0])
        if self._rows:
            return self._of_row(self._rows[0])
        if self._is_last:
            self._is_last = False  # whoever asks once more, asks anew
            return END
        return self._alone()

    def _of_ahead(self, first: Ahead | _Plain) -> Any:
        try:
            value = (
                as_airflow_would(first.row) if isinstance(first, _Plain) else ahead.value_of(current_access(), first)
            )
        except ExclusiveXComError:
            # What is wrong with it, if anything still is, is said by a pull of it alone.
            return self._alone(None if isinstance(first, _Plain) else first.map_index)
        self._values.popleft()
        self._went_past(None if isinstance(first, _Plain) else first.map_index)
        return value

    def _of_row(self, row: Any) -> Any:
        """Return the value of a row that is special. The API server may have to be asked for it alone."""
        map_index = references.map_index_of(row)
        if _is_withheld(row):
            return self._alone(map_index)
        try:
            (value,) = resolve([row], self._asked)
        except XComExpired:
            return self._alone(map_index)  # it may have been pushed again
        self._rows.popleft()
        self._went_past(map_index)
        return value

    def _alone(self, expected: int | None = None) -> Any:
        """Ask for the next item alone.

        Args:
            expected: Its map_index when it was read ahead. By its number, Airflow could find another row by now, and
                the API server would claim that one. It is None if the item was not read ahead.
        """
        if expected is not None:
            found = self._source.row_at(expected)
            if found is not None:
                (value,) = resolve([found], self._asked)
                (self._values or self._rows).popleft()
                self._went_past(expected)
                return value
            self._offset = next_rows.after(self._source, self._after, self._offset, 1).number
        self._forget()
        row = self._row()
        if row is None:
            return END
        (value,) = resolve([row.value], self._asked)
        self._went_past(references.map_index_of(row.value))
        if self._size == 1:
            self._size = _FIRST_ITEMS
        return value

    def _row(self) -> _Row | None:
        try:
            return _Row(self._source.row(self._offset))
        except IndexError:
            return None

    def _went_past(self, map_index: int | None) -> None:
        self.index += 1
        self._offset += 1
        self._served += 1
        self._after, self._is_first = map_index, False

    def _forget(self) -> None:
        self._values.clear()
        self._rows.clear()
        self._is_last = False

    def _read(self) -> None:
        """Read what comes next, unless the first item alone is wanted and Redis alone cannot answer."""
        size, self._served = self._size, 0
        self._read_at = time.monotonic()
        if self._directly(size):
            self._grow()
        elif size > 1 or self._after is not None:
            self._ask_for_rows(size)
            self._grow()

    def _grow(self) -> None:
        self._size = _FIRST_ITEMS if self._size == 1 else min(self._size * _GROWTH, MOST_ITEMS)
        self._bytes = min(self._bytes * _GROWTH, MOST_BYTES)

    def _directly(self, size: int) -> bool:
        if self._after is None and not self._is_first:
            return False  # the map_index from which to go on is not known
        eligible = self._found_eligible()
        if eligible is None:
            return False
        start = 0 if self._after is None else self._after + 1
        chunk = direct_ahead.fetch(current_access(), eligible, start, size, self._bytes)
        if chunk is None:
            self._eligible = None  # for the rest of this walk, each try would cost a round trip
            return False
        self._values.extend(chunk.values)
        self._is_last = chunk.is_last
        return True

    def _found_eligible(self) -> Any:
        if self._eligible is _NOT_ASKED:
            self._eligible = None if AIRFLOW_NAMES_INSTANCES else direct_ahead.eligible_loop(self._asked.ids)
        return self._eligible

    def _ask_for_rows(self, size: int) -> None:
        found = next_rows.after(self._source, self._after, self._offset, size)
        self._offset = found.number
        self._rows.extend(found.rows)
        self._is_last = found.are_last

    def _fetch(self) -> None:
        """Read the values of the first rows from Redis, up to one that is special.

        Rows that hold no reference come apart. If Redis cannot be asked, that is said at the first reference.
        """
        found: list[Reference | _Plain] = []
        for row in itertools.islice(self._rows, MOST_ITEMS):
            usable = _usable(row, self._asked)
            if usable is None or (found and isinstance(usable, _Plain) != isinstance(found[0], _Plain)):
                break
            found.append(usable)
        ours = [one for one in found if not isinstance(one, _Plain)]
        values = iter(ahead.fetch(current_access(), ours, self._bytes) if ours else ())
        for one in found:
            value = one if isinstance(one, _Plain) else next(values, None)
            if value is None:
                break
            self._values.append(value)
            self._rows.popleft()


_NOT_ASKED: Final = object()


class _Row(NamedTuple):
    """A row that Airflow has found. Its value may be None."""

    value: Any


class _Plain(NamedTuple):
    """A row that holds no reference."""

    row: Any


def _usable(row: Any, asked: Asked) -> Reference | _Plain | None:
    """Return the reference in a row, or the row if it holds none; None if an error must be raised at it."""
    try:
        if is_plain(row, asked):
            return _Plain(row)
        found = references.parse(row)
        asked.require(found)
    except ExclusiveXComError:
        return None
    return found


def _is_withheld(row: Any) -> bool:
    """Tell whether the API server must be asked for a read-once value alone."""
    try:
        return references.is_reference(row) and is_withheld(references.parse(row))
    except ExclusiveXComError:
        return False
