"""The heartbeat of an API server: as long as it beats, tasks may believe the marks in Redis.

A task reads a value directly on two conditions (`store/current.py`). Every known API server has beaten within the last
6 seconds, and the value was pushed after the *epoch*. A server that could not tell Redis of a change of rows has
*missed* something. Then it takes three steps:

1. It does not beat for a while, so that soon no task believes it any more.
2. It removes the marks that it tried to set and whose fate it does not know.
3. It beats with `missed`. That moves the epoch, so no earlier mark counts any more.

`Heartbeat.settled` is true after step 1 or step 3, whichever ends first. From then on no task reads directly what the
missed change made wrong.

`misses` keeps the books: what was missed, and until when tasks believe this server.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import uuid
import weakref
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.api_server.watch.misses import Misses
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")

PERIOD = 2.0
#: Asking for this shows whether Redis answers at all, without the effects of a beat.
_NOWHERE = Coordinate("", "", "", "")


class Heartbeat:
    """The heartbeat of this process. Any thread may call its methods, which do not block unless they say so.

    Args:
        source: Gives the Redis store. It is called in the heartbeat's own thread. A ConfigurationError ends the
            heartbeat for good.
        period: How many seconds pass between two beats.
        clock: Tells monotonic seconds.
    """

    def __init__(
        self, source: Callable[[], Store], *, period: float = PERIOD, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._period = period
        self._clock = clock
        self._begin_anew()
        _hearts.add(self)

    def _begin_anew(self) -> None:
        self.id = uuid.uuid4().hex
        self.begun = False
        self.hopeless = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._misses = Misses(self._clock)
        self._failing = False

    def start(self) -> None:
        """Begin to beat in a daemon thread, unless that has begun."""
        with self._lock:
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, name="exclusive-redis-xcom-heartbeat", daemon=True)
        self._thread.start()
        atexit.register(self.stop)

    @property
    def started(self) -> bool:
        """Whether `start` was called in this process."""
        return self._thread is not None

    def stop(self) -> None:
        """Stop beating, and tell Redis so. This blocks for some seconds at most, where Redis does not answer.

        A server that has missed something stays known: because of it, tasks must not believe the others either.
        """
        atexit.unregister(self.stop)
        thread = self._thread
        if thread is None or self._stopping.is_set():
            return
        self._stopping.set()
        thread.join(timeout=5.0)
        if thread.is_alive() or self.hopeless or self._misses.pending:
            return
        with contextlib.suppress(Exception):  # then this server counts as gone in a minute
            self._source().leave(self.id)

    @property
    def down(self) -> bool:
        """Whether it is of no use to tell Redis anything, because a later beat with `missed` tells all of it."""
        return self._misses.down(failing=self._failing)

    def missed(self, unclear: Iterable[Coordinate] = (), *, tried: bool = True) -> int:
        """Note that Redis was not told of a change of rows.

        Args:
            unclear: XComs whose marks Redis may still set, because it was sent the command.
            tried: Whether Redis was asked at all.

        Returns:
            The number of this miss, for `settled`.
        """
        return self._misses.add(unclear, tried=tried)

    def told(self) -> None:
        """Note that Redis was told of a change."""
        self._misses.told()

    def settled(self, miss: int) -> bool:
        """Return whether no task reads directly any more what was wrong when `missed` returned `miss`."""
        return self.hopeless or self._misses.settled(miss)

    def _run(self) -> None:
        stopping = self._stopping
        while True:
            self._beat()
            self.begun = True
            if self.hopeless or stopping.wait(self._period):
                return

    def _beat(self) -> None:
        """Beat once, if it is time to. Blocks."""
        if not self._misses.allow_a_beat:
            return
        try:
            store = self._source()
        except ConfigurationError as error:
            self._give_up(error)
            return
        except Exception as error:  # Airflow's database or secrets backend failed
            self._fail(error)
            return
        try:
            if self._failing:
                store.spilled([_NOWHERE])
            with self._misses.beating() as (missed, unclear):
                if unclear:
                    store.uncommit(unclear)
                store.beat(self.id, missed=missed)
        except Exception as error:
            self._fail(error)
        else:
            self._recover()

    def _fail(self, error: Exception) -> None:
        if not self._failing:
            log.warning(
                "This API server cannot tell Redis that it is up. Until it can, each pull asks an API server: %s",
                described(error),
            )
        self._failing = True

    def _recover(self) -> None:
        if self._failing:
            log.info("This API server tells Redis again that it is up.")
        self._failing = False

    def _give_up(self, error: ConfigurationError) -> None:
        log.error(
            "This API server has no Redis, so each pull asks an API server (direct_pulls has no effect): %s", error
        )
        self.hopeless = True


_hearts: weakref.WeakSet[Heartbeat] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    # The thread and the id belong to the parent, and another thread of the parent may have held the lock.
    for heart in tuple(_hearts):
        heart._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
