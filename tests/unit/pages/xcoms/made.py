"""Rows and what Redis holds for them, made for tests of the page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import Coordinate, Description
from exclusive_redis_xcom.pages.user import Readable
from exclusive_redis_xcom.pages.xcoms.rows import Row
from exclusive_redis_xcom.store.inventory import Held
from exclusive_redis_xcom.store.known import Known
from tests.unit.sealed_reference import AT, PUSHED, VERSION, acl_in_force

NOW = PUSHED + timedelta(days=1)
OWN_DAG = Readable(["sales"], ["sales", "secret_dag"])
ALL_DAGS = Readable(["sales", "reports"], ["sales", "reports"])


def reference(at: Coordinate = AT, **changes: Any) -> Reference:
    plain = Reference(
        coordinate=at,
        version=VERSION,
        type_name="str",
        size=10,
        consumers=("load",),
        rule="xcom_acl",
        pushed_at=PUSHED,
        expires_at=PUSHED + timedelta(days=7),
    )
    return replace(plain, **changes)


def row(held: Reference | None = None, at: Coordinate = AT, *, malformed: bool = False) -> Row:
    return Row(at, held, malformed, PUSHED)


def envelope(at: Coordinate = AT, **changes: Any) -> Envelope:
    return replace(Envelope(at, VERSION, "str", "off", 10, PUSHED, (), elsewhere=10), **changes)


def known(
    head: Envelope | None,
    rule: object = ("load",),
    *,
    acl: bytes | None = None,
    own_acl: bytes | None = None,
    claimer: str = "",
    told: Description | None = None,
    now: datetime = NOW,
) -> Known:
    text = acl_in_force(rule).dumps() if acl is None else acl
    held = Held(AT.map_index, 100, head, bool(claimer), head is not None and head.spilled is not None, told)
    return Known(now, text, text if own_acl is None else own_acl, held, claimer)
