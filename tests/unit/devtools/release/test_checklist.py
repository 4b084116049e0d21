"""Each check of `make release-check` fails on a tree that is wrong in that way, and says what to do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from devtools.installed import AIRFLOWS, PYTHONS
from devtools.installed.__main__ import PINNED
from devtools.release import changelog, checklist, passed
from devtools.release.repository import Repository

ROOT = Path(__file__).resolve().parents[4]
CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-02-03

- New.

## [1.1.0] - 2026-01-01

- Old.
"""
PROJECT = """\
[project]
requires-python = ">=3.10,<3.15"
classifiers = [
    "Programming Language :: Python :: 3.10",
    "Programming Language :: Python :: 3.11",
    "Programming Language :: Python :: 3.12",
    "Programming Language :: Python :: 3.13",
    "Programming Language :: Python :: 3.14",
]
dependencies = ["apache-airflow>=3.1,<3.4"]

[project.urls]
Repository = "https://example.org/code"
Issues = "https://example.org/issues"
"""
FILES = {
    "CHANGELOG.md": CHANGELOG,
    "pyproject.toml": PROJECT,
    "SECURITY.md": "Write to security@example.org.\n",
    "exclusive_redis_xcom/__init__.py": '__version__ = "1.2.0"\n',
    "devtools/lock.sh": "#!/bin/sh\n[ ! -e stale ] || { echo '< redis==1'; exit 1; }\n",
    "Makefile": "lint docs:\n\t@test ! -e ugly || { echo $@ is ugly; exit 1; }\n",
    ".gitignore": ".make/\n",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = Repository(tmp_path_factory.mktemp("made"))
    for name, text in FILES.items():
        write(repository, name, text)
    (repository.root / "devtools" / "lock.sh").chmod(0o755)
    git(repository, "init", "--quiet", "--initial-branch", "main")
    commit(repository)
    for target in passed.TARGETS:
        passed.note(repository, target)
    return repository.root


@pytest.fixture
def ready(made: Path, tmp_path: Path) -> Repository:
    """A tree from which 1.2.0 can be released. It is a copy: git takes half a second to make one."""
    return Repository(shutil.copytree(made, tmp_path / "ready"))


def write(repository: Repository, name: str, text: str) -> None:
    file = repository.root / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def git(repository: Repository, *arguments: str) -> None:
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=repository.root, check=True, capture_output=True)


def commit(repository: Repository) -> None:
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "A commit.")


def replaced(name: str, old: str, new: str) -> Callable[[Repository], None]:
    def change(repository: Repository) -> None:
        text = repository.text(name)
        assert old in text
        write(repository, name, text.replace(old, new))

    return change


def test_a_tree_that_is_ready_passes_every_check(ready: Repository) -> None:
    assert [check.step(ready).line() for check in checklist.CHECKS] == [
        f"ok      {check.name}" for check in checklist.CHECKS
    ]


@pytest.mark.parametrize(
    ("name", "spoil", "line"),
    [
        (
            "everything is committed",
            lambda tree: write(tree, "new.txt", ""),
            "failed  everything is committed: not committed: new.txt",
        ),
        (
            "branch main",
            lambda tree: git(tree, "switch", "--quiet", "--create", "work"),
            "failed  branch main: work is checked out: git switch main",
        ),
        (
            "no tag yet",
            lambda tree: git(tree, "tag", "v1.2.0"),
            "failed  no tag yet: v1.2.0 exists already: raise __version__",
        ),
        (
            "changelog",
            replaced("CHANGELOG.md", "2026-02-03", "unreleased"),
            "failed  changelog: CHANGELOG.md: 1.2.0 has no date but 'unreleased': run make release-date, and commit",
        ),
        (
            "links of the project",
            replaced("pyproject.toml", 'Repository = "https://example.org/code"\n', ""),
            "failed  links of the project: [project.urls] in pyproject.toml has no Repository: "
            "add the public https:// address",
        ),
        (
            "links of the project",
            replaced("pyproject.toml", "https://", "file://"),
            "failed  links of the project: [project.urls] in pyproject.toml has no Repository and no Issues: "
            "add the public https:// address",
        ),
        (
            "contact",
            replaced("SECURITY.md", "security@example.org", checklist.MARKER),
            "failed  contact: SECURITY.md still has CONTACT-BEFORE-RELEASE: put an address in its place",
        ),
        (
            "contact",
            lambda tree: (tree.root / "SECURITY.md").unlink(),
            "failed  contact: there is no SECURITY.md: write how to report a vulnerability",
        ),
        (
            "supported versions",
            replaced("pyproject.toml", '    "Programming Language :: Python :: 3.14",\n', ""),
            "failed  supported versions: the classifiers name Python 3.10, 3.11, 3.12, 3.13, "
            "and 3.10, 3.11, 3.12, 3.13, 3.14 are supported",
        ),
        (
            "supported versions",
            replaced("pyproject.toml", "<3.15", "<3.14"),
            "failed  supported versions: requires-python refuses Python 3.14",
        ),
        (
            "supported versions",
            replaced("pyproject.toml", ">=3.1,<3.4", ">=3.2,<3.3"),
            "failed  supported versions: apache-airflow<3.3,>=3.2 refuses 3.1.8, 3.3.2, which are tested",
        ),
    ],
)
def test_a_check_fails_on_a_tree_that_is_wrong_in_its_way(
    ready: Repository, name: str, spoil: Callable[[Repository], None], line: str
) -> None:
    spoil(ready)

    assert lines(ready, name) == [line]


