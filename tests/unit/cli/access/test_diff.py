"""The commands `diff` and `snapshot`, as people run them: on folders, on files and on a real repository."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from exclusive_redis_xcom import cli
from exclusive_redis_xcom.access import Access, TaskFacts, loading, snapshot_files
from exclusive_redis_xcom.access.changes import AccessDiff
from exclusive_redis_xcom.access.diff import compare
from exclusive_redis_xcom.access.facts import DagFacts
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.acl import parse
from exclusive_redis_xcom.cli.access import diff_formats
from exclusive_redis_xcom.cli.access.diff_formats.as_markdown import MARKER, MOST, code
from exclusive_redis_xcom.cli.access.diff_formats.between import Between
from tests.warm_parsing import warm

pytestmark = pytest.mark.usefixtures("warm_parsing")

DAG = """
from airflow.sdk import DAG, task
{imports}
with DAG("sales", schedule=None, params={{"xcom_acl": {{"extract": {{"token": {consumers}}}}}}}):
    @task
    def extract() -> int: return 1
    @task
    def load(value: int) -> None: ...
    @task
    def report(value: int) -> None: ...
    value = extract()
    load(value) >> report(value)
"""

Git = Callable[..., str]


def dag(consumers: str, imports: str = "") -> str:
    return DAG.format(consumers=consumers, imports=imports)


def run(*arguments: str) -> int:
    return cli.main([*arguments, "--default-consumers", "same_dag"])


def git_in(folder: Path) -> Git:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=Author", "-c", "user.email=author@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
        return done.stdout.decode().strip()

    return git


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two revisions. In the second one, `report` gains access."""
    root = tmp_path_factory.mktemp("repository")
    git = git_in(root)
    git("init", "-q", "-b", "main")
    (root / "dags").mkdir()
    (root / "names.py").write_text("READERS = ['load']\n")
    (root / "dags" / "sales.py").write_text(dag("READERS", "from names import READERS"))
    (root / ".gitattributes").write_text("dags/** export-ignore\n")
    (root / "outside").symlink_to("/etc/hostname")
    git("add", "-A")
    git("commit", "-qm", "one")
    hook = root / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {root}/hook-ran\n")
    hook.chmod(0o755)
    git("checkout", "-qb", "feature")
    (root / "hook-ran").unlink(missing_ok=True)
    (root / "names.py").write_text("READERS = ['load', 'report']\n")
    git("commit", "-qam", "two")
    return root


def test_two_revisions_are_compared_with_their_own_modules_and_the_work_tree_stays(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "names.py").write_text("READERS = ['nobody commits this']\n")
    before = git_in(repository)("status", "--porcelain"), sorted(os.listdir(repository))
    monkeypatch.chdir(repository)
    monkeypatch.setenv("PYTHONPATH", str(repository))
    monkeypatch.setattr(loading, "subprocess", subprocess)  # no copies: where modules come from is the subject

    status = run("diff", "--git", "main..feature", "dags")

    out, err = capsys.readouterr()
    assert status == 1
    assert out.splitlines() == [
        "GAINED",
        "  sales/report may now read sales/extract:token",
        "    rule: xcom_acl['extract']['token'] at sales.py",
        "",
        out.splitlines()[-1],
    ]
    assert out.splitlines()[-1].startswith("1 gained, 0 maybe gained, 0 revoked, 0 changed; ")
    assert err.splitlines() == ["The link 'outside' leads out of the repository, and is not followed."] * 2
    assert (git_in(repository)("status", "--porcelain"), sorted(os.listdir(repository))) == before
    assert git_in(repository)("worktree", "list").count("\n") == 0
    assert not (repository / "hook-ran").exists()


def test_revisions_are_compared_from_a_subfolder(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository / "dags")

    assert run("diff", "--git", "feature...main", "--fail-on", "any") == 0  # main has parted from itself
    assert run("diff", "--git", "feature..main", "--fail-on", "gained") == 0
    assert "REVOKED\n  sales/report may no longer read sales/extract:token\n" in capsys.readouterr().out
    assert run("diff", "--git", "main..feature", "--format", "github", "sales.py") == 1
    [command] = capsys.readouterr().out.splitlines()
    assert command.startswith("::error file=sales.py,title=EX901 access-gained::DAG 'sales': sales/report may now read")


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ("--upload-pack=touch x..HEAD", "'--upload-pack=touch x..HEAD' names no two revisions."),
        ("main..--upload-pack=x", "'main..--upload-pack=x' names no two revisions."),
        ("main", "'main' names no two revisions."),
        ("..", "'..' names no two revisions."),
        ("nothing..HEAD", "There is no revision 'nothing' in this repository."),
        ("main..HEAD:dags", "There is no revision 'HEAD:dags' in this repository."),
        ("ma\x1b[31min..HEAD", "There is no revision 'ma?[31min' in this repository."),
    ],
)
def test_what_names_no_revisions_is_refused(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], names: str, first: str
) -> None:
    monkeypatch.chdir(repository)

    assert run("diff", f"--git={names}", "dags") == 2
    assert capsys.readouterr().err.splitlines()[0] == first


