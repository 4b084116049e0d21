"""Where is an option of Airflow set on this machine? The checks look for options by name, and seldom at values.

They look into the environment and into airflow.cfg. `ConfigParser`'s own methods read the file, because they know no
defaults of Airflow. `conf.as_dict(display_source=True)` would tell the same, but runs every `_CMD` and asks secrets
backends for every option. It also takes a secret that Airflow generated for a secret of the file. The first `airflow`
command writes that secret into airflow.cfg. In all later processes, its default is the empty string.
"""

from __future__ import annotations

import os
import re
from configparser import ConfigParser
from dataclasses import dataclass, field

# Airflow generates 16 random bytes, in Base64 (`write_default_airflow_configuration_if_needed`).
_GENERATED = re.compile(r"[A-Za-z0-9+/]{22}==")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An option that is set, in the environment or in a file.

    `value` is None if a command or a secrets backend holds it. `of_team` says that only one team's processes read it.
    """

    name: str
    value: str | None = field(repr=False)
    in_file: bool
    of_team: bool = False


def occurrences(section: str, option: str) -> list[Occurrence]:
    """List where an option is set and not empty: in the environment, then in the file, also for teams (Airflow 3.2)."""
    found = []
    named = re.compile(rf"AIRFLOW__(?P<team>\w+___)?{section}__{option}(?P<told>_CMD|_SECRET)?", re.IGNORECASE)
    for name, value in sorted(os.environ.items()):
        if (match := named.fullmatch(name)) and value.strip():
            told = None if match["told"] else os.path.expandvars(value)
            found.append(Occurrence(name, told, in_file=False, of_team=match["team"] is not None))
    for where in _sections(section):
        for suffix in ("", "_cmd", "_secret"):
            value = file_value(where, option + suffix)
            if value.strip():
                told = None if suffix else os.path.expandvars(value)
                shown = f"[{where}] {option}{suffix} in airflow.cfg"
                found.append(Occurrence(shown, told, in_file=True, of_team="=" in where))
    return found


def names(found: list[Occurrence]) -> str:
    """Return where options are set, for people."""
    return ", ".join(occurrence.name for occurrence in found)


def file_value(section: str, option: str) -> str:
    """Return what airflow.cfg says, without Airflow's defaults, commands and backends; empty if it says nothing."""
    from airflow.configuration import conf

    if not ConfigParser.has_option(conf, section, option):
        return ""
    return str(ConfigParser.get(conf, section, option, raw=True) or "")


def value_in_force(section: str, option: str) -> str | None:
    """Return what Airflow reads; None if it is not set, or if a command or secrets backend fails."""
    from airflow.configuration import conf

    try:
        found = conf.get(section, option, fallback=None)
    except Exception:  # commands and backends may raise anything, with texts that quote what they read
        return None
    return None if found is None else str(found).strip()


def is_own_file() -> bool:
    """Tell whether airflow.cfg looks like the file that Airflow generates, with secrets that nobody else knows.

    Somebody's own 16 bytes look alike: so the rest of the file must be Airflow's, too, with the default database.
    """
    from airflow.configuration import conf

    database = os.path.expandvars(file_value("database", "sql_alchemy_conn"))
    secret = file_value("api", "secret_key")
    return _has_form(secret) and database == conf.get_default_value("database", "sql_alchemy_conn")


def was_generated(occurrence: Occurrence) -> bool:
    """Tell whether a secret is one that Airflow makes, in a file that looks like Airflow's own."""
    return occurrence.in_file and occurrence.value is not None and _has_form(occurrence.value) and is_own_file()


def only_local() -> bool:
    """Tell whether no task of this Airflow runs elsewhere than under its scheduler."""
    if os.environ.get("AIRFLOW_IS_K8S_EXECUTOR_POD"):  # a pod of a task, where charts set "LocalExecutor"
        return False
    return executors() == {"LocalExecutor"}


def executors() -> set[str]:
    """Return the class names of the configured executors."""
    # "team1=CeleryExecutor;alias:module.LocalExecutor,..."
    configured = re.split(r"[,;]", value_in_force("core", "executor") or "")
    return {re.split(r"[=:.]", name.strip())[-1] for name in configured if name.strip()}


def _sections(section: str) -> list[str]:
    """List the section of that name in the file, and the sections of teams (`team=section`)."""
    from airflow.configuration import conf

    return [name for name in ConfigParser.sections(conf) if name.lower().rpartition("=")[2] == section]


def _has_form(secret: str) -> bool:
    return _GENERATED.fullmatch(secret) is not None
