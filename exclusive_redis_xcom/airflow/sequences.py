"""Read the results of a mapped task together. Airflow would ask for one after the other.

A task gets the results of a mapped task as a lazy sequence. In Airflow 3.1 to 3.3, iteration costs an API call per
item. A slice costs one API call, however long it is, and Airflow hands its rows to the backend one by one
(`airflow/sdk/execution_time/lazy_sequence.py`). `batch` does better for both, and `fetch_all` reads everything at once.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import operator
from typing import TYPE_CHECKING, Any, TypeVar

from exclusive_redis_xcom.airflow import all_rows, unanswered
from exclusive_redis_xcom.airflow.asking import Asking, on_behalf_of
from exclusive_redis_xcom.airflow.failures import counted_pull
from exclusive_redis_xcom.airflow.rows import Asked, resolve
from exclusive_redis_xcom.airflow.slices import READ_AHEAD, ROWS_AT_ONCE
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_T = TypeVar("_T")

#: What Airflow makes of `xs.map(f)`, `xs.zip(ys)` and `xs.concat(ys)`, and where it keeps `xs`
#: (`airflow/sdk/definitions/xcom_arg.py`).
_DERIVED = {"_MapResult": "value", "_ZipResult": "values", "_ConcatResult": "values"}


@errors_without_locals
def fetch_all(xs: Iterable[_T]) -> list[_T]:
    """Return all items of a lazy sequence of a mapped task's results as a list, as `list(xs)` does, but at once.

    This takes at most one API call and few Redis commands for each 2,048 results, and returns all items or none.

        @task
        def total(xs):
            return sum(fetch_all(xs))

        total(parts.expand(number=[1, 2, 3]))

    Args:
        xs: What a task gets for the results of a mapped task, also with `.map()`, `.zip()` or `.concat()`. Any other
            iterable gives its items.

    Raises:
        ExclusiveXComError: As for `xcom_pull`, if any item cannot be had. Iteration would raise it only at that item.
    """
    return list(_fetched(xs))


def batch(backend: type) -> None:
    """Let lazy sequences read ahead and slices read Redis in batches, and let items say which XCom they are.

    This does nothing with an Airflow whose sequences are made differently.

    Args:
        backend: The class that Airflow may be configured with. If Airflow is not, nothing changes.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

        airflows = LazyXComSequence.__getitem__
        if not hasattr(airflows, "__wrapped__") and _is_known(LazyXComSequence):
            LazyXComSequence.__iter__ = _walking(LazyXComSequence.__iter__, airflows, backend)
            LazyXComSequence.__getitem__ = _batched(airflows, backend)


def _is_known(sequence: Any) -> bool:
    """Tell whether the class has the shape that Airflow 3.1 to 3.3 gave it."""
    of_items = list(inspect.signature(sequence.__getitem__).parameters)
    of_iteration = list(inspect.signature(sequence.__iter__).parameters)
    slots = set(getattr(sequence, "__slots__", ()))
    return (of_items, of_iteration) == (["self", "key"], ["self"]) and {"_xcom_arg", "_ti"} <= slots


def _batched(airflows: Callable[[Any, Any], Any], backend: Any) -> Callable[[Any, Any], Any]:
    @errors_without_locals
    @functools.wraps(airflows)
    def getitem(self: Any, key: Any) -> Any:
        if not _serves(backend):
            return airflows(self, key)
        from exclusive_redis_xcom.airflow import iteration

        if type(key) is int and key >= 0 and iteration.can_walk(self):
            return iteration.item(self, airflows, _asked_by(self), key)
        with iteration.one_pull_of(self):
            return _items(airflows, self, key)

    return getitem


def _walking(
    airflows_iter: Callable[[Any], Any], airflows: Callable[[Any, Any], Any], backend: Any
) -> Callable[[Any], Any]:
    @functools.wraps(airflows_iter)
    def iterate(self: Any) -> Any:
        from exclusive_redis_xcom.airflow import iteration  # few tasks have a lazy sequence

        if not (_serves(backend) and iteration.can_walk(self)):
            return airflows_iter(self)
        return iteration.WalkingIterator(self, airflows, _asked_by(self))

    return iterate


