"""No tree leads out of the folder, not even one that git itself would not make."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli.access.revision_files import RevisionFiles


def test_nothing_is_made_below_a_link_that_leads_out(tmp_path: Path) -> None:
    repository, folder, outside = (tmp_path / name for name in ("repository", "laid", "outside"))
    for each in (repository, folder, outside):
        each.mkdir()
    subprocess.run(["git", "init", "-q", repository], check=True)

    def blob(text: str) -> str:
        command = ["git", "hash-object", "-w", "--stdin"]
        done = subprocess.run(command, cwd=repository, input=text.encode(), capture_output=True, check=True)
        return done.stdout.decode().strip()

    entries = [
        ("120000", blob("../.."), "a/b/top"),
        ("120000", blob("a/b/top/../../outside"), "q"),
        ("120000", blob("x"), "q/sub/made"),
    ]
    with (
        subprocess.Popen(
            ["git", "cat-file", "--batch"], cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as git,
        pytest.raises(UndecidedError, match="below the link"),
    ):
        RevisionFiles(entries, folder).write(git)

    assert list(outside.iterdir()) == []
