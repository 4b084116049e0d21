"""What Redis is told of a request that changes XCom rows, before Airflow answers it and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.rest_routes import Effect, map_index
from exclusive_redis_xcom.api_server.requests.routes import Write
from exclusive_redis_xcom.api_server.watch import results, touched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Scope

    from exclusive_redis_xcom.api_server.requests import routes
    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall
    from exclusive_redis_xcom.api_server.watch.telling import Work
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store import Store

#: So many ids name a run.
_RUN = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What Redis is told of one request.

    Attributes:
        before: What is told before Airflow answers, for callers whom Airflow will let in. None if the request changes
            nothing that a task may read directly.
        after: What is told after the change.
        in_doubt: What is told where Airflow fails in the middle of the change.
        marked: The XCom whose mark `after` may set.
    """

    before: Work | None
    after: Work
    in_doubt: Work
    marked: tuple[Coordinate, ...] = ()


def of_row(call: routes.XComCall, scope: Scope, body: bytes | None) -> Plan:
    """Plan for a task's POST or DELETE of an XCom.

    Nothing is told before a task posts a reference to the value that Redis holds: that value's mark is not set yet.
    """
    if not isinstance(call, Write):
        return OF_ANYTHING
    at = call.coordinate
    version = touched.pushed_version(at, scope["headers"], body) if call.action == "push" else None
    removing = _removing([at])
    if version is None:
        return _of(removing)
    return Plan(None, lambda store: store.commit(at, version, lambda: results.listed_indexes(at)), removing, (at,))


def of_call(call: RestCall, scope: Scope, body: bytes | None, *, allowed: bool) -> Plan | None:
    """Plan for a request of the public REST API, or one that clears; None if it changes nothing. Asks the database.

    Args:
        call: The request.
        scope: The request's ASGI scope.
        body: The body; None if it is long.
        allowed: Whether Airflow will let the caller do it, as far as that is known.
    """
    if call.effect is Effect.CLEAR:
        return None if touched.only_asks(call, body) else _clearing(call, body)
    if call.effect is Effect.UNKNOWN:
        return OF_ANYTHING
    if touched.edits_one(call):
        at = touched.edited(call, scope.get("query_string", b""), body)
        return _of(_distrusting if at is None else _removing([at]))
    return _deleting(call, scope, body, allowed=allowed)


def _deleting(call: RestCall, scope: Scope, body: bytes | None, *, allowed: bool) -> Plan | None:
    """Plan for a deletion of several rows. Which rows they were is unknown afterwards, so they are listed before.

    They are not listed for somebody unknown.
    """
    within = touched.scopes(call, body)
    if within is not None and not within:
        return None
    if not allowed:
        return OF_ANYTHING
    before = _removing(touched.listed(within, map_index(call, scope.get("query_string", b""))))
    if within is None or len(within[0]) > _RUN:
        # A task instance may push just now, and tasks that read its XComs go on. In a deleted run nothing goes on. A
        # later run of the same name believes no mark from before the deletion.
        return Plan(before, _distrusting, _distrusting)
    return _of(before)


def _clearing(call: RestCall, body: bytes | None) -> Plan:
    """Plan for a clear. Nothing is in a hurry, because rows stay as they are until the next try begins."""

    def after(store: Store) -> None:
        _removing(touched.listed(touched.scopes(call, body)))(store)

    return Plan(None, after, _distrusting)


def _of(work: Work) -> Plan:
    return Plan(work, work, work)


def _removing(rows: Sequence[Coordinate] | None) -> Work:
    return _distrusting if rows is None else lambda store: store.uncommit(rows)


def _distrusting(store: Store) -> None:
    store.distrust()


#: For a request of which nobody knows what it changes.
OF_ANYTHING = _of(_distrusting)
