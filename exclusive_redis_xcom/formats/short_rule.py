"""The rule in a seal, without what its reference says anyway. It is written so in references of format 3.

A seal binds the exact bytes of a rule in force (`Acl.dumps`): canonical JSON with ten fields. The reference has the
coordinate and the TTL. So the short form leaves out a field that has the value known from there, or the usual value:

```json
{"consumers": ["load"], "source": "xcom_acl['extract']['token'] at sales.py:12"}
```

`expand` returns the same bytes again, or raises an error. Bytes that are no such rule are written as text. So each rule
has one form. Nothing here is trusted: the seal proves the bytes, and `Acl.loads` reads them.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats.reference_fields import OBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.model import Coordinate

#: The fields that a short form always has. The sentence of a reference names the first consumers only.
_ALWAYS = {"consumers", "source"}
_TYPES: dict[str, tuple[type, ...]] = {
    "consumers": (list,),
    "dag_id": (str,),
    "key": (str,),
    "once": (bool,),
    "producer": (str,),
    "restricted": (bool,),
    "same_run": (bool,),
    "source": (str,),
    "ttl_ms": (int, type(None)),
    "version": (int,),
}
_STR = frozenset({str})
_NONE: frozenset[tuple[str, Any]] = frozenset()
#: Results of a mapped task share a rule, so the last rules are remembered. Longer ones are not: they take much memory.
_REMEMBERED = 16 * 1024
#: What a text takes in a list besides its characters: quotes and a comma in JSON, and a pointer in memory.
_PER_TEXT = 8


def shorten(acl: bytes, at: Coordinate, ttl_ms: int) -> dict[str, Any] | str:
    """Return the short form of a rule; the text itself if it is no rule that can be shortened.

    Args:
        acl: The rule, as `Acl.dumps` wrote it.
        at: The coordinate in the reference.
        ttl_ms: The TTL in the reference.
    """
    ids = (at.dag_id, at.task_id, at.key, ttl_ms)
    short = _remembered(acl, *ids) if len(acl) <= _REMEMBERED else _short(acl, *ids)
    return acl.decode("ascii") if short is None else {**short, "consumers": [*short["consumers"]]}


def expand(value: object, at: Coordinate, ttl_ms: int) -> tuple[str, tuple[str, ...], str]:
    """Return the rule whose short form this is, as text. Its consumers and its source follow, for people.

    Raises:
        ValueError: It is not what `shorten` returns for any rule of this coordinate and TTL.
    """
    if isinstance(value, str):
        if not isinstance(shorten(value.encode("ascii"), at, ttl_ms), str):
            raise ValueError
        return value, (), ""
    if not isinstance(value, OBJECT):
        raise ValueError
    consumers, source = value.get("consumers"), value.get("source")
    if type(consumers) is not list or type(source) is not str or not _STR.issuperset(map(type, consumers)):
        raise ValueError
    names = tuple(consumers)
    others = _NONE if len(value) == len(_ALWAYS) else _others(value)
    size = len(source) + sum(map(len, names)) + _PER_TEXT * len(names)
    size += sum(len(content) for _, content in others if type(content) is str)
    text = _remembered_text if size <= _REMEMBERED else _text
    return text(names, source, others, at.dag_id, at.task_id, at.key, ttl_ms), names, source


def _others(value: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    """Return the fields of a short form that it does not always have."""
    if not value.keys() <= _TYPES.keys() or not _are_typed(value):
        raise ValueError
    return frozenset((name, content) for name, content in value.items() if name not in _ALWAYS)


def _known(dag_id: str, task_id: str, key: str, ttl_ms: int) -> dict[str, Any]:
    return {
        "dag_id": dag_id,
        "key": key,
        "once": False,
        "producer": task_id,
        "restricted": True,
        "same_run": False,
        "ttl_ms": ttl_ms,
        "version": 1,
    }


def _short(acl: bytes, *ids: Any) -> dict[str, Any] | None:
    try:
        rule = json.loads(acl)
    except (ValueError, RecursionError):
        return None
    if not isinstance(rule, dict) or rule.keys() != _TYPES.keys() or not _are_typed(rule):
        return None
    known = _known(*ids)
    short = {name: value for name, value in rule.items() if name not in known or value != known[name]}
    return short if _written(known | short) == acl.decode("ascii") else None


_remembered = functools.lru_cache(maxsize=256)(_short)


def _text(names: tuple[str, ...], source: str, others: frozenset[tuple[str, Any]], *ids: Any) -> str:
    known = _known(*ids)
    if any(value == known[name] for name, value in others):
        raise ValueError  # it would have been left out
    return _written({**known, **dict(others), "consumers": names, "source": source})


_remembered_text = functools.lru_cache(maxsize=256)(_text)


def _written(rule: Mapping[str, Any]) -> str:
    # As `acl/canonical.py` writes it. If that changes, rules are not shortened, and nothing else happens.
    return json.dumps(rule, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _are_typed(rule: Mapping[str, Any]) -> bool:
    typed = all(type(value) in _TYPES[name] for name, value in rule.items())
    return typed and _STR.issuperset(map(type, rule["consumers"]))
