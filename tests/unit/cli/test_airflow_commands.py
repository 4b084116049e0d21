"""`airflow exclusive-xcom ...`: the same commands, as a part of Airflow's own command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
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


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call Airflow's command line in this process, where Airflow is loaded. It returns the status and both outputs."""
    from airflow.cli import cli_parser

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["airflow", *arguments])
        monkeypatch.setenv("COLUMNS", "80")
        cli_parser.get_parser.cache_clear()

        def main() -> None:
            args = cli_parser.get_parser().parse_args()
            args.func(args)

        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return call


@from_3_2
def test_a_no_is_the_answer_and_the_exit_status_of_the_program(tmp_path: Path) -> None:
    done = airflow(tmp_path, "exclusive-xcom", "can-pull", "sales/audit", "sales/log_in:token", "--dags", str(DAGS))

    assert (done.returncode, done.stdout) == (1, "no\n"), done.stderr


@from_3_2
@pytest.mark.usefixtures("warm_parsing")
def test_a_yes_ends_with_0(called: Call) -> None:
    status, out, err = called("exclusive-xcom", "can-pull", "sales/load", "sales/log_in:token", "--dags", str(DAGS))

    assert (status, out) == (0, "yes\n"), err


@from_3_2
def test_airflows_help_lists_every_command(called: Call) -> None:
    status, out, _ = called("exclusive-xcom", "--help")

    listed = {line.split()[0] for line in out.splitlines() if line.startswith("    ") and line.split()}
    assert (status, COMMANDS.keys() - listed) == (0, set())


@from_3_2
def test_help_of_a_command_fits_80_columns(called: Call) -> None:
    status, out, _ = called("exclusive-xcom", "who-can", "--help")

    assert status == 0
    assert out.startswith("usage: airflow exclusive-xcom who-can ")
    assert [line for line in out.splitlines() if len(line) > 80] == []


@from_3_2
def test_a_mistaken_call_ends_with_2(called: Call) -> None:
    status, _, err = called("exclusive-xcom", "who-can", "sales/log_in:token", "--no-such")

    assert status == 2
    assert "unrecognized arguments: --no-such" in err


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
