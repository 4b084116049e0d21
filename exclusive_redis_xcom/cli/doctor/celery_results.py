"""Is Celery's result backend Airflow's own database? Then a worker that reports results could pass for any task.

A worker does not know where Airflow's database is, and need not. So the doctor looks into the database of the results,
with the worker's own login: Airflow's tables in it give it away. `information_schema.tables` lists only tables that the
login may use. In MySQL and MariaDB, it does so for all databases of the server.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.cli.doctor import broker_url
from exclusive_redis_xcom.cli.doctor.occurrences import (
    Occurrence,
    executors,
    names,
    occurrences,
    only_local,
    value_in_force,
)
from exclusive_redis_xcom.health.finding import Finding, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from exclusive_redis_xcom.health.visit import Visit

_CHECK = "Celery results"
#: How Celery names its database backend in a URL (`celery/app/backends.py`).
_PREFIXES = ("db+", "database+")

#: No other program is likely to have both of these tables. A login may have rights to one of them alone.
_TABLES = ("task_instance", "xcom")
_CONNECT_SECONDS = 5

_REMEDY = (
    "Give Celery a result backend elsewhere, such as a database of its own with a login of its own. With this login, "
    "any task can pass for another and have every sealed value opened. Then change the password of this login."
)
_SUPERUSER = (
    "A superuser reads and changes every database of this server. If Airflow's database is on the server, too, any "
    "task can pass for another. Give Celery a login that owns the database of the results, and nothing else."
)
_UNKNOWN = (
    "Make sure that this is not Airflow's database, and that its login cannot reach that database. The doctor looks "
    "into a database with the worker's own driver and login, and could not do so here."
)
_UNKNOWN_TABLE = (
    "Make sure that this is not Airflow's table. Whoever may change Airflow's table task_instance can pass for any "
    "task, and have every sealed value opened."
)
_LOGIN = (
    "The doctor cannot know what else this login may reach. Make sure that it has no rights in Airflow's database, if "
    "that is on the same server."
)


def celery_results(visit: Visit) -> Iterator[Finding]:
    """Check whether the worker's login for Celery's results opens Airflow's database."""
    if visit.role != "worker":
        return
    if (why := visit.why_not_server_mode) is not None:
        yield Finding(_CHECK, "skipped", why)
    elif not (found := occurrences("celery", "result_backend")):
        yield _not_set()
    else:
        for occurrence in found:
            yield _judged(occurrence)


CHECKS = (celery_results,)


def _not_set() -> Finding:
    if "CeleryExecutor" not in executors():
        return Finding(_CHECK, "ok", "[celery] result_backend is not set")
    seen = "[celery] result_backend is not set, so Celery takes [database] sql_alchemy_conn"
    remedy = "Set one that is not Airflow's database. Workers must not have the login of Airflow's database."
    return Finding(_CHECK, "warning", seen, remedy)


def _judged(occurrence: Occurrence) -> Finding:
    result, seen, remedy = _of_url(_url(occurrence))
    if result == "FAIL" and only_local():
        result = "warning"
    return Finding(_CHECK, result, f"{names([occurrence])}: {seen}", remedy)


def _url(occurrence: Occurrence) -> str | None:
    """Return the result backend; None if a command or backend does not tell it, or if only a team's worker asks it."""
    if occurrence.value is not None:
        return occurrence.value.strip()
    return None if occurrence.of_team else value_in_force("celery", "result_backend")


def _of_url(url: str | None) -> tuple[Result, str, str]:
    if url is None:
        return "warning", "a command or a secrets backend knows it, and could not be asked", _UNKNOWN
    if not url.startswith(_PREFIXES):
        return "ok", f"{_kind(url)}, which is not Airflow's database", ""
    url = url.partition("+")[2]
    if _is_airflows(url):
        return "FAIL", "this is Airflow's database, as [database] sql_alchemy_conn has it", _REMEDY
    try:
        return _looked_at(url)
    except Exception as error:  # drivers raise anything, with texts that quote the URL
        return "warning", f"its database could not be looked at ({type(error).__name__})", _UNKNOWN


def _kind(url: str) -> str:
    """Say what kind of backend a URL names. Nothing else of the text is shown, because a password may be in it."""
    scheme = broker_url.scheme_of(url)
    return f"{scheme}://" if scheme else "a backend by name (not shown)"


def _is_airflows(url: str) -> bool:
    """Tell whether the URL names the database that this worker has as Airflow's, whatever driver and login it has."""
    login = next((found.value for found in occurrences("database", "sql_alchemy_conn") if found.value), None)
    return login is not None and _place(login) is not None and _place(login) == _place(url)


def _place(url: str) -> tuple[str, str | None, int | None, str | None] | None:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parts = make_url(url)
    except ArgumentError:  # its text quotes the URL
        return None
    return parts.get_backend_name(), parts.host, parts.port, parts.database


def _looked_at(url: str) -> tuple[Result, str, str]:
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    parts = make_url(url)
    if parts.get_backend_name() == "sqlite" and not os.path.exists(parts.database or ""):
        if (parts.database or "").startswith("file:"):  # SQLite's own form of a path
            return "warning", "its database could not be looked at (a file by URI)", _UNKNOWN
        return "ok", "a database file that does not exist yet", ""  # connecting would make it
    by_network = parts.get_backend_name() in ("postgresql", "mysql", "mariadb")
    limits = {"connect_timeout": _CONNECT_SECONDS} if by_network else {}
    engine = create_engine(parts, poolclass=NullPool, connect_args=limits)
    with engine.connect() as connection:
        tables = _tables(connection)
        if tables == set(_TABLES):
            return "FAIL", "this login opens Airflow's database: it may use the tables task_instance and xcom", _REMEDY
        if tables:
            seen = f"a database in which this login may use a table {tables.pop()}, as Airflow's is named"
            return "warning", seen, _UNKNOWN_TABLE
        if _is_superuser(connection):
            return "warning", "a database without Airflow's tables, with the login of a superuser", _SUPERUSER
    return "ok", "a database in which this login may use no table of Airflow", _LOGIN


def _tables(connection: Connection) -> set[str]:
    """Return which of Airflow's tables this login may use."""
    from sqlalchemy import inspect

    if connection.dialect.name == "sqlite":
        return set(inspect(connection).get_table_names()) & set(_TABLES)
    quoted = ", ".join(f"'{table}'" for table in _TABLES)
    return _first_column(connection, f"SELECT table_name FROM information_schema.tables WHERE table_name IN ({quoted})")  # noqa: S608 - our own two names


def _is_superuser(connection: Connection) -> bool:
    if connection.dialect.name != "postgresql":
        return False
    return "on" in _first_column(connection, "SHOW is_superuser")


def _first_column(connection: Connection, statement: str) -> set[str]:
    from sqlalchemy import text

    rows: list[Any] = list(connection.execute(text(statement)))
    return {str(row[0]) for row in rows}
