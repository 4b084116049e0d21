"""Pages are made in few threads of their own. FastAPI's threads are those of Airflow's whole API, of which tasks live.

A page may wait for Redis, or take seconds for a huge DAG. With FastAPI's threads, 40 such pages at a time would keep
the API server from answering tasks.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Final, TypeVar

from exclusive_redis_xcom.api_server.requests.threads import OwnThreads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: So many pages are made at once. Further ones wait, and take no thread meanwhile.
MOST_AT_ONCE: Final = 8
_threads: Final = OwnThreads(MOST_AT_ONCE)

_T = TypeVar("_T")


def in_own_thread(make: Callable[..., _T]) -> Callable[..., Awaitable[_T]]:
    """Make a route of a function that blocks."""

    @functools.wraps(make)
    async def route(**arguments: Any) -> _T:
        return await _threads.run(functools.partial(make, **arguments))

    # FastAPI would look up the names of types in this module.
    route.__signature__ = inspect.signature(make, eval_str=True)  # type: ignore[attr-defined]
    return route