def _items(airflows: Callable[[Any, Any], Any], xs: Any, key: Any) -> Any:
    asked = _asked_by(xs)
    if not isinstance(key, slice):
        with on_behalf_of(Asking(asked, rows=False)), unanswered.typed(asked):
            return airflows(xs, key)
    if key == slice(None):
        return _all_of(asked)

    with counted_pull.of(asked):
        stretch = _stretch(key, xs)
        if stretch is not None:
            start, wanted, backwards = stretch
            found = all_rows.read(functools.partial(all_rows.rows_of, asked.ids), asked, start, wanted)
            return found[::-1] if backwards else found
        key = _answered_rightly(key, xs)
        if key.step == READ_AHEAD:
            key = slice(key.start, key.stop)  # what a task asks for is not read ahead
        with on_behalf_of(Asking(asked, rows=True)), unanswered.typed(asked):
            rows = airflows(xs, key)
        return resolve(rows, asked)


def _stretch(key: slice, xs: Any) -> tuple[int, int | None, bool] | None:
    """Tell which neighbouring items a slice may have that is too long for one call.

    Args:
        key: What the task wrote.
        xs: The sequence. Its length is asked for if the slice counts from the end.

    Returns:
        The number of the first item, how many items there are if the slice says so, and whether they are wanted
        backwards. It is None for a slice that Airflow serves in one call: a short one, one with a step, or none at all.
    """
    try:
        start, stop, step = _parts(key)
    except TypeError:
        return None
    if step not in (None, 1, -1) or _is_short(start, stop, step or 1):
        return None
    if (start or 0) < 0 or (stop or 0) < 0:
        items = range(len(xs))[key]
        return min(items, default=0), len(items), step == -1
    if step == -1:
        first = 0 if stop is None else stop + 1
        return first, None if start is None else max(0, start + 1 - first), True
    return start or 0, None if stop is None else max(0, stop - (start or 0)), False


def _answered_rightly(key: slice, xs: Any) -> slice:
    """Write a slice so that Airflow's API server answers it as Python does.

    A slice that ends before it begins is answered with other rows on SQLite, and with an error on PostgreSQL. The same
    can happen to one that counts from both sides, since the number of rows says where it ends.
    """
    try:
        start, stop, step = _parts(key)
    except TypeError:
        return key  # Airflow says what is wrong with it.
    if start is None or stop is None or _is_in_order(start, stop, step or 1):
        return key
    items = range(len(xs))[key]
    if not items:
        return slice(0, 0)
    last = items[-1]
    end = last + 1 if items.step > 0 else last - 1
    return slice(items[0], None if end < 0 else end, items.step)


def _parts(key: slice) -> list[int | None]:
    """Return start, stop and step of a slice as numbers. TypeError if one is none."""
    return [None if part is None else operator.index(part) for part in (key.start, key.stop, key.step)]


def _is_in_order(start: int, stop: int, step: int) -> bool:
    """Tell whether a slice counts from one side, and begins before it ends."""
    low, high = (start, stop) if step > 0 else (stop, start)
    return (low < 0) == (high < 0) and low < high


def _is_short(start: int | None, stop: int | None, step: int) -> bool:
    """Tell whether a slice cannot have more items than one call should ask for."""
    low, high = (start, stop) if step > 0 else (stop, start)
    if start is not None and stop is not None:
        return _is_in_order(start, stop, step) and abs(stop - start) <= ROWS_AT_ONCE
    if low is None and high is not None and high >= 0:
        return high + (step < 0) <= ROWS_AT_ONCE
    return high is None and low is not None and low < 0 and -low - (step < 0) <= ROWS_AT_ONCE


def _fetched(xs: Any) -> Any:
    """Return `xs` with every lazy sequence in it replaced by its items."""
    kind = type(xs)
    if kind.__module__ == "airflow.sdk.execution_time.lazy_sequence" and kind.__name__ == "LazyXComSequence":
        return xs[:]
    if kind.__module__ != "airflow.sdk.definitions.xcom_arg" or kind.__name__ not in _DERIVED:
        return xs
    name, derived = _DERIVED[kind.__name__], copy.copy(xs)
    inner = getattr(xs, name)
    setattr(derived, name, [_fetched(one) for one in inner] if name == "values" else _fetched(inner))
    return derived


def _serves(backend: Any) -> bool:
    """Tell whether Airflow's values are this backend's own, and not made by a class that changes them."""
    from airflow.sdk.execution_time.xcom import XCom

    return XCom.deserialize_value is backend.deserialize_value


def _asked_by(xs: Any) -> Asked:
    producer = xs._xcom_arg.operator
    return Asked(producer.dag_id, producer.task_id, xs._xcom_arg.key, xs._ti.run_id)


def _all_of(asked: Asked) -> list[Any]:
    from airflow.sdk.execution_time.xcom import XCom

    found = XCom.get_all(**asked.ids)
    return [] if found is None else found
