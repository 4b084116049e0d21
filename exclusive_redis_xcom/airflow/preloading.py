"""Load once, before tasks are forked or requests come, what pushes and pulls need.

An import of redis takes far longer than a pull. Tasks inherit what is loaded before the fork. Nothing here opens a
socket, starts a thread, reads a setting, or holds a key: tasks share code, and no more.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger("exclusive_redis_xcom")

#: Modules of ours that tasks load late, and those of other packages that tasks load for us.
_LATE = (
    "airflow.backend",
    "airflow.listener",
    "airflow.plugin",
    "airflow.provider_info",  # Airflow 3.1 reads it in each task
    "connection.opener",
    "connection.url",
)
_OF_OTHERS = (
    "airflow.sdk.observability.stats",  # Airflow has it from 3.2 on; reporting/metrics.py looks for it first
    "cryptography.hazmat.primitives.asymmetric.x25519",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.hpke",  # from 47 on
)


def preload() -> None:
    """Load modules, a table of replies, and ciphers. A failure is logged, and then each task loads what it needs."""
    try:
        with _uncollected():
            _import_modules()
            _set_up_driver()
            _set_up_ciphers()
    except Exception as error:
        # Only the type is logged: the text of an import error of somebody else's module may hold anything.
        log.warning("What XComs need could not be loaded ahead (%s). Each task loads it.", type(error).__name__)


def _import_modules() -> None:
    from exclusive_redis_xcom import task

    of_tasks = [f"task.{found.name}" for found in pkgutil.iter_modules(task.__path__)]
    for name in (*of_tasks, *_LATE):
        importlib.import_module(f"exclusive_redis_xcom.{name}")
    for name in _OF_OTHERS:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _set_up_driver() -> None:
    """Make what reads replies of Redis. It is not connected to any."""
    from exclusive_redis_xcom.connection.driver import reader

    reader()


def _set_up_ciphers() -> None:
    """Let `cryptography` find its ciphers, which takes longer than their use. No key is made for that.

    The data key is zeros. The public key is the curve's base point (RFC 7748, section 6.1).
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    from exclusive_redis_xcom.crypto.payload import DATA_KEY_BYTES, encrypt

    X25519PublicKey.from_public_bytes(bytes([9, *bytes(31)]))
    encrypt((), bytes(DATA_KEY_BYTES), b"")


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage among all that Airflow has loaded, while nothing becomes garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
