"""The exit status: 1 is a "no". So nothing that fails may end with it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from exclusive_redis_xcom.cli.access import status


def test_an_error_that_nobody_expected_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def main(args: argparse.Namespace) -> int:
        raise ZeroDivisionError("unexpected")

    assert status.undecided_on_error(main)(argparse.Namespace()) == status.UNDECIDED == 2
    assert capsys.readouterr().err.splitlines()[-1] == "ZeroDivisionError: unexpected"


@pytest.mark.parametrize("arguments", [["ls"], ["denials"], ["who-can", "a/b:c"]])
def test_a_configuration_that_cannot_be_read_is_no_answer(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "airflow.cfg").write_text("[core\n")

    done = subprocess.run(
        [sys.executable, "-m", "exclusive_redis_xcom.cli", *arguments],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path)},
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.splitlines()[-2:] == [
        "Airflow cannot be loaded (MissingSectionHeaderError).",
        "Its configuration is wrong: see `airflow config list`.",
    ]
