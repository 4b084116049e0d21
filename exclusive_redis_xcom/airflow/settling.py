"""Pulls that meet a push of the same XCom.

A push writes the value to Redis first, and Airflow's database gets the new reference some milliseconds later. A pull
between the two finds the earlier reference, and its value has been replaced. With Airflow's default backend, such a
pull returns one of the two values. So the pull asks Airflow again for a short time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, TypeVar

from exclusive_redis_xcom.errors import XComExpired

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Pulled = TypeVar("Pulled")

#: Seconds between the attempts. A pushing task that died between the two writes costs its readers this long, once.
_PAUSES: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def settled(pull: Callable[[], Pulled]) -> Pulled:
    """Return what a pull returns. It is repeated while a later push has replaced a value that the row refers to."""
    for pause in _PAUSES:
        try:
            return pull()
        except XComExpired as error:
            if not error.replaced:
                raise
        time.sleep(pause)
    return pull()


async def asettled(pull: Callable[[], Awaitable[Pulled]]) -> Pulled:
    """Do what `settled` does, for coroutines."""
    for pause in _PAUSES:
        try:
            return await pull()
        except XComExpired as error:
            if not error.replaced:
                raise
        await asyncio.sleep(pause)
    return await pull()
