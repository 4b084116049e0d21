"""What `python -m devtools.installed` and `python -m devtools.servers` say to a newcomer, before they do anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.installed import __main__ as installed
from devtools.servers import __main__ as servers

COMMANDS = pytest.mark.parametrize("main", [installed.main, servers.main], ids=["installed", "servers"])


@pytest.fixture(autouse=True)
def nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test fail, and not fetch or build anything, where a command goes on."""
    monkeypatch.setattr(installed, "WORK", tmp_path / "work")
    monkeypatch.delattr(installed, "built")
    monkeypatch.delattr(servers, "folder_of")


@COMMANDS
def test_help_is_help(main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python -m devtools.")


@COMMANDS
def test_an_unknown_name_is_refused(main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["9.9"])

    assert ended.value.code == 2
    assert "error: unknown: 9.9. There are " in capsys.readouterr().err
