"""Fetch all results of a mapped task at once. Airflow would ask for one after the other.

A task gets the results of a mapped task as a lazy sequence. In Airflow 3.1 to 3.3, iteration costs an API call per
item. A slice costs one API call, but Airflow hands its rows to the backend one by one
(`airflow/sdk/execution_time/lazy_sequence.py`). `fetch_all` and `batch` do better.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from exclusive_redis_xcom.airflow.failures import counted_pull
from exclusive_redis_xcom.airflow.rows import Asked, resolve
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_T = TypeVar("_T")

#: What Airflow makes of `xs.map(f)`, `xs.zip(ys)` and `xs.concat(ys)`, and where it keeps `xs`
#: (`airflow/sdk/definitions/xcom_arg.py`).
_DERIVED = {"_MapResult": "value", "_ZipResult": "values", "_ConcatResult": "values"}


@dataclass(frozen=True, slots=True)
class Asking:
    """What a lazy sequence is asking Airflow for at the moment. `rows` says that its rows must stay as they are."""

    asked: Asked
    rows: bool


_asking: ContextVar[Asking | None] = ContextVar("exclusive_redis_xcom_asking", default=None)


def asking() -> Asking | None:
    """Tell the backend for which lazy sequence Airflow calls it; return None if that is not known."""
    return _asking.get()


@errors_without_locals
def fetch_all(xs: Iterable[_T]) -> list[_T]:
    """Return all items of a lazy sequence of a mapped task's results as a list, as `list(xs)` does, but at once.

    This takes one API call and few Redis commands, however many results there are. `list(xs)` takes one of each per
    result.

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
    """Let slices of lazy sequences read Redis in batches, and let items say which XCom they are.

    This does nothing with an Airflow whose sequences are made differently.

    Args:
        backend: The class that Airflow may be configured with. If Airflow is not, nothing changes.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

        airflows = LazyXComSequence.__getitem__
        if not hasattr(airflows, "__wrapped__") and _is_known(LazyXComSequence):
            LazyXComSequence.__getitem__ = _batched(airflows, backend)


def _is_known(sequence: Any) -> bool:
    """Tell whether the class has the shape that Airflow 3.1 to 3.3 gave it."""
    parameters = list(inspect.signature(sequence.__getitem__).parameters)
    return parameters == ["self", "key"] and {"_xcom_arg", "_ti"} <= set(getattr(sequence, "__slots__", ()))


def _batched(airflows: Callable[[Any, Any], Any], backend: Any) -> Callable[[Any, Any], Any]:
    @errors_without_locals
    @functools.wraps(airflows)
    def getitem(self: Any, key: Any) -> Any:
        if not _serves(backend):
            return airflows(self, key)
        asked = _asked_by(self)
        if not isinstance(key, slice):
            with _on_behalf_of(Asking(asked, rows=False)):
                return airflows(self, key)
        if key == slice(None):
            return _all_of(asked)
        with counted_pull.of(asked):
            with _on_behalf_of(Asking(asked, rows=True)):
                rows = airflows(self, key)
            return resolve(rows, asked)

    return getitem


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

    found = XCom.get_all(dag_id=asked.dag_id, task_id=asked.task_id, key=asked.key, run_id=asked.run_id)
    return [] if found is None else found


@contextlib.contextmanager
def _on_behalf_of(what: Asking) -> Iterator[None]:
    token = _asking.set(what)
    try:
        yield
    finally:
        _asking.reset(token)
