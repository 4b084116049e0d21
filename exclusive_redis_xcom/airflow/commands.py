"""Airflow's own commands that change XCom rows past the API servers, such as `airflow db clean`.

API servers cannot tell Redis of those. So the commands do, before and after: no mark made until then counts any more
(`Store.distrust`), and tasks ask the API server for what was pushed earlier. Airflow calls the functions below for
every command that it logs (`airflow/utils/cli.py`, `action_cli`); its other commands cost one look into a table.
The triggerer is a command, too: what it writes, it tells while it runs.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ConfigurationError, ExclusiveXComError
from exclusive_redis_xcom.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
    from exclusive_redis_xcom.settings import Settings

log = logging.getLogger("exclusive_redis_xcom")

#: What changes or deletes XCom rows, task instances or runs in Airflow 3.1 to 3.3: names of the functions behind the
#: commands (`airflow/cli/commands`), by which Airflow names them to its action loggers.
CHANGING = {
    "cleanup_tables": "db clean",
    "migratedb": "db migrate",
    "downgrade": "db downgrade",
    "shell": "db shell",
    "create_backfill": "backfill create",
    "dag_clear": "dags clear",
    "dag_delete": "dags delete",
    "dag_test": "dags test",
    "clear": "partitions clear",
    "task_clear": "tasks clear",
    "task_test": "tasks test",
}

#: The one that goes on, and changes rows as long as it runs.
_TRIGGERER = "triggerer"

#: The one that Airflow does not log.
_RESET = ["db", "reset"]

_DRY_RUN = "--dry-run"

_HARM = (
    "Tasks that are running now may pull XComs that it removed. Restart an API server, after which no older XCom is "
    "pulled directly, or set [exclusive_redis_xcom] direct_pulls = off until they have ended."
)


def register() -> None:
    """Have the functions below called. Reads no settings, loads no Redis."""
    from airflow.utils import cli_action_loggers

    cli_action_loggers.register_pre_exec_callback(prepare)
    cli_action_loggers.register_post_exec_callback(tell)
    if sys.argv[1:3] == _RESET:
        atexit.register(_distrust, "db reset")


def prepare(sub_command: str = "", **_: Any) -> None:
    """A command is about to begin."""
    tell(sub_command)
    if sub_command == _TRIGGERER:
        _watch_triggerer()


def tell(sub_command: str = "", **_: Any) -> None:
    """Tell Redis of a command that changes rows, which is about to begin or has ended; warn where that fails."""
    if sub_command in CHANGING and _DRY_RUN not in sys.argv:
        _distrust(CHANGING[sub_command])


def _distrust(command: str) -> None:
    try:
        settings = load_settings()
        if settings.pulls_directly:
            with _as_server():
                store = _store_source(settings)()
            store.distrust()
    except ConfigurationError as error:
        log.info("Redis is not told of `airflow %s`: %s", command, error)
    except Exception as error:
        why = str(error) if isinstance(error, ExclusiveXComError) else type(error).__name__
        log.warning("Redis could not be told of `airflow %s`: %s %s", command, why, _HARM)


def _watch_triggerer() -> None:
    with contextlib.suppress(ConfigurationError):  # which whoever pulls is told of
        settings = load_settings()
        if settings.pulls_directly:
            from exclusive_redis_xcom.api_server.watch.triggered import watch_rows

            watch_rows(_store_source(settings))


def _store_source(settings: Settings) -> StoreSource:
    from exclusive_redis_xcom.api_server.requests.store_source import StoreSource

    return StoreSource(settings)


@contextlib.contextmanager
def _as_server() -> Iterator[None]:
    """Commands may look connections up in Airflow's database, as servers do, if they say so (from 3.1 on)."""
    name = "_AIRFLOW_PROCESS_CONTEXT"
    before = os.environ.get(name)
    os.environ[name] = "server"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
