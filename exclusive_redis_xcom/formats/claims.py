"""Who has claimed a read-once value: the answer to a claim, the text that Redis keeps, and that text for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from exclusive_redis_xcom.model import Coordinate, Principal, one_line

#: Far above what `claimer_text` writes for ids of at most 250 characters. What is longer is not read.
_MAX_TEXT = 16 * 1024
_MAX_SHOWN_ID = 250
_MAX_DIGITS = 10
_UNREADABLE = "a task instance whose name in Redis is not readable"


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of the claim to one read-once value.

    `status` is "granted", now or to the same claimer before; "taken" by `claimer`; "gone" if Redis holds no
    unclaimed or claimed value of that version (any more); "withheld" if it is free but was not claimed, because
    another one asked for with it was taken or gone. Only "granted" entitles to the value.
    """

    status: Literal["granted", "taken", "gone", "withheld"]
    claimer: str | None = None

    @classmethod
    def of(cls, holder: bytes | None, claimer: str) -> Claim:
        """What `lua/claim.lua` answers for one value, read for who asked."""
        if holder is None:
            return cls("gone")
        if not holder:
            return cls("withheld")
        if holder == claimer.encode():
            return cls("granted", claimer)
        # Anybody with the workers' password could have written it: it is shown, bounded, and never trusted.
        return cls("taken", holder[:_MAX_TEXT].decode("utf-8", "replace"))


def claimer_text(principal: Principal) -> str:
    """Canonical JSON of a task instance, `[dag_id, task_id, run_id, map_index]`, ASCII only and never empty.

    The number of the try is not in it: a retry is the same claimer.

    Raises:
        ValueError: Run or map_index of the principal are not known, so it is no single task instance.
    """
    if principal.run_id is None or principal.map_index is None:
        raise ValueError("Only a task instance whose run and map_index are known can claim a value.")
    ids = [principal.dag_id, principal.task_id, principal.run_id, principal.map_index]
    return json.dumps(ids, separators=(",", ":"), ensure_ascii=True)


def is_producer(principal: Principal | None, coordinate: Coordinate) -> bool:
    """Whether the principal is the very task instance that the XCom belongs to, which reads it without claiming."""
    return principal is not None and (
        (principal.dag_id, principal.run_id, principal.task_id, principal.map_index)
        == (coordinate.dag_id, coordinate.run_id, coordinate.task_id, coordinate.map_index)
    )


def describe(text: str | None) -> str:
    """The claimer for people: "task 'load' of DAG 'etl' (run 'r1')".

    Args:
        text: What stood in Redis or in a reference, hence untrusted: whatever it is, the result is one short line.
    """
    principal = _parse(text)
    return _UNREADABLE if principal is None else str(principal)


def _parse(text: str | None) -> Principal | None:
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
