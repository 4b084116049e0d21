"""Could a task on this worker pass for another one? It could with a token signing key or a database login.

The ring believes tokens and the states of task instances. Whoever can sign tokens, or rewrite `task_instance`, can have
any sealed value opened. Workers of Airflow 3 need neither: a task's token comes with its workload
(`executors/base_executor.py`), and everything else goes through the Execution API. Two more secrets open less, and
workers need at most one of them: `[core] fernet_key` and `[api] secret_key`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exclusive_redis_xcom.cli.doctor.occurrences import (
    Occurrence,
    is_own_file,
    names,
    occurrences,
    only_local,
    value_in_force,
    was_generated,
)
from exclusive_redis_xcom.health.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exclusive_redis_xcom.health.visit import Visit

_KEY_CHECK, _LOGIN_CHECK = "token signing key", "database login"
_FERNET_CHECK, _API_CHECK = "Fernet key", "API secret key"

# A task finds this in place of the database's URL (`block_orm_access` of the Task SDK's supervisor).
_BLOCKED = "airflow-db-not-allowed:"

_LOCAL_REMEDY = (
    "The scheduler needs this setting, and tasks share the scheduler's environment. Enforcement does not hold against "
    "code that reads that environment or its files. To keep the setting from tasks, use an executor whose workers run "
    "elsewhere."
)
_KEY_REMEDY = (
    "Remove it here: workers sign nothing, because a task's token comes with its workload. With this key, any task can "
    "sign a token for any other task, and have every sealed value opened. Replace the key, because it may have been "
    "read. An asymmetric key is best: [api_auth] jwt_private_key_path, on the scheduler and the API servers only."
)
_LOGIN_REMEDY = (
    "Remove it here: workers reach Airflow through the Execution API alone. With this login, any task can pass for "
    "another and have every sealed value opened. Celery uses this database if it has no [celery] result_backend. Set "
    "one elsewhere, such as a database of its own, with a login of its own. Then change the password of this login."
)
_FERNET_REMEDY = (
    "Remove it here: workers get connections and variables opened, through the Execution API. With this key and a copy "
    "of Airflow's database, any task can read all connections."
)
_LOGS_REMEDY = (
    "A worker needs it to serve its logs, and for nothing else. With it, any task can read the logs of all workers. To "
    "do without, write logs to a remote place and start workers with --skip-serve-logs."
)
_COOKIE_REMEDY = (
    "FAB signs the cookies of users with this secret here ([fab] session_backend = securecookie), so any task can pass "
    "for any user. Set session_backend = database on API servers. Or write logs to a remote place, start workers with "
    "--skip-serve-logs, and remove the secret here."
)


def token_signing_key(visit: Visit) -> Iterator[Finding]:
    """Check whether this process could sign a token for any task.

    API servers must be able to, but their key must have no second use.
    """
    if visit.role == "worker":
        yield _worker(visit, _KEY_CHECK, _signing_keys, _KEY_REMEDY)
    elif visit.settings is not None and visit.settings.by_server:
        yield _server_key()


def database_login(visit: Visit) -> Iterator[Finding]:
    """Check whether a task on this worker could rewrite Airflow's database."""
    if visit.role == "worker":
        yield _worker(visit, _LOGIN_CHECK, _logins, _LOGIN_REMEDY)


def fernet_key(visit: Visit) -> Iterator[Finding]:
    """Check whether a task could open the connections in a copy of Airflow's database."""
    if visit.role == "worker":
        found = _worker(visit, _FERNET_CHECK, _fernet_keys, _FERNET_REMEDY)
        # This key alone opens nothing: the tasks of this worker cannot read the database.
        yield Finding(found.check, "warning", found.seen, found.remedy) if found.result == "FAIL" else found


def api_secret_key(visit: Visit) -> Iterator[Finding]:
    """Check whether a worker has the key for logs, and what else that key opens."""
    if visit.role != "worker":
        return
    if (skipped := _not_asked(visit, _API_CHECK)) is not None:
        yield skipped
        return
    found = [occurrence for occurrence in occurrences("api", "secret_key") if not was_generated(occurrence)]
    if not found:
        yield Finding(_API_CHECK, "ok", "none, so this worker serves no logs; remote logs do not need it")
    elif value_in_force("fab", "session_backend") == "securecookie":
        yield Finding(_API_CHECK, "warning", f"set on a worker: {names(found)}", _COOKIE_REMEDY)
    else:
        yield Finding(_API_CHECK, "ok", f"set, for serving logs: {names(found)}", _LOGS_REMEDY)


CHECKS = (token_signing_key, database_login, fernet_key, api_secret_key)


def _worker(visit: Visit, check: str, found_by: Callable[[], list[Occurrence]], remedy: str) -> Finding:
    if (skipped := _not_asked(visit, check)) is not None:
        return skipped
    found = found_by()
    if found:
        seen = f"set on a worker: {names(found)}"
        return Finding(check, "warning", seen, _LOCAL_REMEDY) if only_local() else Finding(check, "FAIL", seen, remedy)
    if check == _KEY_CHECK and any(map(was_generated, occurrences("api_auth", "jwt_secret"))):
        own = "only the secret that Airflow seems to have generated into this airflow.cfg"
        return Finding(check, "ok", own, "Make sure that no scheduler and no API server uses the same file.")
    return Finding(check, "ok", "none, as it must be on workers")


def _not_asked(visit: Visit, check: str) -> Finding | None:
    why = visit.why_not_server_mode
    return None if why is None else Finding(check, "skipped", why)


def _server_key() -> Finding:
    from airflow.configuration import conf

    secret = conf.get("api_auth", "jwt_secret", fallback="")
    if secret and secret == conf.get("api", "secret_key", fallback=""):
        remedy = (
            "Workers that serve their logs have [api] secret_key, and could sign tokens with it. Set two "
            "different secrets."
        )
        return Finding(_KEY_CHECK, "warning", "[api_auth] jwt_secret and [api] secret_key are the same", remedy)
    return Finding(_KEY_CHECK, "ok", "for API servers and the scheduler alone")


def _signing_keys() -> list[Occurrence]:
    secrets = [found for found in occurrences("api_auth", "jwt_secret") if not was_generated(found)]
    # Airflow takes no _CMD or _SECRET for this option, which is a path. A file that is not readable is no finding.
    paths = [found for found in occurrences("api_auth", "jwt_private_key_path") if _is_readable(found.value)]
    return [*secrets, *paths]


def _logins() -> list[Occurrence]:
    from airflow.configuration import conf

    default = conf.get_default_value("database", "sql_alchemy_conn")
    # Airflow 3.2 and later still look into [core]. In 3.1, nobody uses a login there.
    options = [("database", "sql_alchemy_conn"), ("database", "sql_alchemy_conn_async"), ("core", "sql_alchemy_conn")]
    return [
        found
        for option in options
        for found in occurrences(*option)
        if found.value is None or not (found.value == default or found.value.startswith(_BLOCKED))
    ]


def _fernet_keys() -> list[Occurrence]:
    own = is_own_file()  # Airflow writes a key of this home's own into the file that it generates
    return [found for found in occurrences("core", "fernet_key") if not (found.in_file and own)]


def _is_readable(path: str | None) -> bool:
    return path is not None and os.access(os.path.expanduser(path), os.R_OK)
