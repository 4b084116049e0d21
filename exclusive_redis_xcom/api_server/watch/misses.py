"""What an API server could not tell Redis, and until when tasks believe the server all the same.

A beat that Redis has answered is believed for 6 seconds from the answer. A beat that Redis has not answered may still
lie in some buffer (a paused Redis, a slow network) and count late. But where a server's last beat is older than 6
seconds, its next beat moves the epoch itself (`lua/beat.lua`). So a late beat adds 6 seconds at most.
"""

from __future__ import annotations

import contextlib
import math
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exclusive_redis_xcom.model import Coordinate

#: In seconds: Redis' clock and this process' clock do not run at exactly the same rate.
_SLACK = 0.5
#: How many seconds pass without a beat after something was missed: at first, and at most if more is missed.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_NEVER = -math.inf


class Misses:
    """The misses of one heartbeat, numbered from 1. Any thread may call the methods, which never block.

    Args:
        clock: Tells monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._count = self._covered = 0
        self._unclear: dict[Coordinate, None] = {}
        self._pause, self._not_before = _SHORTEST_PAUSE, _NEVER
        self._answered_at = self._believed_until = _NEVER

    @property
    def pending(self) -> bool:
        """Whether something was missed that no beat has told yet."""
        return self._count > self._covered

    @property
    def allow_a_beat(self) -> bool:
        """Whether the pause after the last miss is over."""
        return self._clock() >= self._not_before

    def down(self, *, failing: bool) -> bool:
        """Return whether no task believes this server, and it is failing or has missed something."""
        with self._lock:
            return (failing or self.pending) and self._clock() > self._believed_until

    def add(self, unclear: Iterable[Coordinate], *, tried: bool) -> int:
        """Note a miss; see `Heartbeat.missed`."""
        with self._lock:
            self._count += 1
            if tried:
                self._unclear.update(dict.fromkeys(unclear))
                self._not_before = self._clock() + self._pause
                self._pause = min(_LONGEST_PAUSE, self._pause * 2)
            return self._count

    def told(self) -> None:
        """Note that Redis was told of a change: the next pause is short again."""
        self._pause = _SHORTEST_PAUSE

    def settled(self, miss: int) -> bool:
        """Return whether a beat has told a miss, or no task believes this server any more."""
        with self._lock:
            return miss <= self._covered or self._clock() > self._believed_until

    @contextlib.contextmanager
    def beating(self) -> Iterator[tuple[bool, tuple[Coordinate, ...]]]:
        """Stand around one beat. Where nothing is raised inside, Redis has answered the beat.

        Yields:
            What to beat with: whether something was missed, and whose marks to remove before.
        """
        with self._lock:
            count, unclear, before = self._count, tuple(self._unclear), self._believed_until
            missed = self.pending
            self._believed_until = math.inf  # the beat may arrive before `settled` is asked
        answered = False
        try:
            yield missed, unclear
            answered = True
        finally:
            with self._lock:
                if answered:
                    self._cover(count, unclear)
                else:
                    self._believed_until = max(before, self._answered_at + 2 * _fresh_seconds() + _SLACK)

    def _cover(self, count: int, unclear: Iterable[Coordinate]) -> None:
        self._answered_at = self._clock()
        self._believed_until = self._answered_at + _fresh_seconds() + _SLACK
        self._covered = count
        for at in unclear:
            self._unclear.pop(at, None)


def _fresh_seconds() -> float:
    from exclusive_redis_xcom.store.marks import FRESH_MS

    return FRESH_MS / 1000
