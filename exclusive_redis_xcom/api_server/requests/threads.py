"""Worker threads for what would block the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio import CapacityLimiter

_T = TypeVar("_T")


#: The event loop may work on so much JSON itself. A reference takes some 1000 bytes and 0.35 ms.
SMALL_BYTES = 8 * 1024


class OwnThreads:
    """Threads for one purpose: waiting in them does not use up the threads that serve everybody else.

    Args:
        most: How many there are at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limiter: CapacityLimiter | None = None

    async def run(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """Call a function in one of the threads, and return what it returns."""
        from anyio import CapacityLimiter, to_thread

        if self._limiter is None:  # it can only be made while an event loop runs
            self._limiter = CapacityLimiter(self._most)
        return await to_thread.run_sync(work, *arguments, limiter=self._limiter)


async def off_loop(blocks: bool, work: Callable[..., _T], *arguments: Any) -> _T:
    """Call a function in a thread of the server's pool if it blocks, else right here."""
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(work, *arguments) if blocks else work(*arguments)
