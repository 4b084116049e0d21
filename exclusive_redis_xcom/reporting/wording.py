"""The words that errors share: short names for their first lines, and whole names for the lines below.

The first line of an error is the decision, see `first_line`. Further lines give the cause, the remedy, and the whole
ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl.rule import consumer_ids
from exclusive_redis_xcom.model import NOT_MAPPED, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.first_line import Shorten
    from exclusive_redis_xcom.model import Coordinate, Principal

#: A line with whole ids is no longer than this.
_MOST_LINE = 4000
#: What a task without an identity is called.
NOBODY_KNOWN = "a task without an identity"
#: Why a write is refused, and what to do, by what the task wanted.
NOT_ITS_OWN = "a task instance may write and remove only its own XComs"
OWNERS_REMEDY = {
    "push": "Return or xcom_push the value in the task instance that owns it.",
    "remove": "Remove the XCom in the task instance that owns it.",
}


def lines(*parts: str) -> str:
    """Join the lines of a text; an empty part is no line."""
    return "\n".join(part for part in parts if part)


def sentence(text: str) -> str:
    """Return a text that begins with a capital."""
    return text[:1].upper() + text[1:]


def short_xcom(at: Coordinate, short: Shorten) -> str:
    """Name an XCom as in `'token' of extract[3]`."""
    return f"'{short(at.key)}' of {short(at.task_id)}{_index(at.map_index)}"


def short_asker(principal: Principal | None, at: Coordinate, short: Shorten) -> str:
    """Name who asks for an XCom, as in `report` or `bi/report`: with the DAG where that is another one."""
    if principal is None:
        return NOBODY_KNOWN
    dag = "" if principal.dag_id == at.dag_id else f"{short(principal.dag_id)}/"
    return f"{dag}{short(principal.task_id)}{_index(principal.map_index)}"


def only(consumers: Sequence[str], at: Coordinate, short: Shorten, most: int) -> str:
    """Say who alone may pull, as in `only load may`. At most so many consumers are named."""
    if not consumers:
        return f"only {short(at.task_id)} itself may"
    if tuple(consumers) == ("*",):
        return f"only tasks of {short(at.dag_id)} may"
    names = [_short_consumer(consumer, at.dag_id, short) for consumer in consumers[:most]]
    more = len(consumers) - len(names)
    if more:
        return f"only {', '.join(names)} and {more} more may"
    return f"only {' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))} may"


def where(at: Coordinate, principal: Principal | None = None) -> str:
    """Return the line with the whole ids: of the XCom, and of who asked if that is known."""
    asked = "" if principal is None else f" Asked by {principal}."
    return one_line(f"{at}.{asked}", _MOST_LINE)


def logged(at: Coordinate, principal: Principal | None) -> str:
    """Name an XCom and who asked in few words, for a line in a log."""
    who = NOBODY_KNOWN
    if principal is not None:
        who = f"{principal.dag_id}/{principal.task_id}{_index(principal.map_index)}"
    return one_line(f"key '{at.key}' of {at.dag_id}/{at.task_id}{_index(at.map_index)}, asked by {who}", _MOST_LINE)


def _short_consumer(consumer: str, dag_id: str, short: Shorten) -> str:
    dag, task = consumer_ids(consumer, dag_id)
    return short(task) if dag == dag_id and "/" not in consumer else f"{short(dag)}/{short(task)}"


def _index(map_index: int | None) -> str:
    return "" if map_index in (None, NOT_MAPPED) else f"[{map_index}]"
