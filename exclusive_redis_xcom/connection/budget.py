"""The time one operation may take, shared by everything that works on it."""

from __future__ import annotations

import math
import time


class Budget:
    """Seconds left until a deadline; without limit until `limit` is called.

    A session holds one and hands it to its connections, so that a walk over five dead Sentinels ends in time, too.
    """

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = math.inf

    def limit(self, seconds: float) -> None:
        """Start anew, with so many seconds from now."""
        self._until = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds; 0.0 when over."""
        return max(0.0, self._until - time.monotonic())
