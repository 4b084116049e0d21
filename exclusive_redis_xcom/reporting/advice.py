"""How to allow a pull that a rule refused: the change that fits the rule, with the whole list to paste.

A rule is changed where it stands if it is about this XCom alone. A rule about several XComs stays as it is, since a
change would open more than was asked for. Then the advice is a rule for this XCom alone. Under `linked` and
`downstream`, the advice is the link or the dependency that the policy asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import source as sources
from exclusive_redis_xcom.acl.entry import quote
from exclusive_redis_xcom.acl.rule import DOWNSTREAM, LINKED

if TYPE_CHECKING:
    from datetime import timedelta

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.acl.source import Source
    from exclusive_redis_xcom.model import Coordinate, Principal

#: A longer list of consumers is not repeated.
_MOST_LISTED = 50


def to_allow(at: Coordinate, principal: Principal, acl: Acl, default_ttl: timedelta | None) -> str:
    """Say which change of the DAG file would allow a pull.

    Args:
        at: The XCom.
        principal: Who asks. The rule in force does not name this task.
        acl: The rule in force.
        default_ttl: The TTL of rules that set none, as the settings of this process have it.
    """
    source = sources.read(acl.source)
    if source is None:
        return _for_copy(at, acl)
    in_same_dag = principal.dag_id == at.dag_id
    if source.word == LINKED and in_same_dag:
        return _link(at, principal)
    if source.word == DOWNSTREAM and in_same_dag:
        return (
            f"declare that {principal.task_id} runs after {at.task_id}: {at.task_id} >> {principal.task_id}. The "
            f"rule says '{DOWNSTREAM}', so all tasks after {at.task_id} may pull."
        )
    consumer = principal.task_id if in_same_dag else f"{principal.dag_id}/{principal.task_id}"
    return _in_place(at, source, acl, consumer) or _closer(at, source, acl, consumer, default_ttl)


def _link(at: Coordinate, principal: Principal) -> str:
    template = f"{{{{ ti.xcom_pull(task_ids={at.task_id!r}, key={at.key!r}) }}}}"
    return (
        f"let {principal.task_id} take this XCom as an argument or in a template field, for example {template}. The "
        f"rule says '{LINKED}', so tasks that do so may pull."
    )


def _in_place(at: Coordinate, source: Source, acl: Acl, consumer: str) -> str | None:
    """Return how to change a rule that is about this XCom alone; None for other rules."""
    place = "" if source.place is None else f" at {source.place}"
    if source.entry == sources.BY_EXCLUSIVE:
        where = f"exclusive(..., to=...){place.partition(', ')[0]}"  # several calls add up, so one is enough
        return f"add {consumer} to {where}{_listed(acl, consumer, ': to=')}."
    if source.entry != f"xcom_acl[{quote(at.task_id)}][{quote(at.key)}]":
        return None
    if source.word is not None:
        return f"replace '{source.word}' in {source.entry}{place}{_listed(acl, consumer, ' by ')}."
    return f"add {consumer} to the consumers of {source.entry}{place}{_listed(acl, consumer, ': ')}."


def _closer(at: Coordinate, source: Source, acl: Acl, consumer: str, default_ttl: timedelta | None) -> str:
    """Return a rule for this XCom alone. It keeps what the wider rule says besides its consumers."""
    if len(acl.consumers) >= _MOST_LISTED:
        return f"name {consumer} in a rule of its own for this XCom, with the consumers that {source.entry} has."
    rule: object = [*acl.consumers, consumer]
    fields: dict[str, object] = {"consumers": rule}
    if acl.ttl is not None and acl.ttl != default_ttl:
        fields["ttl_seconds"] = int(acl.ttl.total_seconds())
    fields |= {name: True for name, is_set in (("same_run", acl.same_run), ("once", acl.once)) if is_set}
    entry = {at.task_id: {at.key: rule if len(fields) == 1 else fields}}
    return (
        f"add {entry} to params['xcom_acl'] of DAG '{at.dag_id}'. {source.entry} is about other XComs, too; this rule "
        "decides about this XCom alone."
    )


def _for_copy(at: Coordinate, acl: Acl) -> str:
    """Return what to do about the `return_value` of multiple outputs, which copies all keys."""
    if not acl.source.startswith(sources.COMBINED):
        return f"name the task as a consumer of key '{at.key}' in the params of DAG '{at.dag_id}'."
    return (
        f"pull single keys, or name the task as a consumer of every key. '{at.key}' holds a copy of all outputs, so "
        "only a consumer of every key may pull it."
    )


def _listed(acl: Acl, consumer: str, before: str) -> str:
    return "" if len(acl.consumers) >= _MOST_LISTED else f"{before}{[*acl.consumers, consumer]}"
