"""Who calls: the task instance that a token was made for, if it exists and is running.

Airflow checks a token's signature, audience and age. It does not check whether the token's task still runs, so tokens
of earlier tries and of finished tasks pass. A token's `sub` is the id of a task instance. Every retry and every clear
gives a task instance a new id. The earlier try keeps the old id, in another table.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from exclusive_redis_xcom.model import Principal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    Validate = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
    LookUp = Callable[[str], "Caller | None"]

_RUNNING = "running"
_EXECUTION = "execution"

#: How many seconds the row of a task instance is believed. The task may end in another worker of the API server.
_CACHED_SECONDS = 3.0
_CACHED_ROWS = 10_000


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
    """

    def __init__(self, validate: Validate | None = None) -> None:
        self._validate = validate

    async def task_instance_id(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Return the id of the task instance that a request's token is for; None without a valid execution token.

        Raises:
            Exception: The token could not be checked, because the keys for that cannot be had.
        """
        from jwt import InvalidTokenError

        token = bearer(headers)
        if token is None:
            return None
        if self._validate is None:
            self._validate = _airflow_validator()
        try:
            claims = await self._validate(token, {})
            return str(UUID(claims["sub"])) if claims.get("scope", _EXECUTION) == _EXECUTION else None
        except (InvalidTokenError, LookupError, ValueError, TypeError, AttributeError):
            return None


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
    """
    given = [value for name, value in headers if name.lower() == b"authorization"]
    if not given:
        return None
    scheme, _, token = given[0].decode("latin-1").partition(" ")
    return token if token and scheme.lower() == "bearer" else None


class Callers:
    """Looks up task instances in Airflow's database, each at most once in a few seconds.

    Args:
        look_up: Finds a task instance by its id. It blocks, so it is called in a thread.
        clock: Tells monotonic seconds.
    """

    def __init__(
        self,
        look_up: LookUp | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up = look_up or look_up_task_instance
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._drops = 0

    async def find(self, ti_id: str, *, fresh: bool = False) -> Caller | None:
        """Return a task instance in any state, or an earlier try; None if none has this id.

        Args:
            ti_id: The id in a verified token.
            fresh: Whether to ask the database in any case.
        """
        from starlette.concurrency import run_in_threadpool

        known = self._known.get(ti_id)
        if known is not None and not fresh and self._clock() < known[0]:
            return known[1]
        drops, asked_at = self._drops, self._clock()
        caller = await run_in_threadpool(self._look_up, ti_id)
        # A row that was read while states changed may hold the old state. Only a running task is worth keeping.
        if drops == self._drops and caller is not None and caller.running:
            self._remember(ti_id, caller, asked_at)
        else:
            self._known.pop(ti_id, None)
        return caller

    def drop(self, ti_id: str) -> None:
        """Forget a task instance whose state is changing.

        Args:
            ti_id: The id as it stands in a request's path.
        """
        self._drops += 1
        with contextlib.suppress(ValueError):  # Airflow does not take this id
            self._known.pop(str(UUID(ti_id)), None)

    def drop_all(self) -> None:
        """Forget all task instances: the states of any number of them may be changing."""
        self._drops += 1
        self._known.clear()

    def _remember(self, ti_id: str, caller: Caller, asked_at: float) -> None:
        self._known[ti_id] = (asked_at + _CACHED_SECONDS, caller)
        self._known.move_to_end(ti_id)
        if len(self._known) > _CACHED_ROWS:
            self._known.popitem(last=False)


def _airflow_validator() -> Validate:
    from airflow.api_fastapi.execution_api.app import _jwt_validator

    validate: Validate = _jwt_validator().avalidated_claims
    return validate


def look_up_task_instance(ti_id: str) -> Caller | None:
    """Ask Airflow's database for a task instance, and for an earlier try if there is none."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        row = _row(session, TaskInstance, TaskInstance.id, ti_id)
        is_over = row is None
        if is_over:
            row = _row(session, TaskInstanceHistory, TaskInstanceHistory.task_instance_id, ti_id)
    if row is None:
        return None
    dag_id, task_id, run_id, map_index, state, try_number = row
    return Caller(Principal(dag_id, task_id, run_id, map_index), state and str(state), try_number, is_over)


def _row(session: Any, table: Any, column: Any, ti_id: str) -> Any:
    from sqlalchemy import select

    key = ti_id if _holds_text(column) else UUID(ti_id)
    columns = (table.dag_id, table.task_id, table.run_id, table.map_index, table.state, table.try_number)
    return session.execute(select(*columns).where(column == key)).one_or_none()


def _holds_text(column: Any) -> bool:
    """Tell whether a column of ids holds text, as up to Airflow 3.1. Since then it holds UUIDs."""
    from sqlalchemy import String

    # SQLAlchemy 1.4, which the constraints of Airflow 3.1 pin, wraps a type that has a variant for PostgreSQL.
    return isinstance(getattr(column.type, "impl", column.type), String)
