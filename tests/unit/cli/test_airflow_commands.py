"""`airflow exclusive-xcom ...`: the same commands, as a part of Airflow's own command line."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from exclusive_redis_xcom.cli.program import COMMANDS

ROOT = Path(__file__).parents[3]
DAGS = Path(__file__).parent / "access" / "dags"
#: Airflow 3.1 asks providers for no commands.
HAS_COMMANDS = version("apache-airflow-core").split(".")[:2] >= ["3", "2"]

from_3_2 = pytest.mark.skipif(not HAS_COMMANDS, reason="Airflow asks providers for commands from 3.2 on")


def airflow(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        cwd=ROOT,
        env={**os.environ, "AIRFLOW_HOME": str(home), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@from_3_2
@pytest.mark.parametrize(("consumer", "status", "word"), [("load", 0, "yes"), ("audit", 1, "no")])
def test_the_answer_and_the_exit_status_are_those_of_our_command(
    tmp_path: Path, consumer: str, status: int, word: str
) -> None:
    done = airflow(
        tmp_path, "exclusive-xcom", "can-pull", f"sales/{consumer}", "sales/log_in:token", "--dags", str(DAGS)
    )

    assert (done.returncode, done.stdout) == (status, f"{word}\n"), done.stderr


@from_3_2
def test_airflows_help_lists_every_command(tmp_path: Path) -> None:
    done = airflow(tmp_path, "exclusive-xcom", "--help")

    listed = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ") and line.split()}
    assert (done.returncode, COMMANDS.keys() - listed) == (0, set())


@from_3_2
def test_help_of_a_command_fits_80_columns(tmp_path: Path) -> None:
    done = airflow(tmp_path, "exclusive-xcom", "who-can", "--help")

    assert done.returncode == 0
    assert done.stdout.startswith("usage: airflow exclusive-xcom who-can ")
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []


@from_3_2
def test_a_mistaken_call_ends_with_2(tmp_path: Path) -> None:
    done = airflow(tmp_path, "exclusive-xcom", "who-can", "sales/log_in:token", "--no-such")

    assert done.returncode == 2
    assert "unrecognized arguments: --no-such" in done.stderr


def test_airflows_other_commands_do_not_notice(tmp_path: Path) -> None:
    done = airflow(tmp_path, "version")

    assert done.returncode == 0
    assert done.stdout.splitlines() == [version("apache-airflow-core")]
    assert "exclusive" not in done.stderr


def test_the_definition_imports_no_command() -> None:
    code = (
        "import sys; sys.argv = ['airflow', 'version'];"
        "from airflow.cli import cli_config; before = set(sys.modules);"
        "from exclusive_redis_xcom.cli.airflow_commands import commands; import argparse;"
        "[arg.add_to_parser(argparse.ArgumentParser()) for group in commands() for each in group.subcommands"
        " for arg in each.args];"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert set(done.stdout.split()) <= {
        "exclusive_redis_xcom.cli",
        "exclusive_redis_xcom.cli.airflow_commands",
        "exclusive_redis_xcom.cli.program",
        # Airflow imports these anyway, for the entry point `airflow.policy`.
        "exclusive_redis_xcom",
        "exclusive_redis_xcom.tracebacks",
    }
