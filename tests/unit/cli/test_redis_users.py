"""`exclusive-xcom redis-users` prints what Redis loads, with passwords that nobody has seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exclusive_redis_xcom import cli
from exclusive_redis_xcom.cli import redis_users

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "exclusive_redis_xcom" / "cli" / "redis-users.acl"
PASSWORD = re.compile(r">(\S+)")


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[list[str], str]:
    assert cli.main(["redis-users", *options]) == 0
    out, err = capsys.readouterr()
    return out.splitlines(), err


def test_the_users_are_those_of_the_file_with_other_passwords(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = printed(capsys)

    masked = [PASSWORD.sub(">", line) for line in lines]
    assert masked == [PASSWORD.sub(">", line) for line in SOURCE.read_text().splitlines()]
    assert "change-me" not in "".join(lines)


def test_the_page_in_docs_is_the_same_file() -> None:
    assert (ROOT / "docs" / "redis-users.acl").resolve() == SOURCE


def test_every_password_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    both = [PASSWORD.findall("\n".join(printed(capsys, "--with-doctor")[0])) for _ in range(2)]

    found = [password for passwords in both for password in passwords]
    assert len(found) == len(set(found)) == 6
    assert min(map(len, found)) >= 32


def test_a_key_prefix_of_ones_own_is_the_only_one_that_the_users_reach(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = printed(capsys, "--key-prefix", "acme:xcom")

    assert [re.findall(r"~\S+", line) for line in lines] == [["~*"], ["~acme:xcom:*"], ["~acme:xcom:*"]]


@pytest.mark.parametrize("prefix", ["", "*", "a*", "a b", "a\nuser x on nopass", "x" * 101])
def test_what_is_no_prefix_is_refused(capsys: pytest.CaptureFixture[str], prefix: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["redis-users", "--key-prefix", prefix])

    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


def test_the_note_says_who_is_for_what_and_holds_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    lines, note = printed(capsys, "--with-doctor")

    assert f"{redis_users.WORKER}: for workers, and whatever else runs tasks:" in note.splitlines()
    assert f"{redis_users.DOCTOR}: for the doctor, to look at the server:" in note.splitlines()
    assert [password for password in PASSWORD.findall("\n".join(lines)) if password in note] == []
    assert max(len(line) for line in note.splitlines() if "://" not in line) < 80
