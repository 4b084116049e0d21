"""A push, step by step.

1. The task must own the coordinate.
2. The rule in force for the key is found.
3. The value is encoded, and sealed or encrypted.
4. One script writes all of it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import clock, codec
from exclusive_redis_xcom.declaration import frozen_acl, frozen_acl_by_id, handed_on
from exclusive_redis_xcom.errors import ExclusiveXComError, InvalidReference
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.memory import size_of
from exclusive_redis_xcom.model import NOT_MAPPED, RETURN_KEY, Coordinate
from exclusive_redis_xcom.process import identity, inherited
from exclusive_redis_xcom.reporting import metrics, refusals, reports
from exclusive_redis_xcom.store import Push
from exclusive_redis_xcom.task import spill
from exclusive_redis_xcom.task.describing import description_of
from exclusive_redis_xcom.task.encryption import encrypt_payload
from exclusive_redis_xcom.task.new_reference import new_reference
from exclusive_redis_xcom.task.ownership import require_owner

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.codec import Encoded
    from exclusive_redis_xcom.declaration import FrozenAcl
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.task.access import Access

#: Airflow bounds ids at 250 and keys at 512 characters. Its database takes none that is far longer.
_MAX_ID_LENGTH = 1000


def push(access: Access, coordinate: Coordinate, value: Any) -> Reference:
    """Store a value of the running task.

    Raises:
        XComAccessDenied: The running task does not own the coordinate, or its DAG's ACL is unknown.
        XComTooLarge, XComNotSerializable, XComNotImportable: The value is too large, or cannot be encoded. Nothing was
            sent.
        ConfigurationError: Values are to be sealed and there is no key for it. Nothing was sent.
        StoreUnavailable: Redis did not take the value. An earlier value is unchanged.
    """
    settings = access.settings
    require_owner(coordinate, "push")
    _require_bounded(coordinate)
    shared_acl, acl = _acls_in_force(coordinate, value, settings.ttl)
    encoded = _encoded(coordinate, value, settings)
    if settings.reports_only:
        from exclusive_redis_xcom.reporting.kept_types import report_kept_types

        report_kept_types(coordinate, value)
    plain = _envelope(coordinate, encoded)
    encrypted = encrypt_payload(plain, acl, settings)
    ttl = acl.ttl or settings.ttl
    pushed_at = _write(
        access,
        Push(
            encrypted.envelope,
            acl=shared_acl.dumps(),
            ttl=ttl,
            own_acl=None if coordinate.map_index == NOT_MAPPED else acl.dumps(),
            once=acl.once,
            watched=settings.pulls_directly,
            description=description_of(value, encrypted.envelope, acl, settings),
        ),
    )
    return new_reference(
        value,
        plain,
        type_name=encoded.type_name,
        acl=acl,
        encrypted=encrypted,
        pushed_at=pushed_at,
        ttl=ttl,
        settings=settings,
    )


def _envelope(coordinate: Coordinate, encoded: Encoded) -> Envelope:
    return Envelope(
        coordinate=coordinate,
        version=secrets.token_hex(16),
        codec=encoded.codec,
        compression=encoded.compression,
        decoded_size=encoded.decoded_size,
        pushed_at=clock.now(),
        payload=encoded.payload,
    )


def _encoded(coordinate: Coordinate, value: Any, settings: Settings) -> Encoded:
    """Encode a value. The error of a value that cannot be encoded names its XCom."""
    try:
        return codec.encode(value, compression=settings.compression, max_bytes=settings.max_value_bytes)
    except ExclusiveXComError as error:
        problem = refusals.of_value(coordinate, "pushed", error)
    raise problem  # outside of `except`, so that the error has no context


def _write(access: Access, push: Push) -> datetime:
    """Write a value, and return when Redis took it, by the clock of Redis."""
    start = time.perf_counter()
    settings = access.settings
    if settings.spill_path is None:
        pushed_at = access.store.push(push)
    else:
        pushed_at = spill.push(access.store, settings.spill_path, settings.spill_threshold_bytes, push)
    envelope = push.envelope
    metrics.pushed(envelope.coordinate, size=size_of(envelope.payload), seconds=time.perf_counter() - start)
    return pushed_at


def _acls_in_force(coordinate: Coordinate, value: Any, default_ttl: timedelta) -> tuple[Acl, Acl]:
    """Return two rules of the ACL that was frozen when the DAG file was parsed: the key's, and this value's.

    They differ for the `return_value` of multiple outputs. Its rule also depends on the keys that it copies.
    """
    task_instance = identity.running_task_instance()
    task = getattr(task_instance, "task", None)
    frozen = _frozen_acl(coordinate, task, task_instance)
    whole = frozen.in_force(coordinate, None, default_ttl)
    # An unknown task may have multiple outputs.
    if coordinate.key != RETURN_KEY or not getattr(task, "multiple_outputs", task is None):
        return whole, whole
    output_keys = [key for key in value if isinstance(key, str)] if isinstance(value, Mapping) else []
    narrowed = frozen.in_force(coordinate, output_keys, default_ttl)
    return (narrowed if coordinate.map_index == NOT_MAPPED else whole), narrowed


def _frozen_acl(coordinate: Coordinate, task: Any, task_instance: Any) -> FrozenAcl:
    dag = getattr(task, "dag", None)
    if dag is not None:
        frozen: FrozenAcl | None = frozen_acl(dag, identity.run_conf_of(task_instance))
    else:
        frozen = frozen_acl_by_id(coordinate.dag_id) or _handed_on(coordinate)
    if frozen is None:
        error = refusals.unknown_acl(coordinate)
        reports.write(coordinate, identity.current_principal(), "push", error)
        raise error
    return frozen


def _handed_on(coordinate: Coordinate) -> FrozenAcl | None:
    """Return the rules that the task handed on to this process, which the task has started."""
    told = inherited.inherited()
    return None if told is None else handed_on.loads(told.rules, coordinate.dag_id, coordinate.task_id)


def _require_bounded(coordinate: Coordinate) -> None:
    for name in ("dag_id", "run_id", "task_id", "key"):
        if len(getattr(coordinate, name)) > _MAX_ID_LENGTH:
            raise InvalidReference(f"The {name} of an XCom is longer than {_MAX_ID_LENGTH} characters.")
