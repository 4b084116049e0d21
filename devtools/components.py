"""The parts of an Airflow of ours: one table for the native stack, `make up` and docker-compose.yaml.

`tests/unit/devtools/test_compose.py` compares the compose file with this table. Without a Docker engine, nobody can
start the compose file. But its commands and settings are those that the native stack uses every day.
"""

from __future__ import annotations

from typing import Final

#: Component name -> arguments after `airflow`. Logs are files that the API server reads itself.
COMPONENTS: Final[dict[str, tuple[str, ...]]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}

#: One-off command that prepares the database.
MIGRATE: Final[tuple[str, ...]] = ("db", "migrate")

#: The value that switches this package on.
BACKEND: Final[str] = "exclusive_redis_xcom.ExclusiveRedisXCom"

#: How the environment names the settings of this package: `f"{OURS}REDIS_URL"`.
OURS: Final[str] = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"

#: Settings that only a stack with separate hosts needs: name -> why the native stack has no use for them.
COMPOSE_ONLY_SETTINGS: Final[dict[str, str]] = {
    "AIRFLOW__CELERY__BROKER_URL": "LocalExecutor has no broker",
    "AIRFLOW__CELERY__RESULT_BACKEND": "LocalExecutor reports results through a pipe",
}
COMPOSE_ONLY_COMMANDS: Final[dict[tuple[str, ...], str]] = {
    ("celery", "worker", "--skip-serve-logs"): "LocalExecutor runs tasks inside the scheduler",
}


def server_mode(redis_url: str, public_key: str) -> dict[str, str]:
    """Return the settings that all components share with `enforcement = server`. They hold no private key.

    Args:
        redis_url: The URL of Redis, with the login of workers.
        public_key: The key that workers seal with.
    """
    return {
        "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
        f"{OURS}REDIS_URL": redis_url,
        f"{OURS}ENFORCEMENT": "server",
        f"{OURS}SEAL_PUBLIC_KEY": public_key,
    }


def settings(*, home: str, dags_folder: str, port: int, secret: str, base_path: str = "") -> dict[str, str]:
    """Return the `AIRFLOW__*` environment of a small, quick, single-host Airflow.

    Args:
        home: AIRFLOW_HOME. The SQLite database `airflow.db` and `logs/` are in it.
        dags_folder: Where DAG files are.
        port: The API server's port on 127.0.0.1.
        secret: The throw-away secret that signs tokens and sessions.
        base_path: The path that the API server's URLs begin with, such as `/airflow`.
    """
    url = f"http://127.0.0.1:{port}{base_path}"
    return {
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": secret,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secret,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": dags_folder,
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__XCOM_BACKEND": "airflow.sdk.bases.xcom.BaseXCom",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        # This is for unchanged files. New and changed files are parsed at once.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": f"{home}/logs",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    }
