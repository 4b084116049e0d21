"""The page docs/how-to/access-in-ci.md: its examples run, and its YAML is what CI systems read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from exclusive_redis_xcom import cli
from exclusive_redis_xcom.access import snapshot_lines

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/how-to/access-in-ci.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def workflows() -> list[dict[Any, Any]]:
    return [found for found in map(yaml.safe_load, blocks("yaml")) if "jobs" in found]


def test_the_examples_of_the_kit_run_as_tests(tmp_path: Path) -> None:
    test, questions = blocks("python")
    (tmp_path / "test_sales.py").write_text(test)
    (tmp_path / "conftest.py").write_text("")
    indented = "".join(f"    {line}" for line in questions.splitlines(keepends=True))
    (tmp_path / "test_questions.py").write_text(f"from test_sales import dag\n\ndef test_questions():\n{indented}")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    first = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    updated = subprocess.run(
        command,
        env={**environment, "EXCLUSIVE_XCOM_UPDATE": "1"},
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    again = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=120, check=False)

    assert first.returncode == 1, first.stdout.decode()
    assert "There is no recorded access in access.json." in first.stdout.decode()
    assert updated.returncode == 0, updated.stdout.decode()
    assert again.returncode == 0, again.stdout.decode()
    assert "3 passed" in again.stdout.decode()


def test_the_snapshot_on_the_page_can_be_read() -> None:
    [text] = [block for block in blocks("text") if snapshot_lines.is_snapshot(block)]

    assert snapshot_lines.dumps(snapshot_lines.loads(text, "page")) == text


def test_every_command_on_the_page_has_options_that_exist(capsys: Any) -> None:
    text = "\n".join([*blocks("sh"), *blocks("yaml")])
    used = {
        (command, option)
        for command, rest in re.findall(r"exclusive-xcom (snapshot|diff)\b([^\n#]*)", text)
        for option in re.findall(r"--[\w-]+", rest)
    }
    helps = {}
    for command in ("snapshot", "diff"):
        try:
            cli.main([command, "--help"])
        except SystemExit:
            helps[command] = capsys.readouterr().out

    assert len(used) >= 6
    assert [(command, option) for command, option in used if option not in helps[command]] == []


def test_workflows_never_give_a_stranger_a_token_that_writes() -> None:
    found = workflows()

    assert len(found) == 2
    for workflow in found:
        assert workflow[True] == "pull_request"  # YAML 1.1 reads the key `on` as true
        assert workflow["permissions"]["contents"] == "read"
        for job in workflow["jobs"].values():
            [checkout] = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
            assert checkout["with"]["persist-credentials"] is False


def test_the_workflow_with_two_revisions_has_both_of_them() -> None:
    [job] = [
        job
        for workflow in workflows()
        for job in workflow["jobs"].values()
        if any("diff --git" in step.get("run", "") for step in job["steps"])
    ]
    [checkout] = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
    runs = "\n".join(step.get("run", "") for step in job["steps"])

    assert checkout["with"]["fetch-depth"] == 0
    assert "${{" not in runs  # what a pull request names reaches the shell as variables only


def test_the_gitlab_job_has_both_revisions() -> None:
    [job] = [found["xcom-access"] for found in map(yaml.safe_load, blocks("yaml")) if "xcom-access" in found]

    assert job["variables"]["GIT_DEPTH"] == "0"
    assert any("exclusive-xcom diff --git" in line for line in job["script"])
