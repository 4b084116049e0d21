"""The rules about a value: those stored with it or sealed in its reference, and the one that the DAG declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.glob import matches
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.model import NOT_MAPPED, RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.access import DagFacts
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate


@dataclass(frozen=True, slots=True)
class Strictness:
    """What a rule says about revealing: whether it restricts the key, and whether a value may be read once."""

    restricted: bool
    once: bool


#: A rule that is missing or cannot be read. Nobody is let in by it.
UNREADABLE = None


def stored(at: Coordinate, acl: bytes, own_acl: bytes) -> list[Acl | None]:
    """Return the rules that a pull asks: the key's, and the value's own where the task is mapped."""
    texts = (acl,) if at.map_index == NOT_MAPPED else (acl, own_acl)
    return [_read(text) for text in texts]


def sealed(reference: Reference) -> Acl | None:
    """Return the rule that the seal of a reference names. Only an opened seal proves it."""
    return None if reference.seal is None else _read(reference.seal.acl)


def strictness(rules: Iterable[Acl | None]) -> Strictness | None:
    """Return what rules say together; None if one of them cannot be read, or if there is none."""
    found = list(rules)
    readable = [rule for rule in found if rule is not None]
    if not readable or len(readable) < len(found):
        return UNREADABLE
    return Strictness(any(rule.restricted for rule in readable), any(rule.once for rule in readable))


def declared(facts: DagFacts, at: Coordinate) -> Strictness:
    """Return what the DAG's latest version says of an XCom.

    `return_value` may copy what the task pushes under other keys, too. Then rules about any key of the task count.
    """
    rules = [facts.acl.rule_for(at.task_id, at.key)]
    task = facts.tasks.get(at.task_id)
    if at.key == RETURN_KEY and (task is None or task.multiple_outputs):
        rules += [rule for rule in facts.acl.rules if rule.producer is None or matches(rule.producer, at.task_id)]
    return Strictness(any(rule.restricted for rule in rules), any(rule.once for rule in rules))


def _read(text: bytes) -> Acl | None:
    try:
        return Acl.loads_again(text) if text else UNREADABLE
    except InvalidAcl:
        return UNREADABLE