def test_a_shallow_clone_is_told_how_to_get_the_rest(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git_in(tmp_path)("clone", "-q", "--depth=1", "--branch=feature", f"file://{repository}", "clone")
    monkeypatch.chdir(tmp_path / "clone")

    assert run("diff", "--git", "HEAD~1..HEAD", "dags") == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == "There is no revision 'HEAD~1' in this repository."
    assert "Set fetch-depth: 0 for actions/checkout" in second


def test_outside_of_a_repository_there_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert run("diff", "--git", "main..HEAD") == 2
    assert capsys.readouterr().err.splitlines()[0] == f"Git cannot read the repository of '{tmp_path}'."


@pytest.mark.parametrize("path", ["no/such/folder", "../elsewhere", "/etc"])
def test_a_folder_that_no_revision_has_is_an_error(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    monkeypatch.chdir(repository)

    assert run("diff", "--git", "main..feature", path) == 2
    first = capsys.readouterr().err.splitlines()
    assert any(path in line for line in first)


def test_links_that_lead_out_by_way_of_others_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git = git_in(tmp_path)
    git("init", "-q", "-b", "main")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "up").symlink_to("..")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "out").symlink_to("../d/up/../dags")
    (tmp_path / "circle").symlink_to("circle")
    git("add", "-A")
    git("commit", "-qm", "one")
    monkeypatch.chdir(tmp_path)

    assert run("diff", "--git", "main..main", "x") == 2
    assert "The link 'out' leads out of the repository, and is not followed." in capsys.readouterr().err


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    old, new = (tmp_path_factory.mktemp(name) for name in ("old", "new"))
    (old / "sales.py").write_text(dag("['load']"))
    (new / "sales.py").write_text(dag("['load', 'bi/*']"))
    return old, new


