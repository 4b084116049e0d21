"""Threads in which coroutines wait for Redis."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


async def in_thread(function: Callable[..., _T], *arguments: Any) -> _T:
    """Do what `asyncio.to_thread` does, with threads of our own.

    To mask a value, our thread may have to wait for Airflow's `asend`. `asend` itself needs a thread of the event loop.
    If our work took those threads, both could wait for ever.
    """
    call = functools.partial(contextvars.copy_context().run, function, *arguments)
    return await asyncio.get_running_loop().run_in_executor(_threads(), call)


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="exclusive_redis_xcom")
