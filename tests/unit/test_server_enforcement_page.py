"""What docs/how-to/server-enforcement.md shows is what the commands print."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from exclusive_redis_xcom.cli import main

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "server-enforcement.md"


@pytest.mark.parametrize("command", ["redis-users", "keygen"])
def test_the_page_shows_what_a_command_says(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(
        rf"```console\n\$ \(umask 077; exclusive-xcom {command} > [\w.]+\)\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    assert shown is not None

    assert main([command]) == 0

    said = capsys.readouterr().err
    lines, cut, _ = shown[1].partition("...\n")
    assert said.startswith(lines) if cut else said == lines


def test_the_variables_on_the_page_are_those_of_the_settings() -> None:
    from exclusive_redis_xcom.settings import OPTIONS

    named = set(re.findall(r"AIRFLOW__EXCLUSIVE_REDIS_XCOM__([A-Z_]+?)(?:_CMD|_SECRET)?\b", PAGE.read_text()))

    assert named
    assert named <= {option.name.upper() for option in OPTIONS}
