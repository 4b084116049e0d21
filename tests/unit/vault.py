"""A secrets backend for Airflow that knows one secret."""

from __future__ import annotations

URL = "redis://from-a-vault:6379/0"


class Vault:
    """What Airflow asks of `[secrets] backend` for configuration."""

    def get_config(self, key: str) -> str | None:
        return URL if key == "xcom/redis-url" else None
