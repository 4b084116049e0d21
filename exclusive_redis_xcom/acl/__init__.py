"""Access control lists: who may read which XCom. This package is pure: it knows neither Redis nor Airflow."""

from __future__ import annotations

from exclusive_redis_xcom.acl.acl import Acl
from exclusive_redis_xcom.acl.deciding import decide
from exclusive_redis_xcom.acl.parsing import parse
from exclusive_redis_xcom.acl.rule import LINKED, POLICY_WORDS, DagGraph, Rule
from exclusive_redis_xcom.model import Decision

__all__ = ["LINKED", "POLICY_WORDS", "Acl", "DagGraph", "Decision", "Rule", "decide", "parse"]
