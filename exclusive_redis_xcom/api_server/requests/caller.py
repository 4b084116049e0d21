"""Who calls: the task instance that a token was made for, if it exists and is running.

Airflow checks a token's signature, audience and age. It does not check whether the token's task still runs, so tokens
of earlier tries and of finished tasks pass. A token's `sub` is the id of a task instance. Every retry and every clear
gives a task instance a new id. The earlier try keeps the old id, in another table.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from exclusive_redis_xcom.api_server.requests.known_tokens import KnownTokens
from exclusive_redis_xcom.model import Principal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    Validate = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
    LookUp = Callable[[str], "Caller | None"]

_RUNNING = "running"
_EXECUTION = "execution"
_COLUMNS = ("dag_id", "task_id", "run_id", "map_index", "state", "try_number")


@dataclass(frozen=True, slots=True)
class Caller:
    """A task instance, as Airflow's database has it.

    If the try `is_over`, the token was made for an earlier try. Another one has taken its place, or will.
    """

    principal: Principal
    state: str | None
    try_number: int
    is_over: bool = False

    @property
    def running(self) -> bool:
        """Whether the task instance may read and write at all."""
        return self.state == _RUNNING and not self.is_over


class Tokens:
    """Reads tokens as the Execution API does (`airflow/api_fastapi/execution_api/security.py`; in 3.1 `deps.py`).

    Args:
        validate: Returns the claims of a token, or raises. Airflow's own validator unless given.
        one_secret: Whether the given validator verifies all tokens with one secret, so that tokens may be remembered.
            Of Airflow's own validator, that is known.
    """

    def __init__(self, validate: Validate | None = None, *, one_secret: bool = False) -> None:
        self._validate = validate
        self._one_secret = one_secret
        self._known = KnownTokens()

    async def task_instance_id(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Return the id of the task instance that a request's token is for; None without a valid execution token.

        Raises:
            Exception: The token could not be checked, because the keys for that cannot be had.
        """
        token = bearer(headers)
        return None if token is None else self._known.task_instance_id(token) or await self._verified(token)

    def remember(self, scope: Mapping[str, Any]) -> None:
        """Remember the token of a request that Airflow has answered, if Airflow has verified it.

        So the token of a task's push is known. Each task asks for something else before it pushes.
        """
        ti_id = seen_by_airflow(scope) if self._one_secret else None
        token = None if ti_id is None else bearer(scope["headers"])
        if ti_id is not None and token is not None:
            self._known.add(token, ti_id, getattr(scope["ti_token"].claims, "exp", None))

    async def _verified(self, token: str) -> str | None:
        from jwt import InvalidTokenError

        validate = self._validator()
        try:
            claims = await validate(token, {})
            if claims.get("scope", _EXECUTION) != _EXECUTION:
                return None
            ti_id = str(UUID(claims["sub"]))
        except (InvalidTokenError, LookupError, ValueError, TypeError, AttributeError):
            return None
        if self._one_secret:
            self._known.add(token, ti_id, claims.get("exp"))
        return ti_id

    def _validator(self) -> Validate:
        if self._validate is None:
            from airflow.api_fastapi.execution_api.app import _jwt_validator

            airflows = _jwt_validator()
            self._one_secret = getattr(airflows, "jwks", airflows) is None
            self._validate = airflows.avalidated_claims
        return self._validate


def seen_by_airflow(scope: Mapping[str, Any]) -> str | None:
    """Return the id of the task instance whose execution token Airflow has verified for this request; else None.

    From 3.2 on Airflow leaves the verified token in the scope (`execution_api/security.py`, `JWTBearer`). That spares a
    second verification. Call this after Airflow has answered.
    """
    token = scope.get("ti_token")
    ti_id = getattr(token, "id", None)
    is_execution = getattr(getattr(token, "claims", None), "scope", None) == _EXECUTION
    return str(ti_id) if is_execution and isinstance(ti_id, UUID) else None


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Return the bearer token of a request; None without one.

    Of several `Authorization` headers the first counts. Airflow reads the header with Starlette's `Headers.get`, which
    does the same. There may be several: where all users are admins, the simple auth manager appends a user's token to
    every request (`auth/managers/simple/middleware.py`).

    Spaces around the token do not count, as in FastAPI (`security/utils.py`). HTTP allows them at the end of any
    header, and httptools leaves them there.
    """
    given = [value for name, value in headers if name.lower() == b"authorization"]
    if not given:
        return None
    scheme, _, token = given[0].decode("latin-1").partition(" ")
    token = token.strip()
    return token if token and scheme.lower() == "bearer" else None


class Callers:
    """Looks up task instances in Airflow's database.

    Each look-up asks the database. A kept answer would be a lottery: the task may end through another API server, or
    through none. It could then read on here, and nowhere else.

    Args:
        look_up: Finds a task instance by its id. It blocks, so it is called in a thread.
    """

    def __init__(self, look_up: LookUp | None = None) -> None:
        self._look_up = look_up or look_up_task_instance

    async def find(self, ti_id: str) -> Caller | None:
        """Return a task instance in any state, or an earlier try; None if none has this id.

        Args:
            ti_id: The id in a verified token.
        """
        from starlette.concurrency import run_in_threadpool

        return await run_in_threadpool(self._look_up, ti_id)


def look_up_task_instance(ti_id: str) -> Caller | None:
    """Ask Airflow's database for a task instance, and for an earlier try if there is none."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory

    with _connected() as connection:
        row = _row(connection, TaskInstance.__table__, "id", ti_id)
        is_over = row is None
        if is_over:
            row = _row(connection, TaskInstanceHistory.__table__, "task_instance_id", ti_id)
    if row is None:
        return None
    dag_id, task_id, run_id, map_index, state, try_number = row
    return Caller(Principal(dag_id, task_id, run_id, map_index), state and str(state), try_number, is_over)


@contextlib.contextmanager
def _connected() -> Iterator[Any]:
    """Yield a connection to Airflow's database. Each pull and push asks, so it has no session where that is the same.

    A session maker of the installation (`[database] sql_alchemy_session_maker`) may choose the database by itself.
    """
    from airflow import settings
    from airflow.utils.session import create_session
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session, sessionmaker

    sessions = settings.NonScopedSession
    is_plain = type(sessions) is sessionmaker and sessions.class_.get_bind is Session.get_bind
    engine = sessions.kw.get("bind") if is_plain else None
    if isinstance(engine, Engine):
        with engine.connect() as connection:
            yield connection
    else:
        with create_session(scoped=False) as session:
            yield session.connection()


def _row(connection: Any, table: Any, id_column: str, ti_id: str) -> Any:
    key = ti_id if _holds_text(table.c[id_column]) else UUID(ti_id)
    return connection.execute(_by_id(table, id_column), {"ti_id": key}).one_or_none()


@lru_cache(maxsize=2)
def _by_id(table: Any, id_column: str) -> Any:
    from sqlalchemy import bindparam, select

    id_of = table.c[id_column]
    return select(*(table.c[name] for name in _COLUMNS)).where(id_of == bindparam("ti_id", type_=id_of.type))


def _holds_text(column: Any) -> bool:
    """Tell whether a column of ids holds text, as up to Airflow 3.1. Since then it holds UUIDs."""
    from sqlalchemy import String

    # SQLAlchemy 1.4, which the constraints of Airflow 3.1 pin, wraps a type that has a variant for PostgreSQL.
    return isinstance(getattr(column.type, "impl", column.type), String)
