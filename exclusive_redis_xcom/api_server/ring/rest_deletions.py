"""What the ring adds to deletions over the public REST API: removals and refusals go on record."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.deletions.deletions import Deletions
from exclusive_redis_xcom.api_server.requests import rest_user
from exclusive_redis_xcom.api_server.ring.audit import REMOVED, AuditFailed, Record
from exclusive_redis_xcom.api_server.ring.refusing import edit_refusal, refuse
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Send

    from exclusive_redis_xcom.api_server.requests.rest_body import RefusedError
    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall
    from exclusive_redis_xcom.api_server.ring.audit import Audit
    from exclusive_redis_xcom.store import Store


def with_records(app: ASGIApp, audit: Audit, store: Callable[[], Store]) -> Deletions:
    """Return the deletions that keep records.

    Args:
        app: What answers inside.
        audit: Where removals and refusals go on record.
        store: Gives the Redis store. It is called in worker threads.
    """

    async def record(call: RestCall, user: Any, removed: int) -> None:
        who = rest_user.name_of(user)
        what = {"who": f"user '{who}'", "deleted": dict(call.parameters), "removed_from_redis": removed}
        # A deleted run or DAG has no further ids: the row is found under the ids that there are.
        dag_id, run_id, task_id, key, *_ = (*call.scope, "", "", "")
        with contextlib.suppress(AuditFailed):  # it has been logged
            await audit.record([Record(REMOVED, Coordinate(dag_id, run_id, task_id, key), who, what)])

    async def refuse_long(send: Send, call: RestCall, user: Any, refused: RefusedError) -> None:
        await refuse(send, audit, edit_refusal(user, call, None, refused), refused.detail, refused.status)

    return Deletions(app, store, record=record, refuse=refuse_long)
