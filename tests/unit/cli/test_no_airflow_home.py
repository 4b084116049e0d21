"""A command leaves nothing behind where no Airflow was set up: Airflow makes a home folder when it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.redis_server import free_port

DAG = "from airflow.sdk import DAG, BaseOperator\nwith DAG('sales'):\n    BaseOperator(task_id='extract')\n"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("ls", 2),
        ("unused --dags dags", 2),
        ("diff dags dags", 0),
        ("doctor", 1),
        ("gc", 0),
    ],
)
def test_no_home_is_made(command: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "sales.py").write_text(DAG)
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment = {
        **kept,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }

    done = subprocess.run(
        [sys.executable, "-m", "exclusive_redis_xcom.cli", *command.split()],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == status, done.stderr
    assert ([*home.iterdir()], [*temporary.iterdir()]) == ([], [])
