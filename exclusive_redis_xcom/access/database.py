"""Read serialized DAGs from Airflow's metadata database: the latest version of each DAG, with the code of its file.

One DAG at a time is held as JSON. Only facts stay.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from exclusive_redis_xcom.access.code import code_of_text
from exclusive_redis_xcom.access.serialized import facts_of
from exclusive_redis_xcom.access.undecided import NoSuchDagError, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from exclusive_redis_xcom.access.code import ModuleCode
    from exclusive_redis_xcom.access.facts import DagFacts

#: How many rows the database sends at once. A large DAG has some megabytes.
_ROWS: Final = 10


class Version(NamedTuple):
    """A version of a DAG in Airflow's database.

    Attributes:
        number: Its number; the first version of a DAG is 1.
        identifier: Its id.
        dag_hash: The hash of its serialized form. Airflow may write a version again, as long as it has no run.
        written_at: When Airflow wrote it first.
    """

    number: int
    identifier: str
    dag_hash: str
    written_at: datetime


def facts_of_database(*, default_consumers: str, dag_ids: Collection[str] | None = None) -> tuple[DagFacts, ...]:
    """Read all DAGs of Airflow's database whose files still exist.

    Args:
        default_consumers: The policy word for XComs without a rule.
        dag_ids: The DAGs to read; None for all.

    Raises:
        UndecidedError: The database cannot be read, has no DAG, or a DAG in it has an unknown form.
        InvalidAcl: The rules of a DAG are wrong.
    """
    found = []
    with _nesting_is_bounded():
        for dag_id, data, compressed, source in _rows(dag_ids):
            read = _serialized(data, compressed)
            facts = facts_of(read, default_consumers=default_consumers, code=_code(source))
            if facts.dag_id != dag_id:
                raise UndecidedError(
                    f"Airflow's database has another DAG under the id '{dag_id}'.\n"
                    "Let Airflow write it again: run `airflow dags reserialize`."
                )
            found.append(facts)
    if not found and dag_ids is None:
        raise UndecidedError(
            "There is no serialized DAG in Airflow's database.\nAirflow's DAG processor writes them. Is it running?"
        )
    return tuple(sorted(found, key=lambda facts: facts.dag_id))


def latest_versions(dag_id: str, *, most: int) -> list[Version]:
    """Return the latest versions of a DAG, the newest first.

    Args:
        dag_id: The DAG.
        most: How many are wanted.

    Raises:
        NoSuchDagError: Airflow's database has no such DAG.
    """
    from airflow.models.dag_version import DagVersion
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = (DagVersion.version_number, DagVersion.id, SerializedDagModel.dag_hash, DagVersion.created_at)
    query = (
        select(*wanted)
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .where(DagVersion.dag_id == dag_id)
        .order_by(DagVersion.version_number.desc())
        .limit(most)
    )
    with create_session(scoped=False) as session:
        rows = session.execute(query).all()
    if not rows:
        raise NoSuchDagError(f"Airflow's database has no serialized DAG '{dag_id}'.")
    return [Version(number, str(identifier), dag_hash, at) for number, identifier, dag_hash, at in rows]


def facts_of_version(version_id: str, *, default_consumers: str) -> DagFacts:
    """Read one version of a DAG. The lines of its rules are those of the code that Airflow keeps with the version.

    Raises:
        UndecidedError: Airflow's database has no such version, or its form is unknown.
        InvalidAcl: The rules are wrong.
    """
    from uuid import UUID

    from airflow.models.dagcode import DagCode
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = (
        select(SerializedDagModel._data, SerializedDagModel._data_compressed, DagCode.source_code)
        .outerjoin(DagCode, DagCode.dag_version_id == SerializedDagModel.dag_version_id)
        .where(SerializedDagModel.dag_version_id == UUID(version_id))
    )
    with _nesting_is_bounded():
        with create_session(scoped=False) as session:
            row = session.execute(query).first()
        if row is None:
            raise UndecidedError("Airflow's database has no such version of the DAG.")
        data, compressed, source = row
        read = _serialized(data, compressed)
        return facts_of(read, default_consumers=default_consumers, code=_code(source), text=source or None)


@contextlib.contextmanager
def _nesting_is_bounded() -> Iterator[None]:
    """Refuse a DAG that is nested deeper than Python reads. Its file can raise Python's limit where it is written."""
    try:
        yield
    except RecursionError:
        raise UndecidedError(
            "A DAG in Airflow's database is nested too deeply to be read.\nLook at the arguments of its tasks."
        ) from None


def of_latest_versions(query: Any) -> Any:
    """Restrict a query about `SerializedDagModel` to the latest version of each DAG whose file still exists."""
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import func, select

    latest = (
        select(DagVersion.dag_id, func.max(DagVersion.version_number).label("number"))
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .group_by(DagVersion.dag_id)
        .subquery()
    )
    return (
        query.join(DagVersion, SerializedDagModel.dag_version_id == DagVersion.id)
        .join(latest, (DagVersion.dag_id == latest.c.dag_id) & (DagVersion.version_number == latest.c.number))
        .join(DagModel, (DagModel.dag_id == SerializedDagModel.dag_id) & ~DagModel.is_stale)
    )


def _rows(dag_ids: Collection[str] | None) -> Iterator[tuple[str, Any, bytes | None, str | None]]:
    """Yield each DAG's id, its JSON in one of two forms, and the code of its file."""
    from airflow import settings
    from airflow.utils.session import create_session
    from sqlalchemy.exc import SQLAlchemyError

    if settings.NonScopedSession is None:  # an earlier import of Airflow failed half-way
        settings.configure_orm()
    try:
        with create_session(scoped=False) as session:
            yield from session.execute(_latest(dag_ids), execution_options={"yield_per": _ROWS})
    except SQLAlchemyError as error:
        raise UndecidedError(
            f"Airflow's database cannot be read ({type(error).__name__}).\n"
            "Check [database] sql_alchemy_conn with `airflow db check`, or name DAG files."
        ) from None


def _latest(dag_ids: Collection[str] | None) -> Any:
    """Return the query for the latest version of each DAG that is not gone."""
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagcode import DagCode
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import select

    found = SerializedDagModel
    columns = (found.dag_id, found._data, found._data_compressed, DagCode.source_code)
    query = of_latest_versions(select(*columns).select_from(found))
    query = query.outerjoin(DagCode, DagCode.dag_version_id == DagVersion.id)
    return query if dag_ids is None else query.where(found.dag_id.in_(list(dag_ids)))


def _serialized(data: Any, compressed: bytes | None) -> Any:
    """Return a serialized DAG from the two columns, one of which holds it."""
    return json.loads(zlib.decompress(compressed)) if compressed else data


@lru_cache(maxsize=8)
def _code(source: str | None) -> ModuleCode | None:
    """Return the code of a file, if Airflow keeps it. Several DAGs may be made in one file."""
    return code_of_text(source) if source else None
