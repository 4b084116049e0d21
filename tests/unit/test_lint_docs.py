"""docs/reference/lint.md and the pre-commit hook say what the code does, and their commands are ours."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from exclusive_redis_xcom.cli import program
from exclusive_redis_xcom.cli.access.finding_formats import FORMATS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reference/lint.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


GITHUB, GITLAB, PRE_COMMIT = map(yaml.safe_load, blocks("yaml"))


def schema(name: str) -> dict[str, Any]:
    """A schema of SchemaStore, from check-jsonschema."""
    folder = files("check_jsonschema") / "builtin_schemas" / "vendor"
    read: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return read


def commands() -> Iterator[str]:
    yield from (line for block in blocks("sh") for line in block.splitlines())
    yield from (step["run"] for step in GITHUB["jobs"]["lint"]["steps"] if "run" in step)
    yield from GITLAB["xcom-access"]["script"]
    yield from re.findall(r"`(exclusive-xcom [^`]+)`", PAGE)
    yield from (f"{hook['entry']} {' '.join(used()['args'])}" for hook in hooks())


def hooks() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return found


def used() -> dict[str, Any]:
    """The hook as the page tells readers to use it."""
    found: dict[str, Any] = PRE_COMMIT["repos"][0]["hooks"][0]
    return found


OURS = [command for command in commands() if command.startswith("exclusive-xcom")]


@pytest.mark.parametrize("command", dict.fromkeys(OURS))
def test_every_command_on_the_page_is_one_of_ours(command: str) -> None:
    _, *arguments = shlex.split(command)

    parsed = program._parser(arguments).parse_args(arguments)

    assert parsed.command in ("lint", "rule")


def test_the_page_has_commands_of_each_kind() -> None:
    assert len(OURS) > 8
    assert "exclusive-xcom lint dags" in OURS


def test_the_table_of_formats_has_all_formats() -> None:
    table = PAGE.partition("## Formats")[2].partition("\n## ")[0]

    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == FORMATS


def test_the_workflow_is_one_of_github() -> None:
    workflow = {("on" if name is True else name): value for name, value in GITHUB.items()}  # YAML 1.1 reads "on" so

    jsonschema.validate(workflow, schema("github-workflows"))
    upload = GITHUB["jobs"]["lint"]["steps"][-1]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    assert upload["if"].startswith("always()")
    assert f"--output-file {upload['with']['sarif_file']}" in GITHUB["jobs"]["lint"]["steps"][-2]["run"]
    assert GITHUB["permissions"]["security-events"] == "write"


def test_the_job_is_one_of_gitlab() -> None:
    jsonschema.validate(GITLAB, schema("gitlab-ci"))
    job = GITLAB["xcom-access"]

    assert f"--output-file {job['artifacts']['reports']['codequality']}" in job["script"][-1]
    assert job["artifacts"]["when"] == "always"


def test_the_hook_has_what_pre_commit_needs_and_is_the_one_of_the_page() -> None:
    (hook,) = hooks()

    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert hook.keys() <= {
        *("id", "name", "entry", "language", "files", "exclude", "types", "types_or", "exclude_types", "always_run"),
        *("fail_fast", "verbose", "pass_filenames", "require_serial", "description", "language_version"),
        *("minimum_pre_commit_version", "args", "stages"),
    }
    assert hook["id"] == used()["id"]
    # A name of a changed file would be one more path, and other DAGs would not be known.
    assert hook["pass_filenames"] is False
