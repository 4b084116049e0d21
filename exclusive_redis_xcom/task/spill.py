"""Values that are too large for Redis. Their payload lies in an object, and Redis has the envelope's head.

The object begins with the same head, which proves the value's coordinate and version. The payload follows as it would
lie in Redis: compressed, sealed or encrypted. The object is written before Redis refers to it, and removed when Redis
no longer does. `exclusive-xcom gc` removes objects that are left between these steps. The code for object storage is
imported only where a value is or was spilled, because tasks must start fast.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import ConfigurationError, ExclusiveXComError, XComTooLarge
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.memory import size_of
from exclusive_redis_xcom.reporting import losses
from exclusive_redis_xcom.reporting.wording import lines, short_xcom, where
from exclusive_redis_xcom.task.access import MOST_OVERHEAD

if TYPE_CHECKING:
    from datetime import datetime

    from exclusive_redis_xcom.errors import CorruptValue
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.object_storage import ObjectStorage
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Push, Store

log = logging.getLogger("exclusive_redis_xcom")


def push(store: Store, url: str, threshold_bytes: int, push: Push) -> datetime:
    """Push a value to the store; a payload larger than `threshold_bytes` goes to object storage.

    Raises:
        StoreUnavailable: Redis or the object storage did not take the value. An earlier value is unchanged.
        ConfigurationError: No installed library knows the object storage.
    """
    at = push.envelope.coordinate
    (older,) = store.spilled([at])
    if size_of(push.envelope.payload) > threshold_bytes:
        push = replace(push, envelope=written(url, push.envelope))
    newer = push.envelope.spilled
    try:
        pushed_at = store.push(push)
    except Exception:
        _forget(url, at, newer)
        raise
    if older != newer:
        _forget(url, at, older)
    return pushed_at


def written(url: str, envelope: Envelope) -> Envelope:
    """Write the payload to an object, and return the envelope without it.

    Raises:
        StoreUnavailable, ConfigurationError: As for `push`.
    """
    from exclusive_redis_xcom.formats.object_names import object_name
    from exclusive_redis_xcom.object_storage import NoSuchObject, ObjectStorage

    storage, name = ObjectStorage(url), object_name(envelope.coordinate, envelope.version)
    head = envelope.spilled_to(name)
    try:
        storage.write(name, (head.pack(), *envelope.payload))
    except Exception:
        with contextlib.suppress(NoSuchObject, ExclusiveXComError):
            storage.remove(name)
        raise
    return head


def fetched(envelope: Envelope, settings: Settings) -> Envelope:
    """Return an envelope with its payload, from object storage if it lies there.

    The caller has checked that the access list allows the read.

    Raises:
        XComExpired: The object is gone.
        CorruptValue: The object is not the one that was pushed, or Redis names another object than this value's own.
        XComTooLarge: The payload is larger than `max_value_bytes` allows.
        ConfigurationError: There is no `spill_path` here, or no installed library knows it.
        StoreUnavailable: The object storage could not be asked.
    """
    if envelope.spilled is None:
        return envelope
    at = envelope.coordinate
    if settings.spill_path is None:
        raise ConfigurationError(
            lines(
                "[exclusive_redis_xcom] spill_path is not set here, and a value lies in object storage.",
                "Set it to the same value on all components.",
                where(at),
            )
        )
    from exclusive_redis_xcom.formats.object_names import object_name
    from exclusive_redis_xcom.object_storage import NoSuchObject, ObjectStorage

    if envelope.spilled != object_name(at, envelope.version):  # whoever has Redis' password can write anything there
        raise losses.damaged(
            at,
            "Redis names an object of another value",
            "Somebody has written to Redis past this package.",
            f"Find out who writes to that Redis, and clear {at.task_id}.",
        )
    if envelope.payload_size > settings.max_value_bytes + MOST_OVERHEAD:
        raise XComTooLarge(
            lines(
                fitted(lambda short: f"{short_xcom(at, short)} is larger than max_value_bytes allows here."),
                f"It takes {envelope.payload_size} bytes in object storage, and max_value_bytes is "
                f"{settings.max_value_bytes}.",
                "Raise it on all components, or push less.",
                where(at),
            )
        )
    try:
        return envelope.with_payload((_payload(ObjectStorage(settings.spill_path), envelope, envelope.spilled),))
    except NoSuchObject:
        raise losses.object_gone(at) from None


def purge(store: Store, url: str, coordinate: Coordinate) -> None:
    """Remove a value from the store, and its object.

    An object that cannot be removed is only logged.

    Raises:
        StoreUnavailable: Redis could not be asked.
    """
    (name,) = store.spilled([coordinate])
    store.purge(coordinate)
    _forget(url, coordinate, name)


def _payload(storage: ObjectStorage, envelope: Envelope, name: str) -> memoryview:
    """Return what the object holds after its head. The head must be the one in Redis, byte for byte."""
    expected = envelope.pack()
    if storage.size(name) != len(expected) + envelope.payload_size:
        raise _not_as_pushed(envelope.coordinate)
    head = memoryview(bytearray(len(expected)))
    if storage.read(name, head) != len(head) or head != expected:
        raise _not_as_pushed(envelope.coordinate)
    payload = memoryview(bytearray(envelope.payload_size))
    if storage.read(name, payload, start=len(head)) != len(payload):
        raise _not_as_pushed(envelope.coordinate)
    return payload


def _not_as_pushed(at: Coordinate) -> CorruptValue:
    return losses.damaged(at, "its object is not what was pushed", "The object in object storage was cut or replaced.")


def _forget(url: str, at: Coordinate, name: str | None) -> None:
    """Remove an object of this coordinate if possible. Names come from Redis and are not trusted."""
    if name is None:
        return
    from exclusive_redis_xcom.formats.object_names import is_name_of
    from exclusive_redis_xcom.object_storage import NoSuchObject, ObjectStorage

    if not is_name_of(name, at):
        return
    try:
        ObjectStorage(url).remove(name)
    except NoSuchObject:
        pass
    except ExclusiveXComError as error:
        log.warning("An object of %s stays in object storage. `exclusive-xcom gc` removes it. Reason: %s", at, error)
