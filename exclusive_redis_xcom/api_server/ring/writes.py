"""Writes: a task instance writes and removes its own XComs only, and only while it runs.

With one exception: Airflow pushes the links that operators show in the UI when the task has been recorded as over
(`task_runner.finalize`), so those keys of its own it may still push.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.ring import releasing
from exclusive_redis_xcom.api_server.ring.audit import WRITE_DENIED, Record
from exclusive_redis_xcom.model import LINK_PREFIX

if TYPE_CHECKING:
    from starlette.types import Scope

    from exclusive_redis_xcom.api_server.requests.caller import Caller, Callers, Tokens
    from exclusive_redis_xcom.api_server.requests.routes import Write


class Writer:
    """Decides about POSTs and DELETEs, before Airflow sees them."""

    def __init__(self, tokens: Tokens, callers: Callers) -> None:
        self._tokens = tokens
        self._callers = callers

    async def judge(self, write: Write, scope: Scope) -> Record | Scope:
        """The scope to go on with; or, where it is refused, what goes on record.

        Raises:
            Exception: It cannot be decided.
        """
        ti_id = await self._tokens.task_instance_id(scope["headers"])
        if ti_id is None:
            return _without_identity(scope)
        # A write is rare and final: the cache of another moment is not good enough for it.
        caller = await self._callers.find(ti_id, fresh=True)
        return _with_one_identity(scope) if _owns(caller, write) else _refusal(caller, write)


def _owns(caller: Caller | None, write: Write) -> bool:
    at = write.coordinate
    is_link = write.action == "push" and at.key.startswith(LINK_PREFIX)
    return (
        caller is not None
        and (caller.running or is_link)
        and (caller.principal.dag_id, caller.principal.run_id, caller.principal.task_id, caller.principal.map_index)
        == (at.dag_id, at.run_id, at.task_id, at.map_index)
    )


def _refusal(caller: Caller | None, write: Write) -> Record:
    who = releasing.who(caller)
    if caller is not None and caller.running:
        why = "a task instance writes and removes its own XComs only"
    else:
        why = releasing.NOBODY_WHY
    extra = {**who, "action": write.action, "what": str(write.coordinate), "key": write.coordinate.key, "why": why}
    return Record(WRITE_DENIED, write.coordinate, releasing.owner(caller), extra)


def _with_one_identity(scope: Scope) -> Scope:
    """With no other `Authorization` header than the one that was judged, whichever Airflow would read."""
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    judged = next(pair for pair in headers if pair[0].lower() == b"authorization")
    return {**scope, "headers": [*_without_authorization(headers), judged]}


def _without_identity(scope: Scope) -> Scope:
    """For Airflow to answer 401 or 403 in its own words: with no token where there was none, else a hopeless one.

    Whatever this ring could not read as one valid token must not reach Airflow, which may read it otherwise.
    """
    headers: list[tuple[bytes, bytes]] = list(scope["headers"])
    kept = _without_authorization(headers)
    if len(kept) < len(headers):
        kept.append((b"authorization", b"Bearer none"))
    return {**scope, "headers": kept}


def _without_authorization(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() != b"authorization"]
