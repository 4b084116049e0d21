"""Redis Sentinels: ask them where the master is, in the way that Redis prescribes for clients.

https://redis.io/docs/latest/develop/reference/sentinel-clients/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis

from exclusive_redis_xcom.connection import driver
from exclusive_redis_xcom.connection.driver_errors import SentinelFailed
from exclusive_redis_xcom.connection.redis_options import Address, RedisOptions, Timeouts
from exclusive_redis_xcom.connection.server import Line
from exclusive_redis_xcom.errors import ConfigurationError

if TYPE_CHECKING:
    from exclusive_redis_xcom.connection.budget import Budget


class Sentinels:
    """Finds the master. The sessions of a client share one of these: it first asks the Sentinel that answered last."""

    def __init__(self, options: RedisOptions, timeouts: Timeouts) -> None:
        self._options = options
        self._timeouts = timeouts
        self._order = list(options.addresses)

    def locate(self, budget: Budget) -> Address:
        """Return the master's address.

        Raises:
            ConfigurationError: A Sentinel answers that it does not know the name.
            SentinelFailed: None of the Sentinels answers.
        """
        error: redis.RedisError = redis.ConnectionError("no Sentinel given")
        for address in tuple(self._order):
            try:
                master = self._ask(address, budget)
            except redis.RedisError as failure:
                error = failure
                continue
            self._order = [address, *(other for other in self._options.addresses if other != address)]
            return master
        raise SentinelFailed(error)

    def _ask(self, address: Address, budget: Budget) -> Address:
        sentinel = Line(driver.open_sentinel(self._options, address, self._timeouts, budget))
        try:
            reply = sentinel.call(("SENTINEL GET-MASTER-ADDR-BY-NAME", self._options.master))
        finally:
            sentinel.close()
        if reply is None:
            msg = (
                f"The Sentinel {address} does not know this master.\n"
                f"The settings name the master '{self._options.master}'. Correct that name."
            )
            raise ConfigurationError(msg)
        host, port = reply
        return Address(_text(host), int(port))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
