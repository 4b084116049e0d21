"""What to do about a Redis that fails, for a person who waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.reporting.wording import sentence

if TYPE_CHECKING:
    from exclusive_redis_xcom.connection import RedisOptions
    from exclusive_redis_xcom.connection.failure import Failure


def remedy(failure: Failure, options: RedisOptions) -> str:
    """Say what to do about a failure, in words for whoever runs a command: no task waits to be cleared."""
    if not failure.down:
        return failure.remedy
    return f"Check that Redis is up, and that this machine reaches it. {sentence(options.place)} says where it is."
