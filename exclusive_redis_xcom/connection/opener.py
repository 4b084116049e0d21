"""Choose the session that fits the kind of Redis. Importing this module imports redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.connection import driver
from exclusive_redis_xcom.connection.redis_options import Address, RedisOptions, Timeouts
from exclusive_redis_xcom.connection.server import ServerSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.session import Session


def opener(options: RedisOptions, timeouts: Timeouts) -> Callable[[Budget], Session]:
    """Return a function that opens sessions with the Redis of `options`. To open one may already talk to Redis."""
    if options.kind == "sentinel":
        from exclusive_redis_xcom.connection.sentinels import Sentinels

        sentinels = Sentinels(options, timeouts)
        return lambda budget: ServerSession(
            driver.open_master(options, lambda: sentinels.locate(budget), timeouts, budget), budget
        )
    if options.kind == "cluster":
        from exclusive_redis_xcom.connection.cluster import ClusterSession

        return lambda budget: ClusterSession(options, timeouts, budget)
    address = options.addresses[0] if options.addresses else Address("", 0)
    return lambda budget: ServerSession(driver.open_server(options, address, timeouts, budget), budget)
