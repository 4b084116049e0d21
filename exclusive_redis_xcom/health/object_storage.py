"""Can large values be spilled? This worker must reach the object storage, and may write, read and remove there."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import ConfigurationError, CorruptValue, ExclusiveXComError, StoreUnavailable
from exclusive_redis_xcom.formats.object_names import object_name
from exclusive_redis_xcom.health import probing
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import NO_SETTINGS
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.task import spill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.health.visit import Visit
    from exclusive_redis_xcom.object_storage import ObjectStorage
    from exclusive_redis_xcom.settings import Settings

_CHECK = "object storage"
_THRESHOLD = "spill threshold"

_OTHER = "Something removes, changes or caches objects there. Use a place for spill_path that nothing else uses."
_BYTES = 100


def object_storage(visit: Visit) -> Iterator[Finding]:
    """Check whether one small object can be written, read and removed. No XCom has its name."""
    settings = visit.settings
    if settings is None:
        yield Finding(_CHECK, "skipped", NO_SETTINGS)
    elif settings.spill_path is None:
        yield Finding(_CHECK, "skipped", "spill_path is not set")
    elif visit.role != "worker":
        yield Finding(_CHECK, "skipped", "API servers do not use it")
    else:
        yield _round_trip(settings, settings.spill_path)
        if settings.spill_threshold_bytes >= settings.max_value_bytes:
            yield Finding(
                _THRESHOLD,
                "warning",
                "nothing is ever spilled: spill_threshold_bytes is not below max_value_bytes",
                "Raise max_value_bytes, or lower spill_threshold_bytes.",
            )


CHECKS = (object_storage,)


def _round_trip(settings: Settings, url: str) -> Finding:
    from exclusive_redis_xcom.object_storage import NoSuchObject, ObjectStorage

    storage, probe = ObjectStorage(url), probing.value(probing.coordinate(), _BYTES)
    # A task writes objects in the same way. If this one is left behind, `exclusive-xcom gc` removes it.
    name = object_name(probe.coordinate, probe.version)
    try:
        found = spill.fetched(spill.written(url, probe), settings)
        storage.remove(name)
    except (NoSuchObject, ExclusiveXComError) as error:
        with contextlib.suppress(NoSuchObject, ExclusiveXComError):
            storage.remove(name)
        return _failure(storage, error)
    if joined(found.payload) != joined(probe.payload):
        return _failure(storage, CorruptValue())
    shared = ", which all workers must share" if storage.endpoint.startswith(("file:", "local:")) else ""
    return Finding(_CHECK, "ok", f"{storage.endpoint}{shared}: an object could be written, read and removed")


def _failure(storage: ObjectStorage, error: Exception) -> Finding:
    if isinstance(error, CorruptValue):
        return Finding(
            _CHECK, "FAIL", f"{storage.endpoint}: the object that was read is not the one that was written", _OTHER
        )
    if isinstance(error, (StoreUnavailable, ConfigurationError)):
        return Finding.of_error(_CHECK, error)
    return Finding(_CHECK, "FAIL", f"{storage.endpoint}: the object that was written is not there", _OTHER)
