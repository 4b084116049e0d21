"""Push, pull and purge: the order of the checks, and nothing of Airflow's calling conventions."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting import refusals
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.settings.redis import redis_options
from exclusive_redis_xcom.store import Store
from exclusive_redis_xcom.task import direct_pull, ownership, spill
from exclusive_redis_xcom.task.direct_pull import MISS
from exclusive_redis_xcom.task.eligible import AIRFLOW_KEYS, Reach, is_airflows, reachable
from exclusive_redis_xcom.task.pull import pull
from exclusive_redis_xcom.task.push import push

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.settings import Settings

__all__ = [
    "AIRFLOW_KEYS",
    "MISS",
    "Exchange",
    "Reach",
    "current_exchange",
    "direct_reach",
    "is_airflows",
    "pull_directly",
]

log = logging.getLogger("exclusive_redis_xcom")

#: Besides Airflow's own errors: what we say ourselves, and where Airflow or a value is made otherwise than we know.
_MISSES = (
    ExclusiveXComError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


class Exchange:
    """One process's access to XCom values under one set of settings.

    Args:
        settings: The checked section of Airflow's configuration.
        store: Where the values are.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def push(self, coordinate: Coordinate, value: Any) -> Reference:
        """Store a value of the running task; see `pushing.push`."""
        return push(coordinate, value, self._settings, self._store)

    def pull(self, references: Sequence[Reference]) -> list[Any]:
        """Fetch the values that the references point to, in their order; see `pulling.pull`."""
        return pull(references, self._settings, self._store)

    def pull_directly(self, reach: Reach) -> Any:
        """Fetch values from Redis alone; see `direct.pull`."""
        return direct_pull.pull(reach, self._settings, self._store)

    def purge(self, coordinate: Coordinate) -> None:
        """Remove a value of the running task; one that is not there is no error.

        Raises:
            XComAccessDenied: The running task does not own the coordinate.
            StoreUnavailable: Redis could not be asked.
        """
        ownership.require_owner(coordinate, "remove")
        spill.purge(self._store, self._settings, coordinate)

    def require_plain_rows_allowed(self, what: str) -> None:
        """Refuse a row that holds a plain value where all values are sealed: anybody could have put it there.

        Args:
            what: The XCom, for the text.

        Raises:
            InvalidReference: They are, and `allow_plaintext_read` is off.
        """
        settings = self._settings
        if settings.by_server and settings.seal == "all" and not settings.allow_plaintext_read:
            raise refusals.plain_row(what)

    def require_owner(self, coordinate: Coordinate, action: ownership.Action) -> None:
        """Refuse whoever is not the task instance that the coordinate belongs to (XComAccessDenied)."""
        ownership.require_owner(coordinate, action)


@functools.cache
def current_exchange() -> Exchange:
    """The process's exchange, made at first use from Airflow's configuration.

    Raises:
        ConfigurationError: A setting, or the Redis it names, is wrong.
    """
    settings = load_settings()
    timeouts = Timeouts(connect=settings.connect_timeout, read=settings.read_timeout, deadline=settings.retry_deadline)
    client = RedisClient(redis_options(settings), timeouts)
    largest = settings.max_value_bytes + spill.MOST_OVERHEAD
    return Exchange(settings, Store(client, key_prefix=settings.key_prefix, max_payload_bytes=largest))


def direct_reach(request: Mapping[str, Any], *, everything: bool) -> Reach | None:
    """What to read directly for a pull of the running task; None where only Airflow can answer.

    Args:
        request: The keyword arguments of Airflow's `get_one`, or of its `get_all`.
        everything: Whether it is `get_all`.
    """
    try:
        if not load_settings().pulls_directly:
            return None
        return reachable(request, identity.running_task_instance(), everything=everything)
    except Exception as error:
        _require_a_miss(error)
        return None


def pull_directly(reach: Reach) -> Any:
    """A list of the values, or `MISS`: Airflow's own path raises, where there is something to raise.

    Args:
        reach: What `direct_reach` said.
    """
    try:
        return current_exchange().pull_directly(reach)
    except Exception as error:
        _require_a_miss(error)
        return MISS


def _require_a_miss(error: Exception) -> None:
    """Raise what comes from elsewhere: a task's own signal handler may raise wherever the task waits."""
    if not (isinstance(error, _MISSES) or type(error).__module__.startswith("airflow.")):
        raise error
    # The type alone: a text may quote what the value holds.
    log.debug("No direct pull: %s.", type(error).__name__)
