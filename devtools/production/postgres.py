"""A PostgreSQL server of Debian's package, in a folder of its own, that one test session uses."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from devtools import processes
from devtools.airflow_stack import wait_until
from devtools.production.unix import folder_of, named_user

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The account that Debian's package makes.
ACCOUNT = "postgres"
#: Airflow's role and database.
AIRFLOW = "airflow"

#: Others reach the server with a password. The socket lies in a folder that only the account and root may enter.
_HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
_CONFIGURATION = """
max_connections = 200
# Nothing here outlives the machine, so nothing waits for its disk.
fsync = off
synchronous_commit = off
full_page_writes = off
"""


class Postgres:
    """One server, with an empty database for Airflow.

    Args:
        programs: The folder of its programs.
        folder: What it keeps goes here. The folder must not exist.
        log: The file that receives its messages.
        port: A free TCP port of 127.0.0.1.
        password: That of the role `airflow`.
    """

    def __init__(self, programs: Path, folder: Path, log: Path, port: int, password: str) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        self._log = log
        self._port = port
        self._password = password
        self._user = named_user(ACCOUNT)
        self._program: processes.Program | None = None

    @property
    def url(self) -> str:
        """The URL of Airflow's database, with the login, as SQLAlchemy takes it."""
        return f"postgresql+psycopg2://{AIRFLOW}:{self._password}@127.0.0.1:{self._port}/{AIRFLOW}"

    def create(self, template: Path | None) -> None:
        """Make the server's files, anew or as a copy of the template's, and start the server."""
        folder_of(self._user, self._folder)
        if template is None:
            self._run("initdb", "--pgdata", str(self._data), "--auth", "trust", "--encoding", "UTF8", "--no-sync")
            (self._data / "pg_hba.conf").write_text(_HBA)
            with (self._data / "postgresql.conf").open("a") as file:
                file.write(_CONFIGURATION)
        else:
            subprocess.run(["cp", "-a", template, self._data], check=True)
        self.start()
        with self.connected("postgres") as cursor:
            if template is None:
                cursor.execute(f"CREATE ROLE {AIRFLOW} LOGIN")
                cursor.execute(f"CREATE DATABASE {AIRFLOW} OWNER {AIRFLOW}")
            cursor.execute(f"ALTER ROLE {AIRFLOW} PASSWORD %s", [self._password])

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = ["-D", str(self._data), "-p", str(self._port), "-k", str(self._folder), "-h", "127.0.0.1"]
        self._program = processes.start(
            "postgres",
            [str(self._programs / "postgres"), *options],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            log=self._log,
            user=self._user,
            folder=self._folder,
        )
        ready = [str(self._programs / "pg_isready"), "-h", str(self._folder), "-p", str(self._port), "-q"]
        wait_until(
            lambda: subprocess.run(ready, check=False).returncode == 0,
            30,
            lambda: f"PostgreSQL did not start:\n{processes.tail(self._log, 20)}",
            pause=0.05,
        )

    def stop(self) -> None:
        """End all connections and stop the server."""
        if self._program is not None and self._program.exit_code() is None:
            self._run("pg_ctl", "stop", "--pgdata", str(self._data), "--mode", "fast", "--wait")
            self._program.process.wait(timeout=10)
        self._program = None

    def keep_as(self, template: Path) -> None:
        """Keep a copy of the files of the stopped server, for later ones."""
        draft = template.with_name(f"{template.name}-{os.getpid()}")
        template.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", self._data, draft], check=True)
        try:
            draft.rename(template)
        except OSError:  # another process was quicker
            shutil.rmtree(draft)

    @contextlib.contextmanager
    def connected(self, database: str = AIRFLOW) -> Iterator[Any]:
        """Return a cursor of PostgreSQL's administrator. What is not a query for rows is committed at once."""
        import psycopg2
        import psycopg2.extras

        connection = psycopg2.connect(
            host=str(self._folder), port=self._port, user=ACCOUNT, dbname=database, connect_timeout=10
        )
        try:
            connection.autocommit = True
            # JSON comes as text, as it comes from SQLite.
            psycopg2.extras.register_default_json(connection, loads=str)
            psycopg2.extras.register_default_jsonb(connection, loads=str)
            with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                yield cursor
        finally:
            connection.close()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            **processes.as_user(self._user),
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
