"""The `acl` field of a Redis hash: the one rule in force, as canonical JSON.

What comes back from Redis is not trusted. Its size is bounded, so that it is cheap to read and to decide by. `load`
accepts only the exact bytes that `dump` writes for the same rule. So each rule has one written form, and nothing is
guessed.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl.glob import is_pattern
from exclusive_redis_xcom.acl.limits import (
    MAX_ACL_BYTES,
    MAX_CONSUMER_LENGTH,
    MAX_CONSUMERS,
    MAX_RESOLVED_CONSUMERS,
    MAX_SOURCE_LENGTH,
    MAX_TTL_SECONDS,
)
from exclusive_redis_xcom.acl.rule import Rule
from exclusive_redis_xcom.errors import InvalidAcl

if TYPE_CHECKING:
    from collections.abc import Collection

_VERSION = 1
_MAX_DIGITS = 15
_MILLISECOND = timedelta(milliseconds=1)
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


def dump(dag_id: str, rule: Rule) -> bytes:
    """Write a rule in force as canonical JSON.

    Raises:
        InvalidAcl: This is not a rule in force, or it is larger than `load` accepts.
    """
    if not rule.exact or isinstance(rule.consumers, str):
        raise InvalidAcl(f"A rule is not resolved for one XCom: call in_force first.\nDAG '{dag_id}', {rule.source}.")
    data = _written(dag_id, rule)
    too_many = _too_many(rule.consumers)
    if too_many is None and len(data) > MAX_ACL_BYTES:
        too_many = f"take {len(data)} bytes, more than {MAX_ACL_BYTES}"
    if too_many is not None:
        raise InvalidAcl(
            f"The consumers of a rule {too_many}.\n"
            f"The rule is {rule.source} in DAG '{dag_id}'.\n"
            "Name the consumers with a pattern that matches more of them."
        )
    return data


def _written(dag_id: str, rule: Rule) -> bytes:
    return _to_bytes(
        {
            "consumers": list(rule.consumers),
            "dag_id": dag_id,
            "key": rule.key,
            "once": rule.once,
            "producer": rule.producer,
            "restricted": rule.restricted,
            "same_run": rule.same_run,
            "source": rule.source,
            "ttl_ms": None if rule.ttl is None else rule.ttl // _MILLISECOND,
            "version": _VERSION,
        }
    )


def _too_many(consumers: Collection[str]) -> str | None:
    """Say which limit the consumers of a stored rule exceed; None if they exceed none."""
    if len(consumers) > MAX_RESOLVED_CONSUMERS:
        return f"are {len(consumers)}, more than {MAX_RESOLVED_CONSUMERS}"
    if len(consumers) > MAX_CONSUMERS and sum(map(is_pattern, consumers)) > MAX_CONSUMERS:
        return f"have more than {MAX_CONSUMERS} patterns"
    if any(len(consumer) > MAX_CONSUMER_LENGTH for consumer in consumers):
        return f"have one of more than {MAX_CONSUMER_LENGTH} characters"
    return None


def load(data: bytes | bytearray | memoryview) -> tuple[str, Rule]:
    """Read the DAG id and the rule in force that `dump` wrote.

    Raises:
        InvalidAcl: The bytes are anything else.
    """
    fields = _fields(data)
    dag_id: str = fields["dag_id"]
    ttl_ms = fields["ttl_ms"]
    rule = Rule(
        producer=fields["producer"],
        key=fields["key"],
        consumers=tuple(fields["consumers"]),
        source=fields["source"],
        ttl=None if ttl_ms is None else ttl_ms * _MILLISECOND,
        same_run=fields["same_run"],
        once=fields["once"],
        restricted=fields["restricted"],
        exact=True,
    )
    if _written(dag_id, rule) != bytes(data):
        raise InvalidAcl("The ACL stored with this XCom is not in canonical form")
    return dag_id, rule


def _to_bytes(fields: dict[str, Any]) -> bytes:
    # ASCII only: ids with lone surrogates can be written, and nothing that normalises Unicode changes the bytes.
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _fields(data: bytes | bytearray | memoryview) -> dict[str, Any]:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise InvalidAcl("The ACL stored with this XCom is not bytes")
    if len(data) > MAX_ACL_BYTES:
        raise InvalidAcl(f"The ACL stored with this XCom is larger than {MAX_ACL_BYTES} bytes")
    try:
        fields = json.loads(bytes(data).decode("ascii"), parse_int=_bounded_int)
    except (ValueError, RecursionError):
        raise InvalidAcl("The ACL stored with this XCom is not JSON") from None
    if not isinstance(fields, dict) or fields.keys() != _TYPES.keys():
        raise InvalidAcl("The ACL stored with this XCom does not have the fields of an ACL")
    _check_types(fields)
    return fields


def _check_types(fields: dict[str, Any]) -> None:
    for name, types in _TYPES.items():
        if type(fields[name]) not in types:
            raise InvalidAcl(f"The ACL stored with this XCom has a wrong type in '{name}'")
    if fields["version"] != _VERSION:
        raise InvalidAcl(f"The ACL stored with this XCom has an unknown version; this package knows {_VERSION}")
    if not all(type(consumer) is str and consumer for consumer in fields["consumers"]):
        raise InvalidAcl("The ACL stored with this XCom has a consumer that is not text")
    too_many = _too_many(fields["consumers"])
    if too_many is not None:
        raise InvalidAcl(f"The consumers of the ACL stored with this XCom {too_many}")
    if any(consumer.count("/") > 1 for consumer in fields["consumers"]):
        raise InvalidAcl("The ACL stored with this XCom has a consumer with more than one '/'")
    if len(fields["source"]) > MAX_SOURCE_LENGTH or not fields["source"].isprintable():
        raise InvalidAcl("The ACL stored with this XCom has a source that nobody declared")
    ttl_ms = fields["ttl_ms"]
    if ttl_ms is not None and not 0 < ttl_ms <= MAX_TTL_SECONDS * 1000:
        raise InvalidAcl("The ACL stored with this XCom has a ttl_ms out of range")


def _bounded_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("too many digits")
    return int(digits)
