"""The forms of output: whatever ids hold, a line stays a line, and a cell a cell."""

from __future__ import annotations

import argparse
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from exclusive_redis_xcom.cli.access import output, records, status
from exclusive_redis_xcom.formats.observed import Observed

ROOT = Path(__file__).parents[4]
DAGS = Path(__file__).parent / "dags"
HOSTILE = "a\x1b[31m[red]b[/red]\n\tc\\d\u202ee\ud800"
LISTING = output.Listing(("WHO", "WHY"), [(HOSTILE, "ü"), ("z", "")], {"who": HOSTILE})


def written(capsys: pytest.CaptureFixture[str], form: str) -> str:
    output.write(form, LISTING)
    return capsys.readouterr().out


def test_a_table_shows_what_does_not_print(capsys: pytest.CaptureFixture[str]) -> None:
    shown = r"a\x1b[31m[red]b[/red]\n\tc\d\u202ee\ud800"

    assert written(capsys, "table").splitlines() == [
        f"WHO{' ' * (len(shown) - 3)}  WHY",
        f"{shown}  ü",
        "z",
    ]


def test_plain_can_be_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = written(capsys, "plain").splitlines()

    assert first == "a\\x1b[31m[red]b[/red]\\n\\tc\\\\d\\u202ee\\ud800\tü"
    assert first.split("\t")[0].encode().decode("unicode_escape") == HOSTILE
    assert second == "z\t"


def test_json_and_yaml_hold_the_same_and_name_their_version(capsys: pytest.CaptureFixture[str]) -> None:
    text = written(capsys, "json")

    assert text.isascii()
    assert list(json.loads(text).items()) == [("schema", 1), ("who", HOSTILE)]
    assert "\x1b" not in written(capsys, "yaml")


def test_yaml_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = HOSTILE.replace("\ud800", "")  # YAML has no half surrogate pairs
    output.write("yaml", LISTING._replace(document={"who": hostile, "no": "yes", "n": "1: [&x"}))

    assert yaml.safe_load(capsys.readouterr().out) == {"schema": 1, "who": hostile, "no": "yes", "n": "1: [&x"}


def on_a_terminal(**environment: str) -> bytes:
    """What a process writes whose standard output is a terminal."""
    ours, theirs = pty.openpty()
    code = (
        "from exclusive_redis_xcom.cli.access import output as o;"
        "o.write('table', o.Listing(('WHO', 'MAY'), [('a\\x1b[31mb', 'yes'), ('x' * 100, 'maybe')], {}))"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run(
        [sys.executable, "-c", code],
        stdout=theirs,
        env={**kept, "TERM": "xterm-256color", "COLUMNS": "80", **environment},
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    os.close(theirs)
    read = os.read(ours, 10_000)
    os.close(ours)
    return read


def test_a_terminal_gets_styles_and_whole_ids() -> None:
    read = on_a_terminal()

    assert [style for style in (b"\x1b[1m", b"\x1b[32myes", b"\x1b[33mmaybe") if style not in read] == []
    assert b"\x1b[31m" not in read
    assert read.count(b"x") == 100 + 1  # all of the long id, and the x of the shown escape


def test_no_color_is_honoured() -> None:
    read = on_a_terminal(NO_COLOR="1")

    assert b"maybe" in read
    assert b"\x1b[3" not in read


def test_a_file_gets_no_styles(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in written(capsys, "table")


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "exclusive_redis_xcom.cli", "access", "--dags", str(DAGS), "-o", "plain"],
        cwd=ROOT,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
    os.close(theirs)

    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if "Error" in line or "Traceback" in line] == []


def test_an_encoding_that_cannot_hold_a_name_gets_it_escaped() -> None:
    code = (
        "import argparse; from exclusive_redis_xcom.cli.access import output as o, status;"
        "f = status.undecided_on_error(lambda args: o.write('plain', o.Listing((), [('ü', 'x')], {})) or 0);"
        "raise SystemExit(f(argparse.Namespace()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (0, b"\\xfc\tx\n"), done.stderr


def test_yaml_is_ascii_so_that_no_character_turns_or_hides_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.write("yaml", LISTING._replace(document={"who": "a\u202eb\u200b\u0441"}))

    assert capsys.readouterr().out.isascii()


def test_a_dag_id_of_a_record_begins_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    records.say_how_it_came_about([Observed("a\nb: nothing is recorded.", None, None, (), None, 1)])

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert not any(line.startswith("b:") for line in said)


def test_an_error_that_nobody_expects_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: argparse.Namespace) -> int:
        raise IsADirectoryError("x")

    assert status.undecided_on_error(fails)(argparse.Namespace()) == status.UNDECIDED
    assert "IsADirectoryError" in capsys.readouterr().err
