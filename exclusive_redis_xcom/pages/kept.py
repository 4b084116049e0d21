"""Keep what takes long to make, and make it once: those who ask at the same time wait for the first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_T = TypeVar("_T")


class Kept(Generic[_T]):
    """Things by key. Of more things than `most`, those go first that nobody has asked for the longest.

    Args:
        most: How many are kept.
        weigh: Tells how many bytes one takes; None where all are small.
        most_bytes: How many bytes all may take together. The one that was asked for last is kept all the same.
    """

    def __init__(self, most: int, *, weigh: Callable[[_T], int] | None = None, most_bytes: int = 0) -> None:
        self._most, self._weigh, self._most_bytes = most, weigh, most_bytes
        self._weights: dict[Hashable, int] = {}
        self._found: OrderedDict[Hashable, _T] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what is kept under a key, or make it. An error is not kept: the next who asks tries again."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._found:
                    return self._found[key]
            try:
                made = make()
                self._keep(key, made)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def _keep(self, key: Hashable, made: _T) -> None:
        weight = 0 if self._weigh is None else self._weigh(made)
        with self._lock:
            self._found[key], self._weights[key] = made, weight
            while len(self._found) > self._most or self._is_too_heavy():
                gone, _ = self._found.popitem(last=False)
                del self._weights[gone]

    def _is_too_heavy(self) -> bool:
        return len(self._found) > 1 and sum(self._weights.values()) > self._most_bytes
