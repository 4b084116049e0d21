"""Claims to read-once values: the answer to a claim, the text that Redis keeps, and the same text for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from exclusive_redis_xcom.model import Coordinate, Principal, one_line

#: A longer text is not read. `claimer_text` writes far less for ids of at most 250 characters.
_MAX_TEXT = 16 * 1024
_MAX_SHOWN_ID = 250
_MAX_DIGITS = 10
_UNREADABLE = "a task instance whose name in Redis is not readable"


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim to one read-once value. Only "granted" entitles to the value.

    `status` says which answer it is:

    - "granted": the claim succeeded, now or earlier for the same claimer.
    - "taken": `claimer` has claimed the value.
    - "gone": Redis no longer holds the value in that version.
    - "withheld": the value is free. It was not claimed, because another value of the same request was taken or gone.
    - "not_yet": nobody has tried to claim it, because the task reads ahead.
    """

    status: Literal["granted", "taken", "gone", "withheld", "not_yet"]
    claimer: str | None = None

    @classmethod
    def of(cls, holder: bytes | None, claimer: str) -> Claim:
        """Read the answer of `claim.lua` for one value, on behalf of `claimer`."""
        if holder is None:
            return cls("gone")
        if not holder:
            return cls("withheld")
        if holder == claimer.encode():
            return cls("granted", claimer)
        # Anybody with the workers' password could have written the text: it is cut, shown, and never trusted.
        return cls("taken", holder[:_MAX_TEXT].decode("utf-8", "replace"))


def claimer_text(principal: Principal) -> str:
    """Name a task instance in canonical JSON, `[dag_id, task_id, run_id, map_index]`: ASCII, never empty.

    The number of the try is not in it: a retry is the same claimer.

    Raises:
        ValueError: The principal's run or map_index is not known, so it is no single task instance.
    """
    if principal.run_id is None or principal.map_index is None:
        raise ValueError("Only a task instance whose run and map_index are known can claim a value.")
    ids = [principal.dag_id, principal.task_id, principal.run_id, principal.map_index]
    return json.dumps(ids, separators=(",", ":"), ensure_ascii=True)


def is_producer(principal: Principal | None, coordinate: Coordinate) -> bool:
    """Tell whether the principal is the XCom's own task instance, which reads it without a claim."""
    return principal is not None and (
        (principal.dag_id, principal.run_id, principal.task_id, principal.map_index)
        == (coordinate.dag_id, coordinate.run_id, coordinate.task_id, coordinate.map_index)
    )


def describe(text: str | None) -> str:
    """Name the claimer for people, as in "task 'load' of DAG 'etl' (run 'r1')".

    Args:
        text: The text from Redis or from a reference. It is not trusted: the result is one short line whatever it is.
    """
    principal = parse_claimer(text)
    return _UNREADABLE if principal is None else str(principal)


def parse_claimer(text: str | None) -> Principal | None:
    """Read what `claimer_text` wrote; None if it is something else. Ids are shortened, and print."""
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        return None
    try:
        parts = json.loads(text, parse_int=_bounded_int)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or len(parts) != 4:
        return None
    *ids, map_index = parts
    if type(map_index) is not int or not all(type(name) is str for name in ids):
        return None
    dag_id, task_id, run_id = (one_line(name, _MAX_SHOWN_ID) for name in ids)
    return Principal(dag_id, task_id, run_id, map_index)


def _bounded_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("too many digits")
    return int(digits)
