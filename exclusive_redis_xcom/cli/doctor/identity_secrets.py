"""Could a task on this worker pass for another one? It could with a token signing key or a database login.

The ring believes tokens and the states of task instances. Whoever can sign tokens, or rewrite `task_instance`, can have
any sealed value opened. Workers of Airflow 3 need neither: a task's token comes with its workload
(`executors/base_executor.py`), and everything else goes through the Execution API. Their Celery result backend belongs
to Celery.

The checks look for options by name, in the environment and in airflow.cfg. `ConfigParser`'s own methods read the file,
because they know no defaults of Airflow. `conf.as_dict(display_source=True)` would tell the same, but runs every `_CMD`
and asks secrets backends for every option. It also takes a secret that Airflow generated for a secret of the file. The
first `airflow` command writes that secret into airflow.cfg. In all later processes, its default is the empty string.
"""

from __future__ import annotations

import os
import re
from configparser import ConfigParser
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exclusive_redis_xcom.cli.doctor.finding import Finding
from exclusive_redis_xcom.cli.doctor.visit import NO_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exclusive_redis_xcom.cli.doctor.visit import Visit

_KEY_CHECK, _LOGIN_CHECK = "token signing key", "database login"

# Airflow generates 16 random bytes, in Base64 (`write_default_airflow_configuration_if_needed`).
_GENERATED = re.compile(r"[A-Za-z0-9+/]{22}==")
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
    "one elsewhere, such as a Redis, with a login of its own. Then change the password of this login."
)


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """An option that is set, in the environment or in a file.

    `value` is None if a command or a secrets backend holds it.
    """

    name: str
    value: str | None = field(repr=False)
    in_file: bool


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


CHECKS = (token_signing_key, database_login)


def _worker(visit: Visit, check: str, occurrences: Callable[[], list[_Occurrence]], remedy: str) -> Finding:
    if visit.settings is None:
        return Finding(check, "skipped", NO_SETTINGS)
    if not visit.settings.by_server:
        return Finding(check, "skipped", "not checked, because enforcement = worker")
    found = occurrences()
    if found:
        seen = f"set on a worker: {', '.join(occurrence.name for occurrence in found)}"
        return Finding(check, "warning", seen, _LOCAL_REMEDY) if _only_local() else Finding(check, "FAIL", seen, remedy)
    if check == _KEY_CHECK and _is_generated(_file_value("api_auth", "jwt_secret")):
        own = "only the secret that Airflow seems to have generated into this airflow.cfg"
        return Finding(check, "ok", own, "Make sure that no scheduler and no API server uses the same file.")
    return Finding(check, "ok", "none, as it must be on workers")


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


def _signing_keys() -> list[_Occurrence]:
    secrets = [occurrence for occurrence in _occurrences("api_auth", "jwt_secret") if not _was_generated(occurrence)]
    # Airflow takes no _CMD or _SECRET for this option, which is a path. A file that is not readable is no finding.
    paths = [
        occurrence for occurrence in _occurrences("api_auth", "jwt_private_key_path") if _is_readable(occurrence.value)
    ]
    return [*secrets, *paths]


def _logins() -> list[_Occurrence]:
    from airflow.configuration import conf

    default = conf.get_default_value("database", "sql_alchemy_conn")
    # Airflow 3.2 and later still look into [core]. In 3.1, nobody uses a login there.
    options = [("database", "sql_alchemy_conn"), ("database", "sql_alchemy_conn_async"), ("core", "sql_alchemy_conn")]
    direct = [
        occurrence
        for option in options
        for occurrence in _occurrences(*option)
        if occurrence.value is None or not (occurrence.value == default or occurrence.value.startswith(_BLOCKED))
    ]
    return [
        *direct,
        *(occurrence for occurrence in _occurrences("celery", "result_backend") if _is_database(occurrence)),
    ]


def _occurrences(section: str, option: str) -> list[_Occurrence]:
    """List where an option is set and not empty: in the environment, then in the file, also for teams (Airflow 3.2)."""
    found = []
    named = re.compile(rf"AIRFLOW__(?:\w+___)?{section}__{option}(?P<told>_CMD|_SECRET)?", re.IGNORECASE)
    for name, value in sorted(os.environ.items()):
        if (match := named.fullmatch(name)) and value.strip():
            found.append(_Occurrence(name, None if match["told"] else os.path.expandvars(value), in_file=False))
    for where in _sections(section):
        for suffix in ("", "_cmd", "_secret"):
            value = _file_value(where, option + suffix)
            if value.strip():
                told = None if suffix else os.path.expandvars(value)
                found.append(_Occurrence(f"[{where}] {option}{suffix} in airflow.cfg", told, in_file=True))
    return found


def _sections(section: str) -> list[str]:
    """List the section of that name in the file, and the sections of teams (`team=section`)."""
    from airflow.configuration import conf

    return [name for name in ConfigParser.sections(conf) if name.lower().rpartition("=")[2] == section]


def _file_value(section: str, option: str) -> str:
    """Return what airflow.cfg says, without Airflow's defaults, commands and backends; empty if it says nothing."""
    from airflow.configuration import conf

    if not ConfigParser.has_option(conf, section, option):
        return ""
    return str(ConfigParser.get(conf, section, option, raw=True) or "")


def _was_generated(occurrence: _Occurrence) -> bool:
    return occurrence.in_file and occurrence.value is not None and _is_generated(occurrence.value)


def _is_generated(secret: str) -> bool:
    """Tell whether a secret of airflow.cfg has the form of those that Airflow makes, in a file that looks like its own.

    Somebody's own 16 bytes look alike: so the rest of the file must be Airflow's, too, with the default database.
    """
    from airflow.configuration import conf

    database = os.path.expandvars(_file_value("database", "sql_alchemy_conn"))
    return (
        _GENERATED.fullmatch(secret) is not None
        and _GENERATED.fullmatch(_file_value("api", "secret_key")) is not None
        and database == conf.get_default_value("database", "sql_alchemy_conn")
    )


def _is_readable(path: str | None) -> bool:
    return path is not None and os.access(os.path.expanduser(path), os.R_OK)


def _is_database(occurrence: _Occurrence) -> bool:
    """Tell whether a result backend is a database, or not known to be something else."""
    value = occurrence.value if occurrence.value is not None else _result_backend(occurrence.name)
    return value is None or value.strip().startswith("db+")


def _result_backend(name: str) -> str | None:
    """Return what a command or secrets backend tells Airflow; None if it tells nothing, or if it is a team's."""
    from airflow.configuration import conf

    if "___" in name or "=" in name:
        return None
    try:
        found = conf.get("celery", "result_backend", fallback=None)
    except Exception:  # commands and backends may raise anything, with texts that quote what they read
        return None
    return None if found is None else str(found)


def _only_local() -> bool:
    """Tell whether no task of this Airflow runs elsewhere than under its scheduler."""
    from airflow.configuration import conf

    if os.environ.get("AIRFLOW_IS_K8S_EXECUTOR_POD"):  # a pod of a task, where charts set "LocalExecutor"
        return False
    # "team1=CeleryExecutor;alias:module.LocalExecutor,..."
    names = re.split(r"[,;]", str(conf.get("core", "executor", fallback="")))
    classes = {re.split(r"[=:.]", name.strip())[-1] for name in names if name.strip()}
    return classes == {"LocalExecutor"}
