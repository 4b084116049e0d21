"""Open the Redis of XComs for a person at a terminal. Every command that reads what Redis holds opens it here."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli.own_airflow import loading_airflow
from exclusive_redis_xcom.errors import ConfigurationError, ExclusiveXComError
from exclusive_redis_xcom.reporting.redis_remedy import remedy
from exclusive_redis_xcom.reporting.wording import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.connection import RedisClient, RedisOptions
    from exclusive_redis_xcom.connection.failure import Failure
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Store

#: A variable, and no option: other users of the machine can see the arguments of a process.
REDIS_URL_VARIABLE: Final = "EXCLUSIVE_XCOM_REDIS_URL"

_VARIABLE: Final = f"the variable {REDIS_URL_VARIABLE}"

#: A person waits, so the command ends about 5 seconds after Redis stops answering. Tasks are more patient.
_CONNECT_SECONDS, _READ_SECONDS, _DEADLINE_SECONDS = 2.0, 3.0, 2.0

#: What each command says about the variable.
HELP: Final = (
    f"The settings say which Redis it is. The variable {REDIS_URL_VARIABLE} names another URL, for a user with other "
    "rights."
)


@contextlib.contextmanager
def opened_store(needs: str = "") -> Iterator[Store]:
    """Open the store that the variable or the settings name.

    Args:
        needs: Which rights the Redis user needs, as sentences. It is told where Redis says that one is missing.

    Raises:
        ConfigurationError: The settings, or the URL, are wrong.
        StoreUnavailable: Redis cannot be reached, or its user may not do this.
        UndecidedError: Airflow cannot be loaded, or its database or secrets backend does not say where Redis is.
    """
    from exclusive_redis_xcom.settings import load_settings
    from exclusive_redis_xcom.store import Store

    with loading_airflow():
        import airflow.settings  # noqa: F401 - reads and checks Airflow's configuration

        settings = load_settings()
    with contextlib.closing(_client(settings, needs)) as client:
        yield Store(client, key_prefix=settings.key_prefix)


def _client(settings: Settings, needs: str) -> RedisClient:
    from exclusive_redis_xcom.connection import RedisClient, Timeouts
    from exclusive_redis_xcom.settings.redis import redis_client

    def of_commands(failure: Failure, options: RedisOptions) -> str:
        if failure.rights and needs:
            return needs
        said = remedy(failure, options)
        return said if options.setting == _VARIABLE else f"{said} {sentence(_VARIABLE)} can name another."

    timeouts = Timeouts(_CONNECT_SECONDS, _READ_SECONDS, _DEADLINE_SECONDS)
    url = os.environ.get(REDIS_URL_VARIABLE)
    if url:
        return RedisClient(_options(url), timeouts, remedy=of_commands)
    with contextlib.redirect_stdout(sys.stderr):  # output of Airflow must not get between the lines
        try:
            return redis_client(settings, timeouts, remedy=of_commands)
        except ExclusiveXComError:
            raise
        except Exception as error:  # Airflow's database or secrets backend failed, and its text may quote URLs
            raise UndecidedError(
                f"Airflow does not say where Redis is ({type(error).__name__}).\nName it in {REDIS_URL_VARIABLE}."
            ) from None


def _options(url: str) -> RedisOptions:
    from exclusive_redis_xcom.connection.url import options_from_url

    try:
        return replace(options_from_url(url), setting=_VARIABLE)
    except ConfigurationError as error:  # its text repeats nothing of the URL
        raise ConfigurationError(f"{REDIS_URL_VARIABLE} cannot be used.\n{error}") from None
