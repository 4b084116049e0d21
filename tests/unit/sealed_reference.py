"""A sealed reference and the keys around it, for tests of the pure layers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from exclusive_redis_xcom.acl import Acl, parse
from exclusive_redis_xcom.crypto import (
    SealPrivateKeys,
    SealPublicKey,
    generate_seal_keys,
    seal_info,
    seal_key,
)
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.model import Coordinate, Principal

AT = Coordinate("sales", "run_1", "extract", "token")
VERSION = "0123456789abcdef0123456789abcdef"
DATA_KEY = bytes(range(32))
PUSHED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)

PUBLIC_TEXT, PRIVATE_TEXT = generate_seal_keys()
PUBLIC, PRIVATE = SealPublicKey.parse(PUBLIC_TEXT), SealPrivateKeys.parse(PRIVATE_TEXT)

LOAD = Principal("sales", "load", "run_1", -1)
REPORT = Principal("sales", "report", "run_1", -1)
EXTRACT = Principal("sales", "extract", "run_1", -1)


class NoGraph:
    """A DAG without wires: rules here name their consumers."""

    task_ids = frozenset({"extract", "load", "report"})

    def downstream_of(self, task_id: str) -> frozenset[str]:
        return frozenset()

    def upstream_of(self, task_id: str) -> frozenset[str]:
        return frozenset()

    def linked_to(self, task_id: str, key: str) -> frozenset[str]:
        return frozenset()


def acl_in_force(rule: object = ("load",), at: Coordinate = AT) -> Acl:
    declared = {at.task_id: {at.key: list(rule) if isinstance(rule, tuple) else rule}}
    acl = parse(declared, dag_id=at.dag_id, task_ids=NoGraph.task_ids | {at.task_id}, default_consumers="nobody")
    return acl.in_force(at, NoGraph())


def sealed_reference(rule: object = ("load",), public: SealPublicKey = PUBLIC) -> Reference:
    acl = acl_in_force(rule)
    sealed_key = seal_key(DATA_KEY, public, seal_info(AT, VERSION, acl.dumps()))
    return Reference(
        coordinate=AT,
        version=VERSION,
        type_name="str",
        size=10,
        consumers=acl.consumers,
        rule=acl.source,
        pushed_at=PUSHED,
        expires_at=PUSHED + timedelta(days=7),
        seal=Seal(public.key_id, acl.dumps(), sealed_key=sealed_key),
    )


def moved(reference: Reference, **coordinate: Any) -> Reference:
    return replace(reference, coordinate=replace(reference.coordinate, **coordinate))
