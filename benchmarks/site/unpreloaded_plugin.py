"""The plugin as it would be if it imported nothing ahead: for the cold start before and after."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from exclusive_redis_xcom.airflow import listener


class ExclusiveRedisXComPlugin(AirflowPlugin):
    """The listener alone."""

    name = "exclusive_redis_xcom"
    listeners = [listener]  # noqa: RUF012 - Airflow's plugin interface
