"""Airflow's own commands that change XCom rows past the API servers, such as `airflow db clean`.

API servers cannot tell Redis of those changes, so the commands do, before and after. From then on no older mark counts
(`Store.distrust`), and tasks ask the API server for values that were pushed earlier. Airflow calls the functions below
for every command that it logs (`airflow/utils/cli.py`, `action_cli`). A command that changes no rows costs one look
into a table. The triggerer is a command, too: it tells Redis of each row that it writes while it runs.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ConfigurationError, ExclusiveXComError
from exclusive_redis_xcom.settings import is_in_use, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
    from exclusive_redis_xcom.settings import Settings

log = logging.getLogger("exclusive_redis_xcom")

#: Commands of Airflow 3.1 to 3.3 that change or delete XCom rows, task instances or runs. Airflow's action loggers get
#: the name of the function behind a command (`airflow/cli/commands`).
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

#: This command changes rows as long as it runs.
_TRIGGERER = "triggerer"

#: Airflow does not log this command.
_RESET = ["db", "reset"]

_DRY_RUN = "--dry-run"

_HARM = (
    "Tasks that are running now may pull XComs that it removed. Restart an API server: then no older XCom is pulled "
    "directly. Or set [exclusive_redis_xcom] direct_pulls = off until these tasks have ended."
)


def register() -> None:
    """Let Airflow call the functions below. This reads no settings and loads no redis."""
    from airflow.utils import cli_action_loggers

    cli_action_loggers.register_pre_exec_callback(prepare)
    cli_action_loggers.register_post_exec_callback(tell)
    if sys.argv[1:3] == _RESET:
        atexit.register(_distrust, "db reset")


def prepare(sub_command: str = "", **_: Any) -> None:
    """Act on a command that is about to begin."""
    tell(sub_command)
    if sub_command == _TRIGGERER and is_in_use():
        _watch_triggerer()


def tell(sub_command: str = "", **_: Any) -> None:
    """Tell Redis of a command that changes rows, before it begins and after it has ended; warn where that fails."""
    if sub_command in CHANGING and _DRY_RUN not in sys.argv:
        _distrust(CHANGING[sub_command])


def _distrust(command: str) -> None:
    if not is_in_use():
        return
    try:
        settings = load_settings()
        if settings.pulls_directly:
            with _as_server():
                store = _store_source(settings)()
            store.distrust()
    except ConfigurationError as error:
        log.info("Redis was not told of `airflow %s`: %s", command, error)
    except Exception as error:
        why = str(error) if isinstance(error, ExclusiveXComError) else type(error).__name__
        log.warning("Redis could not be told of `airflow %s`: %s %s", command, why, _HARM)


def _watch_triggerer() -> None:
    with contextlib.suppress(ConfigurationError):  # every pull and push raises it
        settings = load_settings()
        if settings.pulls_directly:
            from exclusive_redis_xcom.api_server.watch.triggered import watch_rows

            watch_rows(_store_source(settings))


def _store_source(settings: Settings) -> StoreSource:
    from exclusive_redis_xcom.api_server.requests.store_source import StoreSource

    return StoreSource(settings)


@contextlib.contextmanager
def _as_server() -> Iterator[None]:
    """Let a command look connections up in Airflow's database, as servers do. Airflow goes by this variable."""
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
