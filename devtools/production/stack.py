"""The production stack: PostgreSQL, two Redis servers, a proxy, two API servers, and a worker that is another user.

    with Production(home, "server") as airflow:
        run_id = airflow.trigger("my_dag")
        assert airflow.wait_run("my_dag", run_id) == "success"

`devtools.components` has the commands and settings. The first start on a checkout makes Airflow's tables, and keeps the
database's files in `.stack/`. Later starts copy them.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from devtools import components, processes
from devtools.airflow_api import AirflowApi, wait_until
from devtools.airflow_home import ROOT, TEMPLATES, airflow_version
from devtools.airflow_stack import JOB_TYPES, StackError, free_port, stop_on_signals
from devtools.local_airflow import LocalAirflow
from devtools.production import needs
from devtools.production.accounts import TENANT, Accounts, Places
from devtools.production.postgres import Postgres
from devtools.redis_server import RedisServer
from devtools.redis_users import USERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

API_SERVERS = ("api-server-1", "api-server-2")
#: The second one is for an upgrade: it takes tasks while the first one finishes its own.
WORKERS = ("worker", "worker-2")
#: In the order of their start: what takes longest goes first.
COMPONENTS = (*API_SERVERS, "worker", "scheduler", "dag-processor", "triggerer")
#: A user of the Redis of XComs for the tests, who may do everything.
REDIS_ADMIN = "production_admin"

#: The commands of Celery and kombu.
_CELERY = "-@all +@all -@admin -@dangerous +info"


class Production(LocalAirflow):
    """A whole Airflow, and its REST API, behind the proxy, as methods.

    Args:
        home: The stack's folder. It must exist. Whoever made it removes it.
        mode: `default` for Airflow's own XCom backend, or what `enforcement` is: `worker` or `server`.
        env: Further environment of all components.
        python: The Python of the environment that all components run in; by default, the running one.
        redis_config: Lines of redis.conf for the Redis of XComs, which keeps an append-only file by default.
    """

    def __init__(
        self,
        home: Path,
        mode: str,
        *,
        env: Mapping[str, str] | None = None,
        python: Path | None = None,
        redis_config: Mapping[str, str] | None = None,
    ) -> None:
        self.mode = mode
        self.python = os.fspath(python or sys.executable)
        home.chmod(0o755)
        self.accounts = Accounts(home, mode, dict(env or {}))
        self.task_logs = self.accounts.logs
        logs = home / "stack-logs"
        secrets = self.accounts.secrets
        self.broker = RedisServer(config={"aclfile": self._broker_users(home)})
        self.redis = RedisServer(config={**self._redis_config(home), **(redis_config or {})})
        database = needs.postgres_programs()
        if database is None:
            raise needs.NeedError("there is no PostgreSQL")
        self.database = Postgres(database, home / "postgres", logs / "postgres.log", free_port(), secrets.database)
        self.places = Places(
            proxy=free_port(),
            api_servers=(free_port(), free_port()),
            database_url=self.database.url,
            broker_url=f"redis://{TENANT}:{secrets.broker}@127.0.0.1:{self.broker.port}",
            redis_url=self.redis.url,
        )
        self.programs: dict[str, processes.Program] = {}
        self._log_begins: dict[str, int] = {}
        login = (components.ADMIN, secrets.admin)
        super().__init__(self.places.url, home=home, dags_folder=self.accounts.dags, logs=logs, login=login)

    def __enter__(self) -> Production:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout: float = 300) -> Production:
        """Start everything, and wait until tasks could run.

        Raises:
            NeedError: The machine lacks something.
            StackError: A program ended, or is not ready within `timeout` seconds. All are stopped then.
        """
        atexit.register(self.stop)
        stop_on_signals()
        deadline = time.monotonic() + timeout
        try:
            self.broker.start()
            self.redis.start()
            self._start_database()
            self._start_proxy()
            for name in COMPONENTS:
                self.start_component(name)
            self.wait_ready(deadline - time.monotonic())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything. A second call does nothing."""
        atexit.unregister(self.stop)
        programs, self.programs = self.programs, {}
        processes.stop(programs.values())
        self.database.stop()
        self.broker.close()
        self.redis.close()
        self.close()

    def start_component(
        self, name: str, python: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> processes.Program:
        """Start one component, without waiting for it.

        Args:
            name: One of `COMPONENTS`, or `worker-2`.
            python: The Python of another environment than that of the stack.
            settings: Variables that this component gets besides its own.
        """
        if name in WORKERS:
            command: tuple[str, ...] = (*components.WORKER, "--celery-hostname", f"{name}@%h")
        else:
            command = components.COMPONENTS["api-server" if name in API_SERVERS else name]
        log = self.logs / f"{name}.log"
        self._log_begins[name] = log.stat().st_size if log.exists() else 0
        program = processes.start(
            name,
            [os.fspath(python or self.python), "-m", "airflow", *command],
            env={**self.environment_of(name), **(settings or {})},
            log=log,
            user=self.accounts.user_of(name),
            folder=self.home / ("worker" if name in WORKERS else "servers"),
        )
        self.programs[name] = program
        return program

    def stop_component(self, name: str, *, grace: float = 20.0) -> None:
        """Stop one component in an orderly way."""
        processes.stop([self.programs.pop(name)], grace=grace)

    def kill_component(self, name: str) -> None:
        """Kill one component and everything it started, with SIGKILL, as the end of its machine would."""
        processes.kill(self.programs.pop(name))

    def environment_of(self, component: str) -> dict[str, str]:
        """Return the whole environment of a component."""
        return self.accounts.environment_of(component, self.places)

    def url_of(self, api_server: str) -> str:
        """Return the URL of one API server, past the proxy."""
        return f"http://127.0.0.1:{self.places.api_servers[API_SERVERS.index(api_server)]}"

    def run_as(self, component: str, *command: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a program as the user of a component and in its environment, and capture the output."""
        return subprocess.run(
            command,
            env=self.environment_of(component),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **processes.as_user(self.accounts.user_of(component)),
        )

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Run a query on Airflow's database and return the rows. JSON comes as text. A `?` stands for an argument."""
        with self.database.connected() as cursor:
            cursor.execute(query.replace("?", "%s"), arguments or None)
            return [dict(row) for row in cursor.fetchall()]

    def redis_admin_url(self) -> str:
        """Return the URL of the Redis of XComs, for a user who may do everything."""
        return self.accounts.redis_url(REDIS_ADMIN, self.accounts.secrets.redis_admin, self.places)

    def wait_ready(self, timeout: float = 240) -> None:
        """Wait until every component works.

        Raises:
            StackError: A program ended, or is not ready in time.
        """

        def ready() -> bool:
            for program in self.programs.values():
                if program.exit_code() is not None:
                    raise StackError(f"{program.name} ended with {program.exit_code()}\n{self.log_tails()}")
            return not self.not_ready()

        try:
            wait_until(ready, timeout, str)
        except TimeoutError:
            raise StackError(f"not ready in time: {self.not_ready()}\n{self.log_tails()}") from None

    def recover(self, timeout: float = 240) -> None:
        """Start again what has ended or ends, as systemd and containers do, until every component works.

        Raises:
            StackError: They do not in time.
        """
        with self.database.connected() as cursor:
            cursor.execute("SELECT now() AS now")
            began = cursor.fetchone()["now"]

        def ready() -> bool:
            for name, program in list(self.programs.items()):
                if program.exit_code() is not None:
                    self.start_component(name)
            # Airflow takes a component for healthy until half a minute after its last sign of life.
            alive = self.rows("SELECT job_type FROM job WHERE latest_heartbeat > ?", began)
            return set(JOB_TYPES.values()) <= {row["job_type"] for row in alive} and not self.not_ready()

        try:
            wait_until(ready, timeout, str)
        except TimeoutError:
            raise StackError(f"not ready in time: {self.not_ready()}\n{self.log_tails()}") from None

    def not_ready(self) -> list[str]:
        """Return the components that do not work yet."""
        waiting = [name for name in API_SERVERS if not self._serves(name)]
        waiting += [name for name in WORKERS if name in self.programs and not self._takes_tasks(name)]
        if not any(name in self.programs for name in WORKERS):
            waiting.append("worker")
        return [*waiting, *self.unhealthy(("scheduler", "dag-processor", "triggerer"))]

    def _serves(self, api_server: str) -> bool:
        api = AirflowApi(self.url_of(api_server))
        try:
            return api.execution_api_answers()
        finally:
            api.close()

    def _takes_tasks(self, worker: str) -> bool:
        log, begin = self.programs[worker].log, self._log_begins[worker]
        return b" ready." in log.read_bytes()[begin:]

    def _broker_users(self, home: Path) -> str:
        """Write the users file of the broker: the tenant's user reaches the tenant's names alone."""
        path = home / "broker-users.acl"
        path.touch(mode=0o600)
        keys = f"resetkeys ~{TENANT}.* ~celery-task*"
        # Redis compares the patterns of PSUBSCRIBE literally. These are the three that kombu subscribes to.
        patterns = f"&{TENANT}./0.celery.pidbox &{TENANT}./0.celeryev/* &{TENANT}./0.celeryev/worker.*"
        channels = f"resetchannels &{TENANT}.* {patterns} &celery-task*"
        login = f"on >{self.accounts.secrets.broker}"
        path.write_text(f"user default off\nuser {TENANT} {login} {keys} {channels} {_CELERY}\n")
        return str(path)

    def _redis_config(self, home: Path) -> dict[str, str]:
        secrets = self.accounts.secrets
        users = USERS.read_text().replace(">change-me-api ", f">{secrets.redis_api_server} ")
        users = users.replace(">change-me ", f">{secrets.redis_worker} ")
        path = home / "redis-users.acl"
        path.touch(mode=0o600)
        path.write_text(f"{users.rstrip()}\nuser {REDIS_ADMIN} on >{secrets.redis_admin} ~* &* +@all\n")
        # As docker/redis.sh has it.
        return {
            "aclfile": str(path),
            "appendfsync": "everysec",
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }

    def _start_database(self) -> None:
        kind = f"{needs.postgres_programs()}".strip("/").replace("/", "-")
        fab = version("apache-airflow-providers-fab")
        template = TEMPLATES / f"{kind}-airflow-{airflow_version()}-fab-{fab}"
        if not template.exists():
            self.database.create(None)
            self._airflow(*components.MIGRATE)
            self._airflow(*components.CREATE_ADMIN, "--password", "replaced at every start")
            self.database.stop()
            self.database.keep_as(template)
            self.database.start()
        else:
            self.database.create(template)
        self._set_admins_password()

    def _airflow(self, *arguments: str) -> None:
        done = self.run_as("scheduler", self.python, "-m", "airflow", *arguments, timeout=300)
        if done.returncode:
            raise StackError(f"airflow {arguments[0]} {arguments[1]} failed:\n{done.stdout}{done.stderr}")

    def _set_admins_password(self) -> None:
        from werkzeug.security import generate_password_hash

        digest = generate_password_hash(self.accounts.secrets.admin)
        with self.database.connected() as cursor:
            cursor.execute("UPDATE ab_user SET password = %s WHERE username = %s", [digest, components.ADMIN])

    def _start_proxy(self) -> None:
        program = needs.proxy_program()
        if program is None:
            raise needs.NeedError("there is no haproxy")
        configuration = os.fspath(shutil.copy(ROOT / "docker" / "haproxy.cfg", self.home))
        addresses = [f"127.0.0.1:{port}" for port in (self.places.proxy, *self.places.api_servers)]
        self.programs["proxy"] = processes.start(
            "proxy",
            [str(program), "-f", configuration],
            env={"PATH": os.environ["PATH"], **dict(zip(components.PROXY_ENVIRONMENT, addresses, strict=True))},
            log=self.logs / "proxy.log",
            user=self.accounts.servers,
            folder=self.home,
        )
