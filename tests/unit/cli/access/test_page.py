"""docs/reference/access.md shows what the commands really print: each example runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from exclusive_redis_xcom import cli
from exclusive_redis_xcom.access.overview.graph import SHARED_FROM
from exclusive_redis_xcom.access.overview.mermaid import MOST_EDGES
from exclusive_redis_xcom.cli.access.output import SCHEMA
from exclusive_redis_xcom.cli.access.overview import FORMATS

pytestmark = pytest.mark.usefixtures("warm_parsing")

PAGE = (Path(__file__).parents[4] / "docs/reference/access.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DAG_FILE = next(text for language, text in BLOCKS if language == "python")
EXAMPLES = [
    (command, output)
    for language, text in BLOCKS
    if language == "console"
    for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
]


@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_an_example_prints_what_the_page_shows(
    command: str,
    output: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "sales.py").write_text(DAG_FILE)
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(command)

    assert program == "exclusive-xcom"
    cli.main(arguments)
    out, err = capsys.readouterr()
    assert out + err == output


def test_every_command_of_the_page_has_an_example() -> None:
    told = re.findall(r"^\| `([\w-]+)[^`]*` \|", PAGE.partition("\n## ")[0], re.MULTILINE)

    assert told == ["can-pull", "who-can", "what-can", "explain", "access"]
    assert {command.split()[1] for command, _ in EXAMPLES} == set(told)


def test_the_page_names_every_format_and_limit() -> None:
    table = PAGE.partition("| `--format`")[2].partition("\n\n")[0]

    assert sorted(name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])) == sorted(
        FORMATS
    )
    assert f"Its field `schema` is {SCHEMA}," in PAGE
    assert f"They stop at {MOST_EDGES} lines" in PAGE
    assert SHARED_FROM == 6, "the page says: six or more tasks"
