"""The time that one operation may take, shared by everything that works on it."""

from __future__ import annotations

import math
import time


class Budget:
    """The seconds left until a deadline. There is no deadline before `limit` is called.

    A session passes its budget to its connections, so that a walk over five dead Sentinels also ends in time.
    """

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = math.inf

    def limit(self, seconds: float) -> None:
        """Set a new deadline, that many seconds from now."""
        self._until = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; 0.0 after it."""
        return max(0.0, self._until - time.monotonic())
