"""The scripts in findings/: CI runs none, but a shell can read each, and the list names each."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

FINDINGS = Path(__file__).parents[2] / "findings"
SCRIPTS = sorted(FINDINGS.glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_shell_can_read_a_script(script: Path) -> None:
    read = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)

    assert (read.returncode, read.stderr) == (0, "")


def test_the_list_names_each_script_once_and_in_order() -> None:
    named = re.findall(r"^- `(\w+\.sh)`", (FINDINGS / "README.md").read_text(), re.MULTILINE)

    assert named == [script.name for script in SCRIPTS if script.name != "environment.sh"]
