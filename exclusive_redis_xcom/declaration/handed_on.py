"""The rules for one task's own XComs, as text. A task hands them on to the processes that it starts.

Such a process has not parsed the DAG file, so it could not push anything without them (`process/inherited.py`). The
policy words stay in place. What they need of the DAG's graph goes along.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import LINKED, POLICY_WORDS, Acl, Rule
from exclusive_redis_xcom.acl.glob import matches
from exclusive_redis_xcom.acl.rule import DOWNSTREAM
from exclusive_redis_xcom.declaration.frozen import FrozenAcl
from exclusive_redis_xcom.declaration.graph import TaskGraph

if TYPE_CHECKING:
    from collections.abc import Iterable

_MILLISECOND = timedelta(milliseconds=1)


def dumps(frozen: FrozenAcl, task_id: str) -> str:
    """Write the rules that may be about a task's XComs, and the part of the graph that they need."""
    acl, graph = frozen.acl, frozen.graph
    rules = [rule for rule in acl.rules if rule.producer is None or matches(rule.producer, task_id)]
    words = {acl.default, *(rule.consumers for rule in rules if isinstance(rule.consumers, str))}
    downstream = graph.downstream_of(task_id) if DOWNSTREAM in words else ()
    links = graph.links_of(task_id) if LINKED in words else {}
    return json.dumps(
        {
            "default": acl.default,
            "rules": [_row(rule) for rule in rules],
            "downstream": sorted(downstream),
            "links": {key: sorted(consumers) for key, consumers in links.items()},
        },
        separators=(",", ":"),
    )


def loads(text: str, dag_id: str, task_id: str) -> FrozenAcl | None:
    """Read what `dumps` wrote for a task; None if it is anything else."""
    try:
        fields = json.loads(text)
        acl = Acl(dag_id, tuple(_rule(*row) for row in fields["rules"]), _word(fields["default"]))
        links = {str(key): frozenset(_texts(consumers)) for key, consumers in fields["links"].items()}
        graph = TaskGraph(task_id, frozenset(_texts(fields["downstream"])), links)
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError):
        return None
    return FrozenAcl(acl, graph)


def _row(rule: Rule) -> list[Any]:
    ttl_ms = None if rule.ttl is None else rule.ttl // _MILLISECOND
    return [
        rule.producer,
        rule.key,
        rule.consumers if isinstance(rule.consumers, str) else list(rule.consumers),
        rule.source,
        ttl_ms,
        rule.same_run,
        rule.once,
        rule.restricted,
    ]


def _rule(
    producer: str | None,
    key: str,
    consumers: str | list[str],
    source: str,
    ttl_ms: int | None,
    same_run: bool,
    once: bool,
    restricted: bool,
) -> Rule:
    return Rule(
        producer=producer,
        key=key,
        consumers=_word(consumers) if isinstance(consumers, str) else _texts(consumers),
        source=source,
        ttl=None if ttl_ms is None else ttl_ms * _MILLISECOND,
        same_run=same_run,
        once=once,
        restricted=restricted,
    )


def _word(word: str) -> str:
    if word not in POLICY_WORDS:
        raise ValueError("no policy word")
    return word


def _texts(parts: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(part) for part in parts)
