"""DAG files that cannot be read, or that behave badly: one clear line, a remedy, and nothing left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exclusive_redis_xcom.access import loading
from exclusive_redis_xcom.access.undecided import UndecidedError

#: For tests of what files do, and not of how the process starts that reads them.
warm = pytest.mark.usefixtures("warm_parsing")

_CAN_PULL = (sys.executable, "-m", "exclusive_redis_xcom.cli", "can-pull")

_GOOD = """
from airflow.sdk import DAG, task
with DAG("{name}", schedule=None):
    @task
    def extract(): return 1
    @task
    def load(value): ...
    load(extract())
"""


def _load(path: Path, timeout: float = 120) -> loading.Loaded:
    return loading.load(path, default_consumers="same_dag", timeout=timeout)


def _refusal(path: Path, timeout: float = 120) -> list[str]:
    """Return the lines of the error that a command would print."""
    with pytest.raises(UndecidedError) as caught:
        _load(path, timeout).require_all()
    return _lines(caught)


def _lines(caught: pytest.ExceptionInfo[UndecidedError]) -> list[str]:
    lines = str(caught.value).splitlines()
    assert len(lines[0]) <= 100
    assert len(lines) >= 2
    return lines


def test_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "one.py").write_text(_GOOD.format(name="one"))
    (tmp_path / "sub" / "two.py").write_text(_GOOD.format(name="two"))

    dags = {facts.dag_id: facts for facts in _load(tmp_path).require_all()}

    assert {dag_id: (facts.file, facts.path) for dag_id, facts in dags.items()} == {
        "one": ("one.py", str(tmp_path / "one.py")),
        "two": ("sub/two.py", str(tmp_path / "sub" / "two.py")),
    }
    assert dags["one"].links == {("extract", "return_value"): {"load"}}


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    path = Path("/nowhere/dags")

    assert _refusal(path) == [
        "There is no file or folder '/nowhere/dags'.",
        "Name a DAG file, or a folder with DAG files.",
    ]
    assert _refusal(tmp_path / ("x" * 200))[1:] == ["Name a DAG file, or a folder with DAG files."]


@warm
def test_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)

    assert _refusal(Path("empty")) == ["There is no DAG in 'empty'.", "Name a DAG file, or a folder with DAG files."]


def test_a_file_that_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("DAG airflow")
    monkeypatch.chdir(tmp_path)

    assert _refusal(Path("notes.txt")) == [
        "'notes.txt' is no Python file.",
        "Name a DAG file, or a folder with DAG files.",
    ]


@warm
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("raise RuntimeError('broken')", "RuntimeError: broken"),
        ("import does_not_exist", "ModuleNotFoundError: No module named 'does_not_exist'"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
    ],
)
def test_a_file_that_fails(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "bad.py").write_text(f"import airflow  # for a DAG\n{text}\n")
    (tmp_path / "good.py").write_text(_GOOD.format(name="good"))

    loaded = _load(tmp_path)
    with pytest.raises(UndecidedError) as caught:
        loaded.require_all()
    lines = _lines(caught)

    assert [facts.dag_id for facts in loaded.dags] == ["good"]
    assert re.fullmatch(r"A DAG file cannot be loaded: \S*bad\.py|A DAG file cannot be loaded: .*\.\.\..*", lines[0])
    assert lines[1:] == [
        error,
        f"It is line {1 + len(text.splitlines())} of bad.py.",
        "Correct it, or name other DAG files. A 'no' could be wrong without it.",
    ]


@warm
def test_a_file_with_a_syntax_error(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import airflow  # for a DAG\ndef (:\n")

    assert _refusal(tmp_path / "bad.py")[1:3] == ["SyntaxError: invalid syntax", "It is line 2 of bad.py."]


@warm
def test_rules_that_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        _GOOD.format(name="bad").replace("schedule=None", "schedule=None, params={'xcom_acl': {'missing': {'a': []}}}")
    )

    loaded = _load(tmp_path)

    (text,) = loaded.errors.values()
    assert "the producer 'missing' is not a task of this DAG" in text
    assert loaded.dags == ()


@warm
def test_two_dags_with_one_id_in_two_files(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(_GOOD.format(name="same"))
    (tmp_path / "b.py").write_text(_GOOD.format(name="same"))

    lines = _refusal(tmp_path)

    assert "Ignoring DAG same from" in lines[1]
    assert "also found in" in lines[1]


@warm
def test_two_dags_with_one_id_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(_GOOD.format(name="same") + _GOOD.format(name="same").replace("load", "other"))

    lines = _refusal(tmp_path)

    assert lines[1] == "It makes two DAGs with the id 'same'. Airflow takes only the last."


@warm
def test_a_file_that_sleeps(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import airflow, time  # DAG\ntime.sleep(600)\n")
    start = time.monotonic()

    lines = _refusal(tmp_path / "slow.py", timeout=3)

    assert time.monotonic() - start < 30
    assert lines[0].endswith("take longer than 3 s.")
    assert lines[1] == (
        f"It was reading {tmp_path}/slow.py. See what that file does when it is imported. Or raise the timeout."
    )


def test_a_file_that_ends_the_process(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import airflow, os  # DAG\nos._exit(7)\n")

    lines = _refusal(tmp_path / "bad.py")

    assert lines[0].endswith("ended with 7.")
    assert lines[1] == f"It was reading {tmp_path}/bad.py. See what that file does when it is imported."


def test_files_that_print_and_start_processes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "noisy.py").write_text(
        "import os, sys, subprocess\n"
        "print('noise'); print('noise', file=sys.stderr); os.write(1, b'noise')\n"
        f"started = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(started.pid))\n"
        "if os.fork() == 0:\n"
        "    pass  # the child goes on, as a second process that reads DAG files\n" + _GOOD.format(name="noisy")
    )

    (facts,) = _load(tmp_path).require_all()

    assert facts.dag_id == "noisy"
    assert "noise" not in "".join(capfd.readouterr())
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Tell whether a process runs. One that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("has_home", [False, True])
def test_neither_a_database_nor_redis_is_needed_and_nothing_is_left_behind(tmp_path: Path, has_home: bool) -> None:
    user, dags, temporary = tmp_path / "user", tmp_path / "dags", tmp_path / "temporary"
    for folder in (user, dags, temporary):
        folder.mkdir()
    (dags / "good.py").write_text(_GOOD.format(name="good"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "REDIS"))}
    environment = {**kept, "HOME": str(user), "TMPDIR": str(temporary)}
    if has_home:
        environment["AIRFLOW_HOME"] = str(tmp_path / "missing")

    done = subprocess.run(
        [*_CAN_PULL, "good/load", "good/extract:return_value", "--dags", str(dags)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("yes\n", 0), done.stderr
    assert (list(user.iterdir()), list(temporary.iterdir()), (tmp_path / "missing").exists()) == ([], [], False)


def test_without_dags_and_without_airflow_home_the_option_is_named(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}

    done = subprocess.run(
        [*_CAN_PULL, "a/b", "a/c:d"],
        env={**kept, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr.splitlines()[-2:] == [
        f"There is no Airflow here: {tmp_path}/airflow does not exist.",
        "Name the DAG files with --dags, or set AIRFLOW_HOME.",
    ]
    assert list(tmp_path.iterdir()) == []


@warm
def test_a_file_that_reads_a_variable_fails_with_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{tmp_path}/empty.db")
    (tmp_path / "bad.py").write_text("from airflow.sdk import DAG, Variable\nVariable.get('missing')\n")

    lines = _refusal(tmp_path / "bad.py")

    assert "missing" in lines[1] or "variable" in lines[1].lower()
    assert lines[2] == "It is line 2 of bad.py."
