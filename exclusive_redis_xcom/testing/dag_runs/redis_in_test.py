"""The Redis of one test: fakeredis, or a real one under a prefix that no other test has."""

from __future__ import annotations

import contextlib
import importlib
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.settings.redis import sessions_opened_by
from exclusive_redis_xcom.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import timedelta

    from exclusive_redis_xcom.connection import RedisOptions
    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.failure import Failure
    from exclusive_redis_xcom.connection.session import Session
    from exclusive_redis_xcom.formats.observed import Entry
    from exclusive_redis_xcom.model import Coordinate

#: Nobody listens there. fakeredis takes no address, and the setting needs one.
_NOWHERE = "redis://fakeredis.invalid:6379/0"
_VARIABLE = "the variable REDIS_URL"
_AT_ONCE = 500


class RedisInTest:
    """Where the values of one test are.

    Args:
        url: The address of a real Redis, as the setting `redis_url` takes it; None for fakeredis.
        open_session: Opens sessions with fakeredis; None for a real Redis.
    """

    def __init__(self, url: str | None, open_session: Callable[[Budget], Session] | None) -> None:
        self.url = url or _NOWHERE
        self.prefix = f"exclusive_redis_xcom_test:{secrets.token_hex(8)}"
        self._client = RedisClient(
            _options(self.url), Timeouts(deadline=5.0), open_session=open_session, remedy=_remedy
        )
        self._store = Store(self._client, key_prefix=self.prefix)

    def check(self) -> None:
        """Ask Redis for something.

        Raises:
            StoreUnavailable: It does not answer.
        """
        self._names()

    def age(self, by: timedelta) -> None:
        """Shorten what is left of the TTL of every value. The record of reads stays as it is."""
        values = [name for name in self._names() if not name.startswith(f"{self.prefix}:!".encode())]
        self._shorten(values, by)

    def age_of(self, at: Coordinate, by: timedelta) -> None:
        """Shorten what is left of the TTL of one value."""
        self._shorten([redis_names.hash_name(self.prefix, at).encode()], by)

    def record(self) -> dict[str, tuple[Entry, ...]]:
        """Return what was read and refused so far, by the DAG of the producer."""
        found = {dag_id: self._store.observed(dag_id) for dag_id in self._store.observed_dags()}
        return {dag_id: observed.entries for dag_id, observed in found.items() if observed is not None}

    def close(self) -> None:
        """Remove everything that the test wrote, and close the connections."""
        try:
            self._call("UNLINK", self._names())
        finally:
            self._client.close()

    def _shorten(self, names: Iterable[bytes], by: timedelta) -> None:
        milliseconds = int(by.total_seconds() * 1000)
        for name in names:
            (left,) = self._call("PTTL", [name])
            if left >= 0:
                # A negative time removes the value at once.
                self._call("PEXPIRE", [name], left - milliseconds)

    def _names(self) -> list[bytes]:
        """Return the names of all hashes that the test wrote."""
        pattern = f"{self.prefix}:*"

        def command(session: Session) -> list[bytes]:
            found: list[bytes] = []
            for node in session.node_keys():
                cursor: Any = 0
                while True:
                    cursor, names = session.call(node, ("SCAN", cursor, "MATCH", pattern, "COUNT", _AT_ONCE))
                    found += names
                    if int(cursor) == 0:
                        break
            return found

        return list(dict.fromkeys(self._client.run("Looking for what a test wrote", command)))

    def _call(self, command: str, names: Iterable[bytes], *arguments: Any) -> list[Any]:
        calls = [(name.decode("latin-1"), (command, name, *arguments)) for name in names]
        return self._client.run("Changing what a test wrote", lambda session: session.call_many(calls)) if calls else []


def _options(url: str) -> RedisOptions:
    try:
        return replace(options_from_url(url), setting=_VARIABLE)
    except ConfigurationError as error:  # its text repeats nothing of the URL
        raise ConfigurationError(f"REDIS_URL cannot be used.\n{error}") from None


def _remedy(failure: Failure, options: RedisOptions) -> str:
    """Say what to do about a failure, in words for whoever runs tests: no task waits to be cleared."""
    if not failure.down:
        return failure.remedy
    return f"Check that Redis is up, and that {options.place} says where it is. Without it, tests use fakeredis."


@contextlib.contextmanager
def redis_in_test(url: str | None) -> Iterator[RedisInTest]:
    """Give a test a Redis, and remove afterwards what the test wrote.

    Args:
        url: The address of a real Redis; None or empty for fakeredis.

    Raises:
        ConfigurationError: The address is wrong, or there is no fakeredis with Lua.
        StoreUnavailable: The Redis does not answer.
    """
    with contextlib.ExitStack() as stack:
        open_session = None
        if not url:
            open_session = _fakeredis()
            stack.enter_context(sessions_opened_by(open_session))
        redis = RedisInTest(url or None, open_session)
        redis.check()
        stack.callback(redis.close)
        yield redis


def _fakeredis() -> Callable[[Budget], Session]:
    try:
        import fakeredis

        importlib.import_module("lupa")  # fakeredis says only at the first script that it is missing
    except ImportError as error:
        raise ConfigurationError(
            f"The fixture exclusive_xcom needs {error.name}, which is not installed.\n"
            "Install exclusive-redis-xcom[testing]. Or name a real Redis in the variable REDIS_URL."
        ) from None
    from exclusive_redis_xcom.connection.server import ServerSession

    server = fakeredis.FakeServer()
    return lambda budget: ServerSession(fakeredis.FakeRedis(server=server), budget)
