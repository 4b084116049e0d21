"""The heartbeat of an API server: for as long as it beats, tasks may believe the marks in Redis.

A task reads a value directly only while every API server that is known has beaten within the last 6 seconds
(`store/current.py`), and only if it was pushed after the *epoch*. A server that could not tell Redis of a
change of rows has *missed* something. Then it

1. does not beat for a while, so that it is soon not believed any more,
2. removes the marks that it tried to set and does not know the fate of,
3. beats with `missed`, which moves the epoch: no mark from before counts any more.

Whoever waits for `Heartbeat.settled` waits for the end of 1 or of 3, whichever comes first. From then on no task
reads directly what that change made wrong.

How long it is believed: a beat that Redis has answered, for 6 seconds from the answer. One that it has not answered may
still lie in some buffer (a paused Redis, a slow network) and count late. But a beat of a server whose last one is older
than 6 seconds moves the epoch itself (`lua/beat.lua`), so that a late one adds 6 seconds at most.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import os
import threading
import time
import uuid
import weakref
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")

PERIOD = 2.0
#: Redis' clock and this one do not run at exactly the same rate.
_SLACK = 0.5
#: Without beats after something was missed: at first, and at most, when it goes on.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
#: Asked for to see whether Redis answers at all, without the effects of a beat.
_NOWHERE = Coordinate("", "", "", "")
_NEVER = -math.inf


class Heartbeat:
    """One per process. Its methods may be called by any thread, and do not block unless they say so.

    Args:
        source: Gives the Redis store; called in the heartbeat's own thread. ConfigurationError ends it for good.
        period: Seconds between two beats.
        clock: Monotonic seconds.
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
        self._misses = self._covered = 0
        self._unclear: dict[Coordinate, None] = {}
        self._pause, self._not_before = _SHORTEST_PAUSE, _NEVER
        self._answered_at = self._believed_until = _NEVER
        self._failing = False

    def start(self) -> None:
        """Begin to beat, unless it has begun: a daemon thread."""
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
        """Stop beating, and say so to Redis. Blocks for some seconds at most, where Redis does not answer.

        A server that has missed something stays known instead: it is the reason that others stop being believed.
        """
        atexit.unregister(self.stop)
        thread = self._thread
        if thread is None or self._stopping.is_set():
            return
        self._stopping.set()
        thread.join(timeout=5.0)
        if thread.is_alive() or self.hopeless or self._misses > self._covered:
            return
        with contextlib.suppress(Exception):  # then it counts as gone in a minute
            self._source().leave(self.id)

    @property
    def down(self) -> bool:
        """Whether there is no use in telling Redis anything: a later beat, with `missed`, tells all of it."""
        with self._lock:
            return (self._failing or self._misses > self._covered) and self._clock() > self._believed_until

    def missed(self, unclear: Iterable[Coordinate] = (), *, tried: bool = True) -> int:
        """Note that a change of rows was not told to Redis.

        Args:
            unclear: XComs whose marks Redis may yet set, when it gets to what it was sent.
            tried: Whether Redis was asked at all.

        Returns:
            What to ask `settled` for.
        """
        with self._lock:
            self._misses += 1
            if tried:
                self._unclear.update(dict.fromkeys(unclear))
                self._not_before = self._clock() + self._pause
                self._pause = min(_LONGEST_PAUSE, self._pause * 2)
            return self._misses

    def told(self) -> None:
        """Note that Redis was told of a change."""
        self._pause = _SHORTEST_PAUSE

    def settled(self, miss: int) -> bool:
        """Whether no task reads directly any more what became wrong before `missed` returned `miss`."""
        with self._lock:
            return self.hopeless or miss <= self._covered or self._clock() > self._believed_until

    def _run(self) -> None:
        stopping = self._stopping
        while True:
            self._beat()
            self.begun = True
            if self.hopeless or stopping.wait(self._period):
                return

    def _beat(self) -> None:
        """One beat, if it is time for one. Blocks."""
        if self._clock() < self._not_before:
            return
        try:
            store = self._source()
        except ConfigurationError as error:
            self._give_up(error)
            return
        except Exception as error:  # of Airflow's database or secrets backend
            self._fail(error)
            return
        try:
            if self._failing:
                store.spilled([_NOWHERE])
            self._beat_with(store)
        except Exception as error:
            self._fail(error)
        else:
            self._recover()

    def _beat_with(self, store: Store) -> None:
        with self._lock:
            misses, unclear, before = self._misses, tuple(self._unclear), self._believed_until
            self._believed_until = math.inf  # by the time that `settled` is asked it may have arrived
        done = False
        try:
            if unclear:
                store.uncommit(unclear)
            store.beat(self.id, missed=misses > self._covered)
            done = True
        finally:
            with self._lock:
                self._note(misses, unclear, before, done=done)

    def _note(self, misses: int, unclear: Iterable[Coordinate], before: float, *, done: bool) -> None:
        if not done:
            self._believed_until = max(before, self._answered_at + 2 * _fresh_seconds() + _SLACK)
            return
        self._answered_at = self._clock()
        self._believed_until = self._answered_at + _fresh_seconds() + _SLACK
        self._covered = misses
        for at in unclear:
            self._unclear.pop(at, None)

    def _fail(self, error: Exception) -> None:
        if not self._failing:
            log.warning(
                "This API server cannot tell Redis that it is up, so tasks ask it for every XCom until it can: %s",
                described(error),
            )
        self._failing = True

    def _recover(self) -> None:
        if self._failing:
            log.info("This API server tells Redis again that it is up.")
        self._failing = False

    def _give_up(self, error: ConfigurationError) -> None:
        log.error("This API server has no Redis, so tasks ask it for every XCom (direct_pulls): %s", error)
        self.hopeless = True


def _fresh_seconds() -> float:
    from exclusive_redis_xcom.store.marks import FRESH_MS

    return FRESH_MS / 1000


_hearts: weakref.WeakSet[Heartbeat] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    # The thread is the parent's, as is the id; a lock may have been held by another thread.
    for heart in tuple(_hearts):
        heart._begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
