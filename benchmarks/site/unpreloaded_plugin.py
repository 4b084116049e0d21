"""The plugin without its imports for tasks. The cold start compares it with the real one."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from exclusive_redis_xcom.airflow import listener


class ExclusiveRedisXComPlugin(AirflowPlugin):
    """A plugin with the listener alone."""

    name = "exclusive_redis_xcom"
    listeners = [listener]  # noqa: RUF012 - Airflow's plugin interface
