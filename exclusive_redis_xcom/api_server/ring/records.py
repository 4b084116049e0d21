"""What goes on record about the values of an answer, and how a record names the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.ring.audit import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.api_server.requests.caller import Caller
    from exclusive_redis_xcom.api_server.ring.items import Item

#: A caller whose id is in no table. The rows of its run or of its try were deleted.
UNKNOWN = "a task instance that Airflow does not know"
_MAX_SHOWN_INDEXES = 20


def of_items(items: Sequence[Item], caller: Caller | None) -> list[Record]:
    """Return one record per XCom, not per value: a slice may hold thousands of values of a mapped task."""
    groups: dict[Any, list[Item]] = {}
    for item in items:
        if item.event is not None:
            at = item.at
            ids = at and (at.dag_id, at.run_id, at.task_id, at.key)
            groups.setdefault((item.event, ids, item.why), []).append(item)
    return [_record(event, why, members, caller) for (event, _, why), members in groups.items()]


def who(caller: Caller | None) -> dict[str, Any]:
    """Return the caller as a record's `extra` names it."""
    if caller is None:
        return {"who": UNKNOWN}
    return {"who": str(caller.principal), "state": caller.state, "try_number": caller.try_number}


def why_not_running(caller: Caller | None) -> str:
    """Say why a caller that is not running gets nothing."""
    if caller is None:
        return "Airflow knows no task instance with the token's id"
    if caller.is_over:
        return f"try {caller.try_number}, which the token is for, is over"
    return f"the task instance is not running, its state is {caller.state or 'none'}"


def owner(caller: Caller | None) -> str:
    """Return the caller as a record's owner."""
    return "unknown" if caller is None else f"{caller.principal.dag_id}/{caller.principal.task_id}"


def _record(event: str, why: str, members: Sequence[Item], caller: Caller | None) -> Record:
    at = members[0].at
    extra: dict[str, Any] = {**who(caller), "why": why}
    if at is not None:
        extra |= {"what": str(at), "key": at.key}
    if len(members) > 1:
        extra["values"] = len(members)
        extra["map_indexes"] = [member.at.map_index for member in members[:_MAX_SHOWN_INDEXES] if member.at is not None]
    return Record(event, at, owner(caller), extra, caller)
