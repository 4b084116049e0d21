"""The connections that are made with one set of options. A client with other options begins with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.connection.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.redis_options import RedisOptions, Timeouts
    from exclusive_redis_xcom.connection.session import Session


class Connections:
    """A pool of sessions, and what opens them.

    Args:
        options: Where Redis is.
        timeouts: How long to wait.
        open_session: Opens sessions in another way, for a Redis that no socket reaches.
    """

    def __init__(
        self, options: RedisOptions, timeouts: Timeouts, open_session: Callable[[Budget], Session] | None
    ) -> None:
        self.options = options
        self.opened = 0
        self._timeouts = timeouts
        self._open_session = open_session
        self.forget()

    def load_driver(self) -> Callable[[Budget], Session]:
        """Import redis, and return what opens sessions."""
        if self._open_session is None:
            from exclusive_redis_xcom.connection.opener import opener

            self._open_session = opener(self.options, self._timeouts)
        return self._open_session

    def drop(self) -> None:
        """Use new connections from now on. A connection in use is closed when its thread is done."""
        pool = self.pool
        self.forget()
        pool.retire()

    def forget(self) -> None:
        """Use new connections from now on, and leave the others to the process that forked this one."""
        self.pool = Pool(self._open)

    def _open(self, budget: Budget) -> Session:
        self.opened += 1
        return self.load_driver()(budget)
