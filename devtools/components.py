"""The parts of an Airflow of ours: one table for the native stacks, `make up` and docker-compose.yaml.

`tests/unit/devtools/test_compose.py` compares the compose file with this table. Without a Docker engine, nobody can
start the compose file. But its commands and settings are those of `make test-production`, which runs without Docker.
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

#: A Celery worker, in `make test-production` and in docker-compose.yaml. Serving logs would need `[api] secret_key`.
WORKER: Final[tuple[str, ...]] = ("celery", "worker", "--skip-serve-logs")

#: FAB's administrator, whom `users create` makes. The password comes as one more argument.
ADMIN: Final[str] = "admin"
CREATE_ADMIN: Final[tuple[str, ...]] = (
    *("users", "create", "--role", "Admin", "--username", ADMIN, "--email", "admin@example.com"),
    *("--firstname", "Local", "--lastname", "Administrator"),
)

#: What the proxy's configuration, docker/haproxy.cfg, takes from its environment.
PROXY_ENVIRONMENT: Final[tuple[str, ...]] = ("PROXY_BIND", "API_SERVER_1", "API_SERVER_2")

#: Settings of a small Airflow that runs tests: it looks often, and keeps nobody waiting.
QUICK: Final[dict[str, str]] = {
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "AIRFLOW__CORE__PARALLELISM": "4",
    "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    # This is for unchanged files. New and changed files are parsed at once.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
}


def for_workers(*, api_url: str, dags_folder: str, broker_url: str, results_url: str, redis_url: str) -> dict[str, str]:
    """Return all settings that a Celery worker needs. Every other component has these, too.

    They hold no login to Airflow's database, and no key that signs or decrypts.

    Args:
        api_url: The URL of the API servers, or of the proxy in front of them.
        dags_folder: Where DAG files are.
        broker_url: Celery's broker.
        results_url: Where Celery keeps results. This must not be Airflow's database.
        redis_url: The Redis that holds XComs, with the login of workers.
    """
    return {
        "AIRFLOW__CELERY__BROKER_URL": broker_url,
        "AIRFLOW__CELERY__RESULT_BACKEND": results_url,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": dags_folder,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api_url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
        f"{OURS}REDIS_URL": redis_url,
    }


def for_servers(
    *, url: str, host: str, port: int, secret_key: str, jwt_secret: str, fernet_key: str, database_url: str
) -> dict[str, str]:
    """Return the settings that all components but workers have on top of `for_workers`.

    Args:
        url: The URL of the UI, as browsers reach it.
        host: The address that an API server listens on.
        port: Its port.
        secret_key: Signs the sessions of the UI.
        jwt_secret: Signs the tokens of tasks and of users.
        fernet_key: Encrypts connections and variables in the database.
        database_url: Airflow's database, with its login.
    """
    return {
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": host,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": jwt_secret,
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__FERNET_KEY": fernet_key,
        # How many seconds a new DAG file waits until it is found.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url,
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
        **QUICK,
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": secret,
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": dags_folder,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__XCOM_BACKEND": "airflow.sdk.bases.xcom.BaseXCom",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": f"{home}/logs",
    }
