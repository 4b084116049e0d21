"""The environment of a throw-away Airflow, and an empty database. The database is made once per version of Airflow."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from devtools import components

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / ".stack" / "templates"

#: Airflow does not inherit these: settings of another Airflow, and variables that make every start slow.
NOT_INHERITED = ("AIRFLOW", "PYTEST_", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS", "REDIS_URL")


def airflow_version() -> str:
    """Return the installed Airflow's version."""
    return importlib.metadata.version("apache-airflow-core")


def environment(home: Path, dags_folder: Path, port: int, base_path: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of an Airflow of ours: this process's, its settings and `extra`.

    Args:
        home: AIRFLOW_HOME.
        dags_folder: Where DAG files are.
        port: The API server's.
        base_path: The path that the API server's URLs begin with, such as `/airflow`; or nothing.
        extra: Variables that win over all others.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    env |= components.settings(
        home=str(home),
        dags_folder=str(dags_folder),
        port=port,
        secret=secrets.token_urlsafe(48),
        base_path=base_path,
    )
    env |= {
        "AIRFLOW_HOME": str(home),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONPATH": os.pathsep.join(filter(None, [_checkout(), env.get("PYTHONPATH")])),
    }
    return env | dict(extra)


def _checkout() -> str:
    """Return this directory's root where the package is not installed, else nothing."""
    try:
        importlib.metadata.distribution("exclusive-redis-xcom")
    except importlib.metadata.PackageNotFoundError:
        return str(ROOT)
    return ""


def empty_database() -> Path:
    """Return the path of an empty, migrated database of the installed Airflow. The first call makes it.

    Raises:
        RuntimeError: Airflow cannot make one.
    """
    path = TEMPLATES / f"airflow-{airflow_version()}.db"
    if path.exists():
        return path
    TEMPLATES.mkdir(parents=True, exist_ok=True)
    with (TEMPLATES / "lock").open("w") as lock, tempfile.TemporaryDirectory(dir=TEMPLATES) as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may run tests; one of them makes it
        if path.exists():
            return path
        home = Path(scratch)
        env = environment(home, home / "dags", 0, "", {})
        command = [sys.executable, "-m", "airflow", *components.MIGRATE]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"airflow db migrate failed:\n{done.stdout}{done.stderr}")
        with contextlib.closing(sqlite3.connect(home / "airflow.db")) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (home / "airflow.db").replace(path)
    return path
