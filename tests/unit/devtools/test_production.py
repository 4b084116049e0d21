"""The parts of the production stack that can be seen without starting it."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import psutil
import pytest

from devtools.production import builds
from devtools.production.unix import unused_users
from tests.production.dict_order import without_order


def git(repository: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    command = ["git", "-C", os.fspath(repository), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(repository: Path) -> str:
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "a change")
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    monkeypatch.setattr(builds, "ROOT", tmp_path)
    return tmp_path


def test_on_a_branch_the_last_landed_revision_is_where_it_left_the_main_one(repository: Path) -> None:
    landed = commit(repository)
    git(repository, "switch", "--quiet", "--create", "work")
    commit(repository)
    commit(repository)

    assert builds.last_landed() == landed


def test_on_the_main_branch_it_is_the_revision_before(repository: Path) -> None:
    landed = commit(repository)
    commit(repository)

    assert builds.last_landed() == landed


def test_a_clone_with_one_revision_knows_none(repository: Path) -> None:
    commit(repository)

    assert builds.last_landed() is None


def test_users_are_numbers_that_nobody_else_has() -> None:
    first, second = unused_users(2)
    accounts = {entry.pw_uid for entry in pwd.getpwall()}
    running = {uid for process in psutil.process_iter(["uids"]) for uid in process.info["uids"] or ()}

    assert first.uid != second.uid
    assert {first.uid, second.uid} & (accounts | running | {0}) == set()
    # Both may write the logs of tasks. Neither has the other's own group.
    assert first.groups == second.groups
    assert len({*first.groups, first.gid, second.gid}) == 3


@pytest.mark.parametrize(
    ("portrait", "expected"),
    [
        ("dict{'b': 1, 'a': dict{2: 3, 1: 4}}", "dict{'a': dict{1: 4, 2: 3}, 'b': 1}"),
        ("list[2, dict{'b, ': 1, \"a'\": tuple[1, 2]}, 1]", "list[2, dict{\"a'\": tuple[1, 2], 'b, ': 1}, 1]"),
        ("collections.OrderedDict{'b': 1, 'a': 2}", "collections.OrderedDict{'b': 1, 'a': 2}"),
        ("a.Point dict{}", "a.Point dict{}"),
        (r"'it\'s dict{b, a}'", r"'it\'s dict{b, a}'"),
    ],
)
def test_the_order_of_keys_of_plain_dicts_can_be_left_out_of_a_portrait(portrait: str, expected: str) -> None:
    assert without_order(portrait) == expected
