"""A pool of at most eight sessions. They are made when needed; one thread at a time uses each."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from exclusive_redis_xcom.connection.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.connection.session import Session

T = TypeVar("T")

MAX_SESSIONS = 8


class PoolBusy(Exception):  # noqa: N818 - what happened, not what was wrong
    """Every session was in use until the budget was over."""


class Pool:
    """Lends sessions. A session that saw an exception is closed and never lent again.

    So a reply that was not read to its end is lost with its connection; a signal handler that raises can cause that.
    """

    def __init__(self, open_session: Callable[[Budget], Session]) -> None:
        self._open = open_session
        self._idle: list[Session] = []
        self._permits: SimpleQueue[None] = SimpleQueue()  # a semaphore, in C
        for _ in range(MAX_SESSIONS):
            self._permits.put(None)
        self._retired = False

    def run(self, command: Callable[[Session], T], seconds: float) -> T:
        """Run `command` with a session whose budget is `seconds`. Wait no longer than that for a free session.

        Raises:
            PoolBusy: No session became free in time.
        """
        try:
            self._permits.get(timeout=seconds)
        except Empty:
            raise PoolBusy from None
        try:
            session = self._take(seconds)
            try:
                result = command(session)
            except BaseException:
                session.close()
                raise
            self._idle.append(session)
            if self._retired:
                self.drop_idle()
            return result
        finally:
            self._permits.put(None)

    def drop_idle(self) -> None:
        """Close the sessions that nobody uses."""
        while self._idle:
            try:
                session = self._idle.pop()
            except IndexError:  # another thread took the last one
                return
            session.close()

    def retire(self) -> None:
        """Close every session. Those in use are closed when they come back."""
        self._retired = True
        self.drop_idle()

    def _take(self, seconds: float) -> Session:
        while True:
            try:
                session = self._idle.pop()  # The connection that was used last is the least likely to be stale.
            except IndexError:
                budget = Budget()
                budget.limit(seconds)
                return self._open(budget)
            if session.is_good():
                session.budget.limit(seconds)
                return session
            session.close()
