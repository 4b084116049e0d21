"""The rule that Redis holds beside a value, as the commands read and write it."""

from __future__ import annotations

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import describe_consumers
from exclusive_redis_xcom.errors import InvalidAcl


def rule_of(acl: bytes) -> Acl | None:
    """Read the rule of a hash; None if it cannot be read, so that it lets nobody in."""
    try:
        return Acl.loads(acl)
    except InvalidAcl:
        return None


def readers(acl: Acl | None) -> str:
    """Say who may pull what a rule is about, besides its producer."""
    return "nobody: the rule cannot be read" if acl is None else describe_consumers(acl.consumers, acl.dag_id)
