"""Read all rows of an XCom key in slices, so that no call of Airflow's API server takes long.

Airflow's client gives a call 5 seconds, and then asks again (`[workers] execution_api_timeout`). With `enforcement =
server`, the API server opens the seal of each reference in its answer.

Airflow counts the rows of a slice from the first row, in the order of their map indexes. Rows may come and go between
two slices, and then the same number means another row. So each slice begins with rows that were read before. Their
references tell the map index after which the slice goes on. This gives one meaning, whatever happens meanwhile. A row
that is there all the time is read exactly once, as it is when its slice is read.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats import reference as references

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: How many rows a slice has. `python -m benchmarks.slices` measures what other numbers cost.
ROWS_AT_ONCE = 2048
#: The same where rows come in short. With `enforcement = worker` they are expected to. With `enforcement = server`, the
#: first slice tells. For each slice, the API server's database sorts all rows of the task, so fewer slices take less.
SHORT_AT_ONCE = 10_240
#: The row of a sealed value holds its whole rule. An API server refuses rows of more than 64 MiB at once
#: (`ring/rewritable_answer.py`). In JSON, a rule takes up to twice its bytes.
_BYTES_AT_ONCE = 24 * 1024 * 1024
_BYTES_BESIDE_RULE = 1024
#: A task keeps what Redis sent for a slice until it has decoded all values of it.
_VALUES_AT_ONCE = 64 * 1024 * 1024

#: The step of slices that this package's own reader asks for. It means the same as no step to Airflow. With
#: `enforcement = worker`, the API server may answer with short rows (`api_server/slices`). The ring claims no read-once
#: value for such a slice (`api_server/requests/routes.py`).
READ_AHEAD = 1

#: The step of slices that a task wants, with `enforcement = server`. The ring claims read-once values for them, and may
#: answer with one text (`formats/opened_slice.py`). To Airflow's API server, 0 means the same as no step.
SHORT_ROWS = 0

#: A reading goes back so often, at most, because rows before its slice have gone. Then all rows are read in one call. A
#: task that removes and pushes its row again and again could otherwise keep its readers for as long as it does that.
MOST_STEPS_BACK = 50


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice to ask Airflow for.

    Attributes:
        start: The number of its first row, from 0.
        stop: The number after its last row; None for all rows that follow.
        after: The map index of the last row that was read; None before the first slice.
        left: How many rows are wanted that were not read yet; None for all.
    """

    start: int
    stop: int | None
    after: int | None = None
    left: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What an answer adds.

    Attributes:
        rows: The rows that were not read before, in their order.
        next: The slice to ask for next; None if there is none.
        in_one_call: Whether slices cannot give all rows. Then all of them are read in one call, from the first on.
    """

    rows: Sequence[Any] = ()
    next: Slice | None = None
    in_one_call: bool = False


_IN_ONE_CALL = Turn(in_one_call=True)


class Reading:
    """What was read so far. Whoever reads asks Airflow for `asked`, and calls `take` with the answer, until it is over.

    Args:
        values: Makes of rows what `found` is to hold. It gets the rows that are new.
        start: The number of the first row that is wanted.
        wanted: How many rows are wanted; None for all.
        most: How many rows a slice has, unless the one before came in short; `ROWS_AT_ONCE` unless given.
    """

    def __init__(
        self,
        values: Callable[[Sequence[Any]], Sequence[Any]],
        start: int = 0,
        wanted: int | None = None,
        most: int | None = None,
    ) -> None:
        self._values = values
        self._most = ROWS_AT_ONCE if most is None else most
        self._whole = Slice(start, None if wanted is None else start + wanted, left=wanted)
        self.asked = Slice(start, start + (self._most if wanted is None else min(self._most, wanted)), left=wanted)
        self.over = False
        self.found: list[Any] = []
        self._steps_back = 0

    def take(self, rows: Sequence[Any]) -> None:
        """Add the answer to `asked`. If `values` raises an error, nothing changes, and the same can be asked again."""
        most = max(_most_after(rows), self._most) if references.came_in_short(rows) else self._most
        taken = turn(self.asked, rows, most)
        goes_back = taken.next is not None and taken.next.start < self.asked.start
        self._steps_back += goes_back
        if taken.in_one_call or (goes_back and self._steps_back > MOST_STEPS_BACK):
            self.found, self.asked = [], self._whole
            return
        self.found += self._values(taken.rows)
        if taken.next is None:
            self.over = True
        else:
            self.asked = taken.next


def _most_after(rows: Sequence[Any]) -> int:
    """Return how many rows an API server answers and a task fetches at once, as rows that came in short tell it."""
    seal = rows[0].seal
    row_bytes = _BYTES_BESIDE_RULE + (0 if seal is None else len(seal.acl))
    value_bytes = sum(references.sizes_of(rows)) // len(rows) + 1
    return min(SHORT_AT_ONCE, _BYTES_AT_ONCE // row_bytes, _VALUES_AT_ONCE // value_bytes)


def turn(asked: Slice, rows: Sequence[Any], most: int) -> Turn:
    """Tell what the answer to a slice adds, and what to ask for next, which is at most so many rows.

    Rows that hold no reference do not tell their map index. The rows of a look-back have one map index in many runs,
    and they have no order within it. If no slice can begin with a row that is known, all rows are read in one call, as
    Airflow does it. That is also done if the map indexes are not in order. Then somebody has edited a row.
    """
    is_end = asked.stop is None or len(rows) < asked.stop - asked.start
    if asked.after is None and (is_end or len(rows) == asked.left):
        return Turn(rows)
    indexes = references.map_indexes_of(rows)
    known = [index for index in indexes if index is not None]
    if len(known) < len(rows):
        if any(index is None and references.is_reference(row) for index, row in zip(indexes, rows, strict=True)):
            return Turn(rows)  # it was edited or forged, and whoever resolves it says so
        return _IN_ONE_CALL
    if known != sorted(known):
        return _IN_ONE_CALL
    if asked.after is not None and asked.start and (not known or known[0] > asked.after):
        length = most if asked.stop is None else asked.stop - asked.start
        return Turn(next=_slice(asked.start - length, asked.after, asked.left, most))  # rows before it have gone
    return _further(asked, rows, known, most, is_end=is_end)


def _further(asked: Slice, rows: Sequence[Any], indexes: Sequence[int], most: int, *, is_end: bool) -> Turn:
    """Take the rows that are new. A last map index is left out, because there may be more rows of it."""
    new = 0 if asked.after is None else bisect_right(indexes, asked.after)
    if asked.left is not None and len(rows) - new >= asked.left:
        return Turn(rows[new : new + asked.left])
    if is_end:
        return Turn(rows[new:])
    complete = len(rows) if new == len(rows) else bisect_left(indexes, indexes[-1])
    if complete <= 1:  # the next slice would begin where this one did
        return _IN_ONE_CALL
    added = rows[new:complete]
    after = indexes[complete - 1] if asked.after is None else max(asked.after, indexes[complete - 1])
    left = None if asked.left is None else asked.left - len(added)
    return Turn(added, _slice(asked.start + complete - 1, after, left, most))


def _slice(start: int, after: int, left: int | None, most: int) -> Slice:
    """Return a slice that begins with a row that was read."""
    start = max(0, start)
    return Slice(start, start + (most if left is None else min(most, left + 1)), after, left)
