"""The places that settings come from: Airflow's configuration object, its file and the environment."""

from __future__ import annotations

from configparser import ConfigParser
from typing import Any

SECTION = "exclusive_redis_xcom"

#: The environment variables of the section begin with this.
PREFIX = f"AIRFLOW__{SECTION.upper()}__"


def where_to_set(option: str) -> str:
    """Name the two places in which an option is set."""
    return f"{option} in section [{SECTION}] of airflow.cfg, or {PREFIX}{option.upper()} in the environment"


def airflow_conf() -> Any:
    """Return Airflow's configuration object. From Airflow 3.2 on, the Task SDK has one of its own."""
    try:
        from airflow.sdk.configuration import conf
    except ImportError:
        from airflow.configuration import conf
    return conf


def options_in_file(conf: Any) -> set[str] | None:
    """Return the options that airflow.cfg sets in our section; None where the object does not tell its options.

    Airflow writes the section's name, and nothing below it, into a new airflow.cfg.
    """
    if not isinstance(conf, ConfigParser):
        return None
    return set(conf.options(SECTION)) - conf.defaults().keys() if conf.has_section(SECTION) else set()
