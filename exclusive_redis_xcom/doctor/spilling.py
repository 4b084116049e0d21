"""Can large values be spilled: is the object storage reached, and may this worker write, read and remove there?"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from exclusive_redis_xcom.buffers import joined
from exclusive_redis_xcom.doctor import probing
from exclusive_redis_xcom.doctor.finding import Finding
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.object_names import object_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.doctor.visit import Visit
    from exclusive_redis_xcom.object_storage import ObjectStorage

_CHECK = "object storage"
_THRESHOLD = "spill threshold"

_OTHER = "Something removes, changes or caches objects there. Give spill_path a place of its own."
_BYTES = 100


def object_storage(visit: Visit) -> Iterator[Finding]:
    """One small object, whose name is of no XCom, is written, read and removed."""
    settings = visit.settings
    if settings is None:
        yield Finding(_CHECK, "skipped", "the settings cannot be read")
    elif settings.spill_path is None:
        yield Finding(_CHECK, "skipped", "spill_path is not set")
    elif visit.role != "worker":
        yield Finding(_CHECK, "skipped", "API servers do not use it")
    else:
        from exclusive_redis_xcom.object_storage import ObjectStorage

        yield _round_trip(ObjectStorage(settings.spill_path))
        if settings.spill_threshold_bytes >= settings.max_value_bytes:
            yield Finding(
                _THRESHOLD,
                "warning",
                "nothing is ever spilled: spill_threshold_bytes is not below max_value_bytes",
                "Raise max_value_bytes, or lower spill_threshold_bytes.",
            )


CHECKS = (object_storage,)


def _round_trip(storage: ObjectStorage) -> Finding:
    from exclusive_redis_xcom.object_storage import NoSuchObject

    probe = probing.value(probing.coordinate(), _BYTES)
    name = object_name(probe.coordinate, probe.version)
    # As a task writes it: if it is left behind, `exclusive-xcom gc` removes it, since Redis does not name it.
    written = probe.spilled_to(name).pack(), *probe.payload
    try:
        storage.write(name, written)
        found = bytearray(storage.size(name))
        storage.read(name, memoryview(found))
        storage.remove(name)
    except (NoSuchObject, ExclusiveXComError) as error:
        with contextlib.suppress(NoSuchObject, ExclusiveXComError):
            storage.remove(name)
        if isinstance(error, ExclusiveXComError):
            return Finding(_CHECK, "FAIL", str(error))
        return Finding(_CHECK, "FAIL", f"{storage.endpoint}: what was written is not there", _OTHER)
    if found != joined(written):
        return Finding(_CHECK, "FAIL", f"{storage.endpoint}: what was written is not what is read", _OTHER)
    shared = ", which all workers must share" if storage.endpoint.startswith(("file:", "local:")) else ""
    return Finding(_CHECK, "ok", f"{storage.endpoint}{shared}: an object could be written, read and removed")