def lines(repository: Repository, name: str) -> list[str]:
    return [check.step(repository).line() for check in checklist.CHECKS if check.name == name]


def test_what_has_passed_on_an_older_commit_has_not_passed(ready: Repository) -> None:
    before = ready.commit
    commit(ready)

    assert lines(ready, "make test has passed") == [
        f"failed  make test has passed: not on {ready.commit[:12]}, only on {before[:12]}: "
        "run make test without changes in the tree"
    ]


def test_what_never_passed_has_not_passed(ready: Repository) -> None:
    (ready.root / ".make" / "passed" / "demo").unlink()

    assert lines(ready, "make demo has passed") == [
        f"failed  make demo has passed: not on {ready.commit[:12]}: run make demo without changes in the tree"
    ]


def test_a_target_that_passes_on_a_changed_tree_leaves_no_note(ready: Repository) -> None:
    note = ready.root / ".make" / "passed" / "demo"
    note.unlink()
    write(ready, "new.txt", "")
    passed.note(ready, "demo")

    assert not note.exists()


def test_a_target_that_passes_where_there_is_no_git_leaves_no_note(tmp_path: Path) -> None:
    passed.note(Repository(tmp_path), "demo")

    assert list(tmp_path.iterdir()) == []


def test_a_stale_lock_is_noticed(ready: Repository) -> None:
    write(ready, "stale", "")

    assert lines(ready, "requirements/dev.txt is fresh") == [
        "failed  requirements/dev.txt is fresh: run make lock, and commit; "
        "devtools/lock.sh --check dev ended with 1\n< redis==1"
    ]


@pytest.mark.parametrize("target", ["lint", "docs"])
def test_a_failing_target_of_make_is_noticed(ready: Repository, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(ready, "ugly", "")
    monkeypatch.setenv("MAKELEVEL", "1")  # as in `make release-check`
    monkeypatch.setenv("MAKEFLAGS", "w")

    (line,) = lines(ready, f"make {target}")

    assert line.splitlines()[:2] == [f"failed  make {target}: make {target} ended with 2", f"{target} is ugly"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("## [Unreleased]\n\n", "", "CHANGELOG.md does not begin with a section Unreleased: add an empty one"),
        (
            "## [Unreleased]\n",
            "## [Unreleased]\n\n- Not moved.\n",
            "the section Unreleased of CHANGELOG.md is not empty: move its lines into 1.2.0",
        ),
        ("## [1.2.0]", "## [1.3.0]", "CHANGELOG.md: the section 1.2.0 is missing: write it"),
        ("- New.\n\n", "", "CHANGELOG.md: the section 1.2.0 is empty"),
        ("2026-02-03", "2027-02-03", "CHANGELOG.md: 2027-02-03 is in the future"),
    ],
)
def test_a_changelog_that_is_not_ready(old: str, new: str, problem: str) -> None:
    assert old in CHANGELOG
    assert changelog.problem(CHANGELOG.replace(old, new), "1.2.0", date(2026, 2, 3)) == problem


def test_a_version_that_was_released_before_is_refused() -> None:
    problem = changelog.problem(CHANGELOG, "1.1.0", date(2026, 2, 3))

    assert problem == "CHANGELOG.md: the section 1.1.0 is not the newest one: raise __version__"


def test_the_date_is_filled_in_once() -> None:
    before = CHANGELOG.replace("2026-02-03", "unreleased")

    assert changelog.with_date(before, "1.2.0", date(2026, 2, 3)) == CHANGELOG
    with pytest.raises(ValueError, match=r"CHANGELOG.md has no heading '## \[1\.2\.0\] - unreleased'"):
        changelog.with_date(CHANGELOG, "1.2.0", date(2026, 2, 3))


def test_the_commands_that_publish_name_what_make_dist_builds() -> None:
    assert checklist.to_publish("1.2.0").splitlines() == [
        "Nothing has been published. To publish 1.2.0, type:",
        '  git tag --sign v1.2.0 --message "exclusive-redis-xcom 1.2.0"',
        "  git push origin v1.2.0",
        "  .venv-release/bin/twine upload dist/exclusive_redis_xcom-1.2.0.tar.gz dist/exclusive_redis_xcom-1.2.0-*.whl",
        "Attach dist/exclusive_redis_xcom-1.2.0.cdx.json and dist/SHA256SUMS to the release of the tag.",
    ]


def test_the_checklist_knows_every_lock_and_every_airflow() -> None:
    locks = [path.stem for path in (ROOT / "requirements").glob("*.txt")]

    assert sorted(checklist.LOCKS) == sorted(locks)
    assert tuple(pinned.airflow for pinned in PINNED) == AIRFLOWS
    assert [f"test-{airflow}" for airflow in AIRFLOWS if f"test-{airflow}" not in passed.TARGETS] == []


def test_this_repository_supports_what_it_says() -> None:
    assert checklist.versions(Repository(ROOT)) == ""
    assert PYTHONS
