"""What the processes of a production stack are given: users, folders, secrets and environments."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet

from devtools import components
from devtools.components import OURS
from devtools.production.unix import folder_of, unused_users
from exclusive_redis_xcom.crypto import generate_seal_keys

if TYPE_CHECKING:
    from pathlib import Path

    from devtools.processes import User

MODES = ("default", "worker", "server")

#: What a program of Unix needs, whoever runs it.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ")

#: Whose broker this is: the name of its Redis user, and the beginning of its keys and channels (security.md).
TENANT = "tenant"

#: A task is taken for dead soon: tests kill tasks.
_TESTED = {
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__GLOBAL_KEYPREFIX": f"{TENANT}.",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "4",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "25",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
}


@dataclass(frozen=True)
class Secrets:
    """All secrets of one stack. None of them is in the environment of its workers but those of Redis."""

    broker: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    database: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    admin: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)
    redis_admin: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    redis_worker: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    redis_api_server: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    fernet_key: str = field(default_factory=lambda: Fernet.generate_key().decode(), repr=False)
    seal_keys: tuple[str, str] = field(default_factory=generate_seal_keys, repr=False)

    def not_for_workers(self) -> dict[str, str]:
        """Return the secrets that a worker must not hold, by name."""
        private = self.seal_keys[1]
        return {
            "database login": self.database,
            "token signing key": self.jwt_secret,
            "secret key": self.secret_key,
            "Fernet key": self.fernet_key,
            "private key": private,
            "API server's Redis login": self.redis_api_server,
        }


@dataclass(frozen=True)
class Places:
    """Where a stack listens, apart from its Redis servers."""

    proxy: int
    api_servers: tuple[int, int]
    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    redis_url: str

    @property
    def url(self) -> str:
        """The URL of the proxy."""
        return f"http://127.0.0.1:{self.proxy}"


class Accounts:
    """The Unix users of a stack, their folders, and the environments of its components.

    Args:
        home: The stack's folder. Everybody may enter it.
        mode: `default` for Airflow's own XCom backend; else what `enforcement` is.
        env: Further environment of all components.
    """

    def __init__(self, home: Path, mode: str, env: dict[str, str]) -> None:
        self.secrets = Secrets()
        self.servers, self.worker = unused_users(2)
        self._mode, self._home, self._env = mode, home, env
        self.dags = home / "dags"
        self.logs = home / "logs"
        for path in (self.dags, self.logs):
            path.mkdir(parents=True, exist_ok=True)
        # The worker writes the logs of tasks, the triggerer adds its own beside them, and API servers read both.
        shared = self.servers.groups[0]
        os.chown(self.logs, 0, shared)
        self.logs.chmod(0o2775)
        for name, user in (("servers", self.servers), ("worker", self.worker)):
            folder_of(user, home / name)
            folder_of(user, home / name / "temporary")

    def user_of(self, component: str) -> User:
        """Return whom a component runs as."""
        return self.worker if component.startswith("worker") else self.servers

    def environment_of(self, component: str, places: Places) -> dict[str, str]:
        """Return the whole environment of a component. API servers are named `api-server-1` and `api-server-2`."""
        of_workers = self._of_workers(places)
        if component.startswith("worker"):
            return {**self._of_unix("worker"), **of_workers, **components.QUICK, **self._env}
        number = int(component[-1]) - 1 if component.startswith("api-server") else 0
        env = {
            **self._of_unix("servers"),
            **of_workers,
            **components.for_servers(
                url=places.url,
                host="127.0.0.1",
                port=places.api_servers[number],
                secret_key=self.secrets.secret_key,
                jwt_secret=self.secrets.jwt_secret,
                fernet_key=self.secrets.fernet_key,
                database_url=places.database_url,
            ),
            **components.QUICK,
            "AIRFLOW__CORE__PARALLELISM": "8",
            **self._env,
        }
        if component.startswith("api-server") and self._mode != "default":
            env[f"{OURS}REDIS_URL"] = self.redis_url("exclusive_redis_xcom_api", self.secrets.redis_api_server, places)
            if self._mode == "server":
                env[f"{OURS}SEAL_PRIVATE_KEYS"] = self.secrets.seal_keys[1]
        return env

    def redis_url(self, user: str, password: str, places: Places) -> str:
        """Return the URL of the Redis that holds XComs, for one of its users."""
        return places.redis_url.replace("://", f"://{user}:{password}@")

    def _of_workers(self, places: Places) -> dict[str, str]:
        env = {
            **_TESTED,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs),
            **components.for_workers(
                api_url=places.url,
                dags_folder=str(self.dags),
                broker_url=f"{places.broker_url}/0",
                results_url=f"{places.broker_url}/1",
                redis_url=self.redis_url("exclusive_redis_xcom", self.secrets.redis_worker, places),
            ),
        }
        if self._mode == "default":
            del env["AIRFLOW__CORE__XCOM_BACKEND"], env[f"{OURS}REDIS_URL"]
        if self._mode == "server":
            env[f"{OURS}ENFORCEMENT"] = "server"
            env[f"{OURS}SEAL_PUBLIC_KEY"] = self.secrets.seal_keys[0]
        return env

    def _of_unix(self, name: str) -> dict[str, str]:
        home = str(self._home / name)
        inherited = {variable: os.environ[variable] for variable in _INHERITED if variable in os.environ}
        return {
            **inherited,
            "AIRFLOW_HOME": home,
            "HOME": home,
            "LOGNAME": name,
            "NO_PROXY": "127.0.0.1,localhost",
            "TMPDIR": f"{home}/temporary",
            "USER": name,
        }
