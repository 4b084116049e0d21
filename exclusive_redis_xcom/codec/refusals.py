"""The texts of what is not carried: what it is and where, why not, and what to push instead."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.kinds import qualified_name
from exclusive_redis_xcom.codec.paths import short
from exclusive_redis_xcom.errors import XComNotSerializable

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_NAME = 32
_WHY = "Neither this package nor Airflow can carry it."
_REMEDY = (
    "Return built-in types, make its class a dataclass, give it serialize() and deserialize(data, version), or "
    "register a plug (exclusive_redis_xcom.codec.register)."
)

Advice = tuple[str, str]

_LOCAL: Advice = (
    "It belongs to the process that made it.",
    "Leave it out, and let the task that needs one make its own.",
)
_LAZY: Advice = ("It is a query, not its result.", "Push its result: collect() it.")


def _is_file(value: object) -> bool:
    io: Any = sys.modules.get("io")
    return isinstance(value, io.IOBase)


def _comes_from(*packages: str) -> Callable[[object], bool]:
    return lambda value: type(value).__module__.partition(".")[0] in packages


#: What is refused, and what to do. The first that applies decides.
_ADVICE: tuple[tuple[Callable[[Any], bool], Advice], ...] = (
    (
        lambda value: inspect.iscoroutine(value) or inspect.isasyncgen(value) or inspect.isawaitable(value),
        ("It has not run yet.", "Await it, and push its result."),
    ),
    (
        lambda value: hasattr(value, "__next__") and hasattr(value, "__iter__") and not _is_file(value),
        ("It makes its items only when they are asked for.", "Push a list of them: list(...)."),
    ),
    (
        lambda value: isinstance(value, (type({}.keys()), type({}.values()), type({}.items()), range)),
        ("It is a view of other data.", "Push a list of its items: list(...)."),
    ),
    (
        lambda value: isinstance(value, memoryview),
        ("It is a view of other data.", "Push a copy of its bytes: bytes(...)."),
    ),
    (lambda value: isinstance(value, complex), (_WHY, "Push [value.real, value.imag].")),
    (_is_file, ("It is an open file.", "Push its path, or what read() returns.")),
    (
        lambda value: isinstance(value, type) or inspect.isroutine(value) or inspect.ismodule(value),
        ("It is code, and code is never pushed.", "Push its name, and let the next task import it."),
    ),
    (_comes_from("_thread", "threading", "_asyncio", "asyncio", "multiprocessing", "socket", "_socket", "ssl"), _LOCAL),
    (_comes_from("concurrent", "contextvars", "_contextvars", "weakref", "subprocess", "logging"), _LOCAL),
    (
        _comes_from(
            "sqlite3", "psycopg", "psycopg2", "sqlalchemy", "pymysql", "MySQLdb", "redis", "pyodbc", "oracledb"
        ),
        ("It belongs to a connection of this process.", "Push the rows or the result, as lists and dicts."),
    ),
    (
        _comes_from("dask", "distributed"),
        ("It is a plan, not its result.", "Push its result: compute() it."),
    ),
    (
        _comes_from("pyspark"),
        ("Its data lies in a Spark cluster.", "Push the path of a table, or a small result: toPandas()."),
    ),
    (
        lambda value: callable(getattr(value, "serialize", None)),
        ("Its serialize() is not Airflow's: its class has no deserialize(data, version).", _REMEDY),
    ),
)


def advice_for(value: object) -> Advice:
    """Return why an object is not carried, and what to push instead."""
    if type(value).__name__ == "LazyFrame" and _comes_from("polars")(value):
        return _LAZY
    try:
        return next((advice for applies, advice in _ADVICE if applies(value)), (_WHY, _REMEDY))
    except Exception:  # the author's code, such as a `__getattr__`
        return _WHY, _REMEDY


def refusal(value: object, path: str, why: str = "", remedy: str = "") -> XComNotSerializable:
    """Word the refusal of a value, or of a part of it.

    Args:
        value: The part that is not carried.
        path: Where it lies; "" for the whole value.
        why: The cause, if it is another one than that of all objects of this type.
        remedy: What to do, if it is something else than for all objects of this type.
    """
    usual_why, usual_remedy = advice_for(value)
    name = qualified_name(type(value))
    lines = [f"{short(path) or 'The value'} of type {_short_name(name)} cannot be carried."]
    if short(path) != path:
        lines.append(f"It lies at {path}.")
    lines += [f"Its type is {name}. {why or usual_why}", remedy or usual_remedy]
    return XComNotSerializable("\n".join(lines))


def _short_name(name: str) -> str:
    last = name.rpartition(".")[2]
    return last if len(last) <= _LONGEST_NAME else f"{last[: _LONGEST_NAME - 3]}..."
