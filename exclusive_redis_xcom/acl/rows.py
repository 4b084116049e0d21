"""A rule as a list for JSON. A process hands rules on to another one in this form; nothing keeps it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl.rule import POLICY_WORDS, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

_MILLISECOND = timedelta(milliseconds=1)


def to_row(rule: Rule) -> list[Any]:
    """Write a rule of a DAG. Policy words stay in place."""
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


def from_row(
    producer: str | None,
    key: str,
    consumers: str | list[str],
    source: str,
    ttl_ms: int | None,
    same_run: bool,
    once: bool,
    restricted: bool,
) -> Rule:
    """Read a rule that `to_row` wrote.

    Raises:
        ValueError: A text stands where consumers belong, and it is no policy word.
    """
    return Rule(
        producer=producer,
        key=key,
        consumers=word(consumers) if isinstance(consumers, str) else texts(consumers),
        source=source,
        ttl=None if ttl_ms is None else ttl_ms * _MILLISECOND,
        same_run=same_run,
        once=once,
        restricted=restricted,
    )


def word(text: str) -> str:
    """Return a policy word.

    Raises:
        ValueError: It is none.
    """
    if text not in POLICY_WORDS:
        raise ValueError("no policy word")
    return text


def texts(parts: Iterable[Any]) -> tuple[str, ...]:
    """Return all parts as texts."""
    return tuple(str(part) for part in parts)
