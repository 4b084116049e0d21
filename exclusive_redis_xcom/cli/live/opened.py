"""Reach the Redis of XComs, as an operator."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli.own_airflow import loading_airflow
from exclusive_redis_xcom.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.store import Store
    from exclusive_redis_xcom.store.inventory import Inventory

#: A variable, and no option: other users of the machine can see the arguments of a process.
REDIS_URL_VARIABLE = "EXCLUSIVE_XCOM_REDIS_URL"

HELP = (
    "The Redis user needs the rights scan, hkeys, hstrlen, hget, pttl and eval, which workers' users do not have. "
    f"`show --value` needs hmget, too. The variable {REDIS_URL_VARIABLE} names the URL of another user. Without it, "
    "the settings say which Redis it is."
)


def nothing(of: str | None, run: str | None = None) -> str:
    """Say that Redis holds nothing that was asked for."""
    about = "" if of is None else f" of '{of}'"
    in_run = "" if run is None else f" in run '{run}'"
    return f"Redis holds no XCom{about}{in_run}. It has expired, was never pushed there, or the name is wrong."


def inventory_of(store: Store, of: str | None) -> Iterator[Inventory]:
    """Yield what Redis holds of `DAG`, or of `DAG/TASK`; everything if that is None."""
    dag_id, _, task_id = (of or "").partition("/")
    return store.inventory(dag_id or None, task_id or None)


@contextlib.contextmanager
def opened_store() -> Iterator[Store]:
    """Open the store that the variable or the settings name.

    Raises:
        ConfigurationError: The settings, or the URL, are wrong.
        StoreUnavailable: Redis cannot be reached, or its user may not list names.
        UndecidedError: Airflow cannot be loaded, or its database or secrets backend does not say where Redis is.
    """
    from exclusive_redis_xcom.connection import RedisClient, Timeouts
    from exclusive_redis_xcom.connection.url import options_from_url
    from exclusive_redis_xcom.errors import ExclusiveXComError
    from exclusive_redis_xcom.settings import load_settings
    from exclusive_redis_xcom.settings.redis import redis_client
    from exclusive_redis_xcom.store import Store

    with loading_airflow():
        import airflow.settings  # noqa: F401 - reads and checks Airflow's configuration

        settings = load_settings()
    with contextlib.redirect_stdout(sys.stderr):  # output of Airflow must not get between the lines
        url = os.environ.get(REDIS_URL_VARIABLE)
        try:
            timeouts = Timeouts(
                connect=settings.connect_timeout, read=settings.read_timeout, deadline=settings.retry_deadline
            )
            client = RedisClient(options_from_url(url), timeouts) if url else redis_client(settings)
        except ExclusiveXComError:
            raise
        except Exception as error:  # Airflow's database or secrets backend failed, and its text may quote URLs
            raise UndecidedError(
                f"Airflow does not say where Redis is ({type(error).__name__}).\nName it in {REDIS_URL_VARIABLE}."
            ) from None
    with contextlib.closing(client):
        try:
            yield Store(client, key_prefix=settings.key_prefix)
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error}\n{HELP}" if "NOPERM" in str(error) else str(error)) from None
