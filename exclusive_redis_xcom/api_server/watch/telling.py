"""Telling Redis what became of XCom rows before the answer is sent, and waiting where Redis cannot be told."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.api_server.requests.threads import OwnThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.api_server.watch.heartbeat import Heartbeat
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store import Store

    Work = Callable[[Store], Any]

log = logging.getLogger("exclusive_redis_xcom")

#: Threads for Redis alone. A client has 8 sessions.
_THREADS = 8
#: How many seconds pass between two looks at whether a wait is over.
_LOOK = 0.05
#: How many seconds the first beat is waited for. It may look up an Airflow connection.
_FIRST_BEAT = 5.0


class Teller:
    """Tells Redis.

    Args:
        source: Gives the Redis store. It is called in worker threads.
        heart: The heartbeat of this process.
    """

    def __init__(self, source: Callable[[], Store], heart: Heartbeat) -> None:
        self._source = source
        self._heart = heart
        self._threads = OwnThreads(_THREADS)

    async def warn(self, work: Work) -> None:
        """Tell Redis what may be about to change. A failure does no harm, because `tell` follows."""
        if not self._heart.down:
            await self._try(work)

    async def tell(self, work: Work, unclear: Sequence[Coordinate] = ()) -> None:
        """Tell Redis what has changed. Return when no task reads directly any more what was there before.

        Args:
            work: The call that tells it.
            unclear: XComs whose marks the call may set.
        """
        told, tried = False, True
        try:
            await self._first_beat()
            if self._heart.hopeless:
                told = True  # there is nobody to tell
                return
            tried = not self._heart.down
            told = tried and await self._try(work)
        finally:  # also where the server ends in the middle of it
            miss = 0 if told else self._heart.missed(unclear, tried=tried)
        if told:
            self._heart.told()
        else:
            await self._wait(lambda: self._heart.settled(miss))

    async def _try(self, work: Work) -> bool:
        try:
            await self._threads.run(lambda: work(self._source()))
        except Exception as error:
            log.warning("Redis could not be told of a change of XCom rows: %s", described(error))
            return False
        return True

    async def _first_beat(self) -> None:
        """Wait for the first beat: before it nobody could notice that this server failed to tell Redis."""
        if not self._heart.begun:
            import anyio

            with anyio.move_on_after(_FIRST_BEAT):
                await self._wait(lambda: self._heart.begun)

    async def _wait(self, over: Callable[[], bool]) -> None:
        import anyio

        while not over():  # noqa: ASYNC110 - another thread decides
            await anyio.sleep(_LOOK)
