"""What takes longer to find out than a page may take. A thread finds it out when somebody asks, and all see it then."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger("exclusive_redis_xcom")

#: What was found out is shown for so many seconds. Then the next who asks has it found out again.
SECONDS = 60.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Latest(Generic[_T]):
    """What is known now.

    Attributes:
        state: What was found out last; None if nothing was.
        at: When that was, in UTC.
        goes_on: Whether a thread is finding out more.
        failed: Whether the last attempt ended with an error that nobody expected.
    """

    state: _T | None
    at: datetime | None
    goes_on: bool
    failed: bool


class Renewed(Generic[_T]):
    """Something that a thread finds out, at most one at a time.

    Args:
        name: What it is, for the log and the thread.
        states: Yields what is known so far, each time more. It runs in the thread. Its last state is the result.
        seconds: How long a result is shown.
    """

    def __init__(self, name: str, states: Callable[[], Iterator[_T]], *, seconds: float = SECONDS) -> None:
        self._name, self._states, self._seconds = name, states, seconds
        self._changed = threading.Condition()
        self._latest: Latest[_T] = Latest(None, None, goes_on=False, failed=False)
        self._is_new = True
        self._due = 0.0

    def start(self) -> None:
        """Have it found out anew, if what is known is older than a minute. Nobody waits."""
        with self._changed:
            if self._latest.goes_on or time.monotonic() < self._due:
                return
            self._is_new = False
            self._latest = Latest(self._latest.state, self._latest.at, goes_on=True, failed=False)
        try:
            threading.Thread(target=self._renew, name=f"exclusive-xcom {self._name}", daemon=True).start()
        except RuntimeError:  # this machine allows no more threads
            self._end(failed=True)

    def latest(self, until: float) -> Latest[_T]:
        """Start, and wait for the first state of this attempt. Return what is known then.

        Args:
            until: When to stop waiting, by `time.monotonic`.
        """
        self.start()
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_new or not self._latest.goes_on, timeout=max(until - time.monotonic(), 0)
            )
            return self._latest

    def _renew(self) -> None:
        failed = False
        try:
            for state in self._states():
                with self._changed:
                    self._latest = Latest(state, datetime.now(timezone.utc), goes_on=True, failed=False)
                    self._is_new = True
                    self._changed.notify_all()
        except Exception as error:  # its text may quote settings or statements
            failed = True
            log.error("XCom overview: the %s could not be read: %s", self._name, type(error).__name__)
        finally:
            self._end(failed=failed)

    def _end(self, *, failed: bool) -> None:
        with self._changed:
            self._latest = Latest(self._latest.state, self._latest.at, goes_on=False, failed=failed)
            self._due = time.monotonic() + self._seconds
            self._changed.notify_all()
