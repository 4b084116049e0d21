"""Airflow plugin (entry point ``airflow.plugins``): registers the listener that ``identity`` relies on."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from exclusive_redis_xcom import listener


class ExclusiveRedisXComPlugin(AirflowPlugin):
    """Declarative: see ``listener.py``."""

    name = "exclusive_redis_xcom"
    listeners = [listener]  # noqa: RUF012 - Airflow's plugin interface
