"""The client: it runs commands with a deadline and retries, and raises errors of this package."""

from __future__ import annotations

import itertools
import os
import random
import time
import weakref
from typing import TYPE_CHECKING, TypeVar

from exclusive_redis_xcom.connection.pool import Pool, PoolBusy
from exclusive_redis_xcom.errors import ExclusiveXComError, StoreUnavailable
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.failure import Failure
    from exclusive_redis_xcom.connection.redis_options import RedisOptions, Timeouts
    from exclusive_redis_xcom.connection.session import Session

T = TypeVar("T")

_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0

# The packages that define the types of errors that the driver raises.
_DRIVER_MODULES = frozenset({"builtins", "redis", "fakeredis", "socket", "ssl", "exclusive_redis_xcom"})


class RedisClient:
    """Runs commands on the Redis that `options` describe.

    The first command imports redis and connects; nothing happens before. Threads may share a client. After a fork, the
    child starts without connections.

    Args:
        options: Where Redis is.
        timeouts: How long to wait.
        open_session: Opens sessions in another way, for a Redis that no socket reaches (fakeredis).
    """

    def __init__(
        self,
        options: RedisOptions,
        timeouts: Timeouts,
        *,
        open_session: Callable[[Budget], Session] | None = None,
    ) -> None:
        self._options = options
        self._timeouts = timeouts
        self._open_session = open_session
        self._opened = 0
        self._twins: list[RedisClient] = []
        self._pool = Pool(self._open)
        _clients.add(self)

    def __repr__(self) -> str:
        return f"<RedisClient of {self._options.endpoint}>"

    @errors_without_locals
    def run(self, what: str, command: Callable[[Session], T], *, once: bool = False) -> T:
        """Run `command` with a session. Run it again while the failure may pass and the deadline has not passed.

        The deadline does not cut an attempt that is under way: the timeouts of the socket end it. So the whole takes at
        most the deadline and one read timeout.

        Args:
            what: What is being done. An error's text begins with it: "Pushing XCom ...".
            command: It may run several times. Its effect may be there already when it runs again.
            once: Make a single attempt, because the caller has another way to what the command asks for.

        Raises:
            StoreUnavailable: Redis could not be reached in time, or refused the command.
            ConfigurationError: The settings do not fit what is there.
        """
        try:
            return self._run(what, command, once=once)
        except Exception:
            raise
        except BaseException:
            # A signal handler may raise anywhere, also while the pool changes its own state. So the pool is replaced.
            self.drop()
            raise

    @property
    def opened(self) -> int:
        """The number of sessions opened so far."""
        return self._opened

    def twin(self) -> RedisClient:
        """Make a client of the same Redis with connections of its own. They end when this client's connections end."""
        twin = RedisClient(self._options, self._timeouts, open_session=self._open_session)
        self._twins.append(twin)
        return twin

    def drop(self) -> None:
        """Use new connections from now on. A connection in use is closed when its thread is done."""
        pool, self._pool = self._pool, Pool(self._open)
        pool.retire()
        for twin in self._twins:
            twin.drop()

    def close(self) -> None:
        """Close the connections. The next command opens new ones."""
        self.drop()

    def _run(self, what: str, command: Callable[[Session], T], *, once: bool) -> T:
        self._load_driver()  # Before the clock starts: importing redis may take seconds where no bytecode is cached.
        start = time.monotonic()
        # No deadline means one attempt. The timeouts of the socket bound that attempt.
        allowed = self._timeouts.deadline or self._timeouts.connect + self._timeouts.read
        failure: Failure | None = None
        pauses = _pauses()
        for attempt in itertools.count(1):
            left = allowed - (time.monotonic() - start)
            try:
                return self._pool.run(command, max(0.0, left))
            except ExclusiveXComError:
                raise
            except PoolBusy:
                raise self._busy(what, time.monotonic() - start) from None
            except Exception as error:  # redis-py's errors have no common base
                if not _is_the_drivers(error):
                    raise
                failure = self._understand(error, failure)
            spent = time.monotonic() - start
            pause = next(pauses)
            if once or not failure.retry or spent + pause >= self._timeouts.deadline:
                raise self._unavailable(what, failure, attempt, spent)
            self._pool.drop_idle()  # Idle sessions may lead to the same dead or demoted server.
            time.sleep(pause)
        raise AssertionError  # itertools.count never ends

    def _load_driver(self) -> Callable[[Budget], Session]:
        if self._open_session is None:
            from exclusive_redis_xcom.connection.opener import opener

            self._open_session = opener(self._options, self._timeouts)
        return self._open_session

    def _open(self, budget: Budget) -> Session:
        self._opened += 1
        return self._load_driver()(budget)

    def _understand(self, error: Exception, earlier: Failure | None) -> Failure:
        from exclusive_redis_xcom.connection.failure import classify
        from exclusive_redis_xcom.connection.internals import DeadlinePassed

        if isinstance(error, DeadlinePassed) and earlier is not None:
            return earlier
        return classify(error, read_timeout=self._timeouts.read)

    def _unavailable(self, what: str, failure: Failure, attempts: int, spent: float) -> StoreUnavailable:
        tries = "once" if attempts == 1 else f"{attempts} times"
        return StoreUnavailable(
            f"{_action(what)} failed: {failure.reason}.\n"
            f"{what}: Redis ({self._options.endpoint}) was tried {tries} in {spent:.1f} s.\n"
            f"{failure.remedy}"
        )

    def _busy(self, what: str, spent: float) -> StoreUnavailable:
        return StoreUnavailable(
            f"{_action(what)} failed: all connections of this process to Redis stayed in use.\n"
            f"{what}: no connection to Redis ({self._options.endpoint}) became free in {spent:.1f} s.\n"
            "Use fewer threads, or raise retry_deadline."
        )

    def _start_after_fork(self) -> None:
        # The child must use neither the parent's sockets nor its locks: another thread may have held them.
        self._pool = Pool(self._open)


def _action(what: str) -> str:
    """Return the verb of "Pushing XCom ...". The rest may be long."""
    return what.partition(" ")[0]


def _is_the_drivers(error: Exception) -> bool:
    """Return whether an error comes from redis-py or below. Other errors, such as a task's own alarm, pass through."""
    return type(error).__module__.partition(".")[0] in _DRIVER_MODULES


def _pauses() -> Iterator[float]:
    """Yield the seconds between attempts. They grow, and are random so that workers do not all return at once."""
    ceiling = _SHORTEST_PAUSE
    while True:
        yield random.uniform(_SHORTEST_PAUSE, ceiling)  # noqa: S311 - no secret
        ceiling = min(_LONGEST_PAUSE, ceiling * 2)


_clients: weakref.WeakSet[RedisClient] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for client in tuple(_clients):
        client._start_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
