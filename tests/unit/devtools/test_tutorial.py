"""The page of the tutorial can be read by the program that types its commands, and its answers about access hold."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from devtools.redis_server import free_port
from devtools.tutorial import __main__ as tutorial
from devtools.tutorial.__main__ import PAGE, PORTS, Shell
from devtools.tutorial.page import Command, File, steps
from exclusive_redis_xcom import cli

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / PAGE).read_text()


def test_the_page_has_one_dag_and_ends_by_removing_everything() -> None:
    found = steps(TEXT)

    assert [step.path for step in found if isinstance(step, File)] == ["dags/first_refusal.py"]
    assert [step.text for step in found if isinstance(step, Command)][-3:] == [
        "redis-cli -p 6390 shutdown nosave",
        "cd",
        "rm -r ~/first-refusal",
    ]


def test_every_line_of_a_console_block_is_a_command_or_an_output_of_one() -> None:
    blocks = re.findall(r"^```console\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    commands = [step for step in steps(TEXT) if isinstance(step, Command)]

    assert lines == [line for command in commands for line in (f"$ {command.text}", *command.shown)]


def test_the_ports_that_must_be_free_are_those_that_the_page_names() -> None:
    assert f"Ports {PORTS[0]} and {PORTS[1]} must be free." in TEXT


def test_it_waits_for_the_api_server_and_for_no_server_of_logs() -> None:
    """The DAG runs once. If it runs before there is an API server, its tasks fail, and the page waits for ever."""
    (waiting,) = re.findall(r'grep -q "(Uvicorn.*)" standalone.log', TEXT)
    log = [
        "scheduler  | Uvicorn running on http://:8793 (Press CTRL+C to quit)",
        "triggerer  | Uvicorn running on http://:8794 (Press CTRL+C to quit)",
        "api-server | Uvicorn running on http://0.0.0.0:8080 (Press CTRL+C to quit)",
    ]

    assert [line for line in log if re.search(waiting, line)] == log[2:]


@pytest.mark.usefixtures("warm_parsing")
def test_its_questions_about_access_have_the_answers_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything but the running Airflow, which is for make test-install."""
    monkeypatch.chdir(tmp_path)
    asked = 0
    for step in steps(TEXT):
        if isinstance(step, File):
            (tmp_path / step.path).parent.mkdir()
            (tmp_path / step.path).write_text(step.text)
        elif step.text.startswith(("exclusive-xcom who-can", "exclusive-xcom can-pull")):
            cli.main(shlex.split(step.text)[1:])
            printed = "".join(capsys.readouterr())
            assert step.fits(printed), printed
            asked += 1
        elif step.text.startswith("sed "):
            subprocess.run(step.text, shell=True, check=True)  # noqa: S602 - a command of our page
    assert asked == 3


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        (("a", "b"), "a  \nb\n", True),
        (("a", "b"), "a\n", False),
        (("a",), "a\nb\n", False),
        ((), "", True),
        ((), "a\n", False),
        (("a ... c",), "a b c\n", True),
        (("a ... c",), "a b d\n", False),
        (("...",), "", True),
        (("...", "c"), "a\nb\nc\n", True),
        (("...", "c"), "a\nb\n", False),
    ],
)
def test_an_output_fits_line_by_line_but_for_what_the_page_leaves_open(
    shown: tuple[str, ...], printed: str, fits: bool
) -> None:
    assert Command("x", shown).fits(printed) is fits


def test_a_typed_command_prints_its_own_output_and_nothing_of_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tutorial, "REDIS_PORT", free_port())
    shell = Shell(tmp_path, tmp_path / "home")
    try:
        typed = [shell.type(command) for command in ("true", "sleep 60 &", "kill %1", "wait", "echo a")]
    finally:
        shell.close()

    assert typed[0] == ("", 0)
    assert typed[-1] == ("a\n", 0)


def test_a_block_that_is_no_command_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin with a command"):
        steps("```console\nls\n```\n")
    with pytest.raises(ValueError, match="does not name its file"):
        steps("```python\nimport os\n```\n")
