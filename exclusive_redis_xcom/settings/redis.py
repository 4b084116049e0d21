"""Which Redis holds the values: a URL of the settings says so, or an Airflow connection of type redis."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.model import one_line
from exclusive_redis_xcom.settings import SECTION, Settings
from exclusive_redis_xcom.settings.loading import option_now
from exclusive_redis_xcom.settings.sources import where_to_set
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exclusive_redis_xcom.connection import RedisOptions
    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.failure import Failure
    from exclusive_redis_xcom.connection.session import Session

_CONNECTION_TYPE = "redis"

#: Characters of a name that stand in the first line of an error.
_SHOWN = 30

_open_session: Callable[[Budget], Session] | None = None


@contextlib.contextmanager
def sessions_opened_by(open_session: Callable[[Budget], Session]) -> Iterator[None]:
    """Let the clients that are made inside the `with` block talk to a Redis that no socket reaches (fakeredis)."""
    global _open_session  # noqa: PLW0603 - the clients of a process have one Redis
    before, _open_session = _open_session, open_session
    try:
        yield
    finally:
        _open_session = before


@errors_without_locals
def redis_client(
    settings: Settings,
    timeouts: Timeouts | None = None,
    *,
    remedy: Callable[[Failure, RedisOptions], str] | None = None,
) -> RedisClient:
    """Make a client, which connects at first use.

    If Redis refuses its password, the client asks for the URL or the connection again, because a password may rotate
    while this process lives.

    Args:
        settings: The settings that say where Redis is.
        timeouts: How long the client waits. By default, it is as patient as the settings say.
        remedy: As for `RedisClient`.

    Raises:
        ConfigurationError: As for `redis_options`.
    """
    timeouts = timeouts or Timeouts(
        connect=settings.connect_timeout, read=settings.read_timeout, deadline=settings.retry_deadline
    )
    return RedisClient(
        redis_options(settings),
        timeouts,
        open_session=_open_session,
        ask_again=lambda: _options_now(settings),
        remedy=remedy,
    )


@errors_without_locals
def redis_options(settings: Settings) -> RedisOptions:
    """Find out where Redis is.

    A URL costs nothing. An Airflow connection that is not in the environment costs one API call per process.

    Raises:
        ConfigurationError: The connection does not exist or is not of type redis, or its fields or the URL are wrong.
    """
    if settings.redis_url:
        return _of_url(settings.redis_url)
    return _of_connection(settings.redis_conn_id)


def _options_now(settings: Settings) -> RedisOptions:
    """Find out anew where Redis is: an option's command, a secrets backend or Airflow may have another answer now."""
    if not settings.redis_url:
        return _of_connection(settings.redis_conn_id)
    url = option_now("redis_url")
    return _of_url(url) if url else redis_options(settings)


def _of_url(url: str) -> RedisOptions:
    from exclusive_redis_xcom.connection.url import options_from_url

    try:
        return options_from_url(url)
    except ConfigurationError as error:  # its text repeats nothing of the URL
        raise ConfigurationError(
            f"[{SECTION}] redis_url cannot be used.\n{error}\nCorrect {where_to_set('redis_url')}."
        ) from None


def _of_connection(conn_id: str) -> RedisOptions:
    from exclusive_redis_xcom.connection.airflow_connection import options_from_fields

    connection = _airflow_connection(conn_id)
    name = one_line(conn_id, _SHOWN)
    if connection.conn_type != _CONNECTION_TYPE:
        raise ConfigurationError(
            f"[{SECTION}] redis_conn_id: Airflow connection '{name}' is not of type redis.\n"
            f"Its type is '{one_line(str(connection.conn_type), _SHOWN)}'. A connection with TLS has the type redis, "
            'too, and the extra "ssl": true.\n'
            f"Correct the connection, or name another: {where_to_set('redis_conn_id')}."
        )
    try:
        options = options_from_fields(
            host=connection.host,
            port=connection.port,
            login=connection.login,
            password=connection.password,
            schema=connection.schema,
            extra=connection.extra_dejson,
        )
    except ConfigurationError as error:  # its text holds no password
        raise ConfigurationError(
            f"[{SECTION}] redis_conn_id: Airflow connection '{name}' cannot be used.\n{error}\n"
            f"Correct the connection, or name another: {where_to_set('redis_conn_id')}."
        ) from None
    return replace(options, setting="redis_conn_id")


def _airflow_connection(conn_id: str) -> Any:
    from airflow.providers.redis.hooks.redis import RedisHook

    try:
        return RedisHook.get_connection(conn_id)
    except Exception as error:
        # Airflow has several types for "not found", by version and component. None of their texts is needed.
        if "NotFound" not in type(error).__name__ and "not_found" not in str(error).lower():
            raise
        raise ConfigurationError(
            f"[{SECTION}] redis_conn_id: there is no Airflow connection '{one_line(conn_id, _SHOWN)}'.\n"
            f"The setting redis_url is empty, so this connection has to say where Redis is.\n"
            f"Create it (type redis), for example as AIRFLOW_CONN_{conn_id.upper()}=redis://host:6379/0. "
            f"Or set {where_to_set('redis_url')}."
        ) from None
