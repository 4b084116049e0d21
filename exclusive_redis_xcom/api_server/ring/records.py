"""What goes on record about the values of an answer, and how a record names the caller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.api_server.ring.audit import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.api_server.requests.caller import Caller
    from exclusive_redis_xcom.api_server.ring.items import Item
    from exclusive_redis_xcom.model import Coordinate

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
    return [_of_members(event, why, members, caller) for (event, _, why), members in groups.items()]


def of_granted(at: Coordinate, indexes: Sequence[int], whys: Sequence[str], caller: Caller) -> list[Record]:
    """Return the same for results of one mapped task that were all granted.

    Args:
        at: The XCom of any of them.
        indexes: The map index of each.
        whys: The reason for each.
        caller: Who asked.
    """
    groups: dict[str, list[int]] = {}
    for index, why in zip(indexes, whys, strict=True):
        groups.setdefault(why, []).append(index)
    return [
        _record(audit.GRANTED, why, replace(at, map_index=of_one[0]), of_one, len(of_one), caller)
        for why, of_one in groups.items()
    ]


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


def _of_members(event: str, why: str, members: Sequence[Item], caller: Caller | None) -> Record:
    indexes = [member.at.map_index for member in members if member.at is not None]
    return _record(event, why, members[0].at, indexes, len(members), caller)


def _record(
    event: str, why: str, at: Coordinate | None, indexes: Sequence[int], values: int, caller: Caller | None
) -> Record:
    extra: dict[str, Any] = {**who(caller), "why": why}
    if at is not None:
        extra |= {"what": str(at), "key": at.key}
    if values > 1:
        extra |= {"values": values, "map_indexes": list(indexes[:_MAX_SHOWN_INDEXES])}
    return Record(event, at, owner(caller), extra, caller)