@pytest.fixture(scope="module")
def snapshots(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """The old and the new folder, as files of each format."""
    root = tmp_path_factory.mktemp("snapshots")
    written = {}
    for format, name in (("text", "{}.snapshot"), ("facts", "{}.facts.json")):
        files = root / name.format("old"), root / name.format("new")
        with warm():
            for folder, file in zip(folders, files, strict=True):
                assert run("snapshot", "--dags", str(folder), "--format", format, "--output-file", str(file)) == 0
        written[format] = (str(files[0]), str(files[1]))
    return written


@pytest.mark.parametrize(("fail_on", "status"), [("gained", 0), ("maybe", 1), ("any", 1), ("never", 0)])
def test_the_exit_status_says_whether_there_is_what_must_not_be(
    snapshots: dict[str, tuple[str, str]], fail_on: str, status: int
) -> None:
    assert run("diff", *snapshots["text"], "--fail-on", fail_on) == status


def test_folders_snapshots_and_facts_give_the_same_difference(
    folders: tuple[Path, Path], snapshots: dict[str, tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    text, facts = snapshots["text"], snapshots["facts"]
    for arguments in ((str(folders[0]), "--dags", str(folders[1])), (text[0], facts[1]), (facts[0], text[1])):
        assert run("diff", *arguments, "--format", "json") == 0
        read = json.loads(capsys.readouterr().out)
        found.append([[each["readers"], each["xcoms"]] for each in read["maybe_gained"]])

    readers = [{"consumer": {"dag_id": "bi", "task_id": "*"}, "without": [], "tasks": 0}]
    xcoms = [{"xcom": {"dag_id": "sales", "task_id": "extract", "key": "token"}}]
    assert found == [[[readers, xcoms]]] * 3
    assert str(folders[0]) not in Path(snapshots["facts"][0]).read_text()


def test_a_snapshot_that_still_holds_passes_and_another_one_shows_the_difference(
    folders: tuple[Path, Path], snapshots: dict[str, tuple[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    file, _ = snapshots["text"]
    assert run("snapshot", "--dags", str(folders[0]), "--check", file) == 0
    assert capsys.readouterr().out == ""

    assert run("snapshot", "--dags", str(folders[1]), "--check", file) == 1

    out, err = capsys.readouterr()
    assert [line for line in out.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        "+sales/extract:token <- bi/*"
    ]
    assert err.splitlines() == [
        f"The snapshot '{file}' differs from the DAGs.",
        "If the difference is meant, write it with the same command (--output-file in place of --check), and commit "
        "it.",
    ]


def test_the_first_line_of_a_snapshot_names_its_version(snapshots: dict[str, tuple[str, str]]) -> None:
    first, *lines = Path(snapshots["text"][0]).read_text().splitlines()

    assert first == "# exclusive-xcom snapshot 1 (made by a command: do not edit)"
    assert "sales/extract:token <- sales/load" in lines
    assert not any(".py" in line for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [
        ["diff"],
        ["diff", "only-one"],
        ["diff", "no-such-folder", "no-such-file"],
        ["diff", "--git", "main..HEAD", "one", "two"],
        ["diff", "one", "two", "--dags", "three"],
        ["diff", "--git", "main..HEAD", "one", "--dags", "two"],
        ["snapshot", "--check", "no-such-file", "--dags", "FOLDER"],
        ["snapshot", "--output-file", "no/such/folder/file", "--dags", "FOLDER"],
    ],
)
def test_a_mistaken_call_is_undecided(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(*(str(folders[0]) if each == "FOLDER" else each for each in arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) <= 3


def test_a_dag_file_that_raises_is_undecided(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.py").write_text("from airflow.sdk import DAG\nraise RuntimeError('no')\n")

    assert run("diff", str(folders[0]), str(tmp_path)) == 2
    assert "cannot be loaded" in capsys.readouterr().err


HOSTILE = "k`|<img src=x>@everyone\n\x1b[31m``](http://x)\u202e"


def hostile(consumers: object, count: int = 1) -> AccessDiff:
    """A difference in which keys hold whatever an author may write."""

    def of(value: object) -> Snapshot:
        rules = {"extract": {f"{HOSTILE}{number}": value for number in range(count)}}
        ids = frozenset({"extract", "load"})
        facts = DagFacts(
            parse(rules, dag_id="sales", task_ids=ids, default_consumers="nobody"),
            {"extract": ("load",), "load": ()},
            {},
            {each: TaskFacts(each, computes_keys=False) for each in ids},
            "sales.py",
        )
        return Snapshot.of(Access([facts]).dags)

    return compare(of([]), of(consumers))


@pytest.mark.parametrize("format", diff_formats.FORMATS)
def test_hostile_names_stay_names_in_every_format(format: str) -> None:
    text = diff_formats.render(hostile(["load"]), Between("old", "new"), format)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\n``](" not in text


def test_a_hostile_name_is_one_code_span() -> None:
    assert code("a`b``c") == "``` a`b``c ```"
    assert code("plain") == "`plain`"
    assert code("`") == "`` ` ``"


def test_a_comment_fits_github_and_says_how_much_is_left_out() -> None:
    text = diff_formats.render(compare_many(800), Between("old", "new"), "markdown")

    assert len(text) <= MOST == 65_536
    assert text.startswith(f"{MARKER}\n**Somebody may read more XComs than before.**")
    assert "more, which `exclusive-xcom diff` prints in a terminal" in text
    assert text.count("<details>") == text.count("</details>") == 1


def compare_many(count: int) -> AccessDiff:
    """A difference of as many changes: each task gains access to another key."""
    ids = [f"task_{number}" for number in range(count)]

    def of(reader: str | None) -> Snapshot:
        rules = {"task_0": {f"key_{each}": [] if reader is None else [each] for each in ids[1:]}}
        facts = DagFacts(
            parse(rules, dag_id="sales", task_ids=frozenset(ids), default_consumers="nobody"),
            dict.fromkeys(ids, ()),
            {},
            {each: TaskFacts(each, computes_keys=False) for each in ids},
        )
        return Snapshot.of(Access([facts]).dags)

    return compare(of(None), of("each"))


def test_sarif_holds_its_schema() -> None:
    schema = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text())
    log = json.loads(diff_formats.render(hostile(["load"], 3), Between("old", "new", "dags"), "sarif"))

    jsonschema.validate(log, schema)
    results = log["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["EX901"] * 3
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "dags/sales.py"


def test_hostile_names_come_back_from_a_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "access.json"
    ids = frozenset({"extract", "load"})
    facts = DagFacts(
        parse(
            {"extract": {HOSTILE: ["other dag/x y", "load"]}}, dag_id="sales", task_ids=ids, default_consumers="nobody"
        ),
        {"extract": (), "load": ()},
        {},
        {each: TaskFacts(each, computes_keys=False) for each in ids},
    )
    snapshot = Snapshot.of(Access([facts]).dags)
    file.write_text(snapshot_files.as_json(snapshot))

    assert snapshot_files.read(file).rules == snapshot.rules


@pytest.mark.parametrize("command", ["diff", "snapshot"])
def test_help_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])

    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert "Exit status" in out
    assert max(map(len, out.splitlines())) < 80
