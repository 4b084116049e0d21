"""The client: it runs commands with a deadline and retries, and raises errors of this package."""

from __future__ import annotations

import math
import os
import random
import threading
import time
import weakref
from typing import TYPE_CHECKING, TypeVar

from exclusive_redis_xcom.connection.connections import Connections
from exclusive_redis_xcom.connection.pool import PoolBusy
from exclusive_redis_xcom.errors import ConfigurationError, ExclusiveXComError, StoreUnavailable
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.failure import Failure
    from exclusive_redis_xcom.connection.redis_options import RedisOptions, Timeouts
    from exclusive_redis_xcom.connection.session import Session

T = TypeVar("T")

_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0

# An API server whose password is wrong would otherwise run the settings' command for each request.
_ASK_AGAIN_SECONDS = 2.0
_CHANGED = "The settings were read again, and have changed."
_UNCHANGED = "The settings were read again, and have not changed."

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
        ask_again: Reads the options anew. It is called when Redis refuses user name or password, because both may have
            been changed since this process read its settings.
        remedy: Says what to do about a failure. By default, it is the failure's own remedy, in words for tasks.
    """

    def __init__(
        self,
        options: RedisOptions,
        timeouts: Timeouts,
        *,
        open_session: Callable[[Budget], Session] | None = None,
        ask_again: Callable[[], RedisOptions] | None = None,
        remedy: Callable[[Failure, RedisOptions], str] | None = None,
    ) -> None:
        self._timeouts = timeouts
        self._open_session = open_session
        self._connections = Connections(options, timeouts, open_session)
        self._opened_earlier = 0
        self._ask_again = ask_again
        self._remedy = remedy
        self._asking = threading.Lock()
        self._asked = -math.inf
        self._twins: list[RedisClient] = []
        _clients.add(self)

    def __repr__(self) -> str:
        return f"<RedisClient of {self._connections.options.endpoint}>"

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
        return self._opened_earlier + self._connections.opened

    def twin(self) -> RedisClient:
        """Make a client of the same Redis with connections of its own. They end when this client's connections end."""
        options = self._connections.options
        twin = RedisClient(
            options,
            self._timeouts,
            open_session=self._open_session,
            ask_again=self._ask_again,
            remedy=self._remedy,
        )
        self._twins.append(twin)
        return twin

    def drop(self) -> None:
        """Use new connections from now on. A connection in use is closed when its thread is done."""
        self._connections.drop()
        for twin in self._twins:
            twin.drop()

    def close(self) -> None:
        """Close the connections. The next command opens new ones."""
        self.drop()

    def _run(self, what: str, command: Callable[[Session], T], *, once: bool) -> T:
        # Before the clock starts: importing redis may take seconds where no bytecode is cached.
        self._connections.load_driver()
        start = time.monotonic()
        # No deadline means one attempt. The timeouts of the socket bound that attempt.
        allowed = self._timeouts.deadline or self._timeouts.connect + self._timeouts.read
        failure: Failure | None = None
        renewed = ""
        attempt = 0
        while True:
            attempt += 1
            left = allowed - (time.monotonic() - start)
            used = self._connections
            try:
                return used.pool.run(command, max(0.0, left))
            except ExclusiveXComError:
                raise
            except PoolBusy:
                raise self._busy(what, time.monotonic() - start) from None
            except Exception as error:  # redis-py's errors have no common base
                if not _is_the_drivers(error):
                    raise
                failure = self._understand(error, failure, used.options)
            if failure.credentials and not renewed:
                asked = time.monotonic()
                renewed = self._renew(used)
                start += time.monotonic() - asked  # The settings have time limits of their own.
                if renewed == _CHANGED:
                    continue
            spent = time.monotonic() - start
            pause = _pause(attempt)
            if once or not failure.retry or spent + pause >= self._timeouts.deadline:
                raise self._failed(what, failure, attempt, spent, renewed)
            used.pool.drop_idle()  # Idle sessions may lead to the same dead or demoted server.
            time.sleep(pause)

    def _understand(self, error: Exception, earlier: Failure | None, options: RedisOptions) -> Failure:
        from exclusive_redis_xcom.connection.classifying import classify
        from exclusive_redis_xcom.connection.driver_errors import DeadlinePassed, SentinelFailed

        cause = error.error if isinstance(error, SentinelFailed) else error
        if isinstance(cause, DeadlinePassed) and earlier is not None:
            return earlier
        return classify(error, options, self._timeouts)

    def _renew(self, refused: Connections) -> str:
        """Ask for the options again, because Redis refused these. Return what came of that, as a sentence."""
        if self._ask_again is None:
            return ""
        with self._asking:
            if self._connections is not refused:  # Another thread has asked meanwhile.
                return _CHANGED
            if time.monotonic() - self._asked < _ASK_AGAIN_SECONDS:
                return _UNCHANGED
            try:
                options = self._ask_again()
            except Exception as error:  # Its text may hold what a command printed.
                return f"The settings were read again, and that failed ({type(error).__name__})."
            finally:
                self._asked = time.monotonic()
            if options == refused.options:
                return _UNCHANGED
            self._opened_earlier += refused.opened
            self._connections = Connections(options, self._timeouts, self._open_session)
            self._asked = -math.inf
        refused.drop()
        return _CHANGED

    def _failed(
        self, what: str, failure: Failure, attempts: int, spent: float, renewed: str
    ) -> StoreUnavailable | ConfigurationError:
        tries = "once" if attempts == 1 else f"{attempts} times"
        kind = ConfigurationError if failure.wrong_setting else StoreUnavailable
        options = self._connections.options
        cause = f"{what}: Redis ({options.endpoint}) was tried {tries} in {spent:.1f} s."
        remedy = failure.remedy if self._remedy is None else self._remedy(failure, options)
        return kind(f"{_action(what)} failed: {failure.reason}.\n{' '.join(filter(None, (cause, renewed)))}\n{remedy}")

    def _busy(self, what: str, spent: float) -> StoreUnavailable:
        return StoreUnavailable(
            f"{_action(what)} failed: all connections of this process to Redis stayed in use.\n"
            f"{what}: no connection to Redis ({self._connections.options.endpoint}) became free in {spent:.1f} s.\n"
            "Use fewer threads, or raise retry_deadline."
        )

    def _start_after_fork(self) -> None:
        # The child must use neither the parent's sockets nor its locks: another thread may have held them.
        self._connections.forget()
        self._asking = threading.Lock()


def _action(what: str) -> str:
    """Return the verb of "Pushing XCom ...". The rest may be long."""
    return what.partition(" ")[0]


def _is_the_drivers(error: Exception) -> bool:
    """Return whether an error comes from redis-py or below. Other errors, such as a task's own alarm, pass through."""
    return type(error).__module__.partition(".")[0] in _DRIVER_MODULES


def _pause(attempt: int) -> float:
    """Return the seconds after an attempt. They grow, and are random so that workers do not all return at once."""
    longest = min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2 ** min(attempt - 1, 10))
    return random.uniform(_SHORTEST_PAUSE, longest)  # noqa: S311 - no secret


_clients: weakref.WeakSet[RedisClient] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for client in tuple(_clients):
        client._start_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
