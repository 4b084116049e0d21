"""The commands `lint` and `rule`, as people run them, on DAG files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from exclusive_redis_xcom import cli
from exclusive_redis_xcom.access.finding import Finding, Level
from exclusive_redis_xcom.access.lint import CHECKS, baseline
from exclusive_redis_xcom.access.lint.selection import selected
from exclusive_redis_xcom.access.lint.suppression import without_suppressed
from exclusive_redis_xcom.cli.access.lint import exit_status

pytestmark = pytest.mark.usefixtures("warm_parsing")

SARIF = json.loads(Path(__file__).with_name("sarif-schema-2.1.0.json").read_text())

ETL = """\
from airflow.sdk import DAG, task

with DAG("etl", schedule=None, params={"xcom_acl": {
    "extract": {
        "rows": ["load", "audit"],
        "token": "anyone",
        "once": {"consumers": ["load", "audit"], "once": True},
    },
}}):
    @task
    def extract(): ...
    @task
    def load(): ...
    @task
    def audit(): ...
    extract() >> load()
    audit()
"""
#: Its findings: code, line and level.
OF_ETL = [("EX106", 5, "warning"), ("EX111", 6, "warning"), ("EX106", 7, "warning"), ("EX112", 7, "note")]

WRONG = """\
from airflow.sdk import DAG, task

with DAG("wrong", schedule=None, params={"xcom_acl": {
    "extract": {"token": ["laod"]},
}}):
    @task
    def extract(): ...
    @task
    def load(): ...
    extract() >> load()

with DAG("malformed", schedule=None, params={"xcom_acl": {
    "extract": {
        "rows": ["extract"],
        "token": "load",
    },
}}):
    extract()
"""
CLEAN = """\
from airflow.sdk import DAG, task

with DAG("clean", schedule=None):
    @task
    def extract(): ...
    extract()
"""
NOTE = Finding("EX112", "note", "", "", "etl", "", "etl.py")
BROKEN = "from airflow.sdk import DAG\nraise NameError('no such thing')\n"


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for DAG files, in the current folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "dags"
    folder.mkdir()
    return folder


def linted(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(["lint", "--default-consumers", "same_dag", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, int, str]]:
    _, out, _ = linted(capsys, "--format", "json", *arguments)
    return [(each["code"], each["line"], each["level"]) for each in json.loads(out)["findings"]]


def test_a_clean_folder_ends_with_0(dags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dags / "clean.py").write_text(CLEAN)

    assert linted(capsys, "dags") == (0, "No findings.\n", "")


def test_dags_that_airflow_refuses_are_findings_with_their_places(
    dags: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dags / "wrong.py").write_text(WRONG)

    status, out, err = linted(capsys, "dags")

    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "dags/wrong.py:4: error EX101: DAG 'wrong': xcom_acl['extract']['token']: "
        "the consumer 'laod' is not a task of this DAG.",
        "    Did you mean 'load'? For a task of another DAG, write 'dag_id/laod'.",
        "dags/wrong.py:15: error EX103: DAG 'malformed': xcom_acl['extract']['token']: 'load' is not a policy word.",
        "    Write a task in a list: ['load']. The policy words are 'same_dag', 'linked', 'downstream', 'nobody', "
        "'anyone'.",
        "2 findings: 2 errors.",
    ]


def test_findings_have_lines_below_the_current_folder(dags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inner = dags / "team"
    inner.mkdir()
    (inner / "etl.py").write_text(ETL)

    _, out, _ = linted(capsys, "--format", "json", str(dags))
    findings = json.loads(out)["findings"]

    assert [(each["code"], each["line"], each["level"]) for each in findings] == OF_ETL
    assert {each["file"] for each in findings} == {"dags/team/etl.py"}


@pytest.mark.parametrize(
    ("level", "fail_level", "status"),
    [
        ("error", "error", 1),
        ("warning", "error", 0),
        ("warning", "warning", 1),
        ("note", "warning", 0),
        ("note", "note", 1),
        ("error", "never", 0),
    ],
)
def test_the_status_follows_the_gravest_finding(level: Level, fail_level: str, status: int) -> None:
    of_level = replace(NOTE, level=level)
    not_loaded = replace(NOTE, code="EX190", level="error")

    assert exit_status([of_level], fail_level) == status
    assert exit_status([of_level, not_loaded], fail_level) == 2
    assert exit_status([], fail_level) == 0


def test_the_options_choose_what_counts(dags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dags / "etl.py").write_text(ETL)

    assert linted(capsys, "dags", "--ignore", "EX106", "--ignore", "ex111")[0] == 0
    assert linted(capsys, "dags", "--select", "EX112", "--fail-level", "note")[0] == 1


@pytest.mark.parametrize(
    ("select", "ignore", "codes"),
    [
        ([], [], ["EX106", "EX111", "EX112"]),
        (["EX112"], [], ["EX112"]),
        (["EX11"], [], ["EX111", "EX112"]),
        (["EX11", "EX106"], ["EX112"], ["EX106", "EX111"]),
        (["EX1"], ["EX1"], []),
    ],
)
def test_codes_are_selected_by_how_they_begin(select: list[str], ignore: list[str], codes: list[str]) -> None:
    findings = [replace(NOTE, code=code) for code in ("EX106", "EX111", "EX112")]

    assert [each.code for each in selected(findings, select, ignore)] == codes


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_a_code_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str], option: str) -> None:
    status, out, err = linted(capsys, "dags", option, "EX1,EX9")

    assert (status, out) == (2, "")
    assert err.splitlines()[0] == "No check has a code that begins with 'EX9'."


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# exclusive-xcom: ignore EX111", []),
        ("#exclusive-xcom:ignore EX106, EX111", []),
        ("# because of it  # exclusive-xcom: ignore EX106 EX111 - as agreed", []),
        ("# exclusive-xcom: ignore EX106", ["EX111"]),
        ("# exclusive-xcom: ignore", ["EX111"]),
        ("# exclusive-xcom: ignore EX11", ["EX111"]),
        ("# exclusive-xcom: ignore EX1111", ["EX111"]),
    ],
)
def test_a_comment_on_the_line_ignores_the_codes_that_it_names(comment: str, codes: list[str]) -> None:
    finding = replace(NOTE, code="EX111", line=2)
    texts = {"etl.py": f"first = 1\nrule = 1  {comment}\n"}

    assert [each.code for each in without_suppressed([finding], texts)] == codes
    for other in (replace(finding, line=1), replace(finding, line=9), replace(finding, line=None)):
        assert without_suppressed([other], texts) == [other]


def test_comments_are_read_from_the_dag_file(dags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dags / "etl.py").write_text(ETL.replace('"anyone",', '"anyone",  # exclusive-xcom: ignore EX111'))

    assert found(capsys, "dags") == [each for each in OF_ETL if each[0] != "EX111"]


def test_a_baseline_leaves_out_what_is_known_when_lines_move(dags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dags / "etl.py").write_text(ETL)

    status, out, err = linted(capsys, "dags", "--write-baseline", "known.json")
    assert (status, out, err) == (0, "", "4 findings are now known in known.json.\n")
    assert linted(capsys, "dags", "--baseline", "known.json") == (0, "No findings.\n", "")

    (dags / "etl.py").write_text("# A line.\n" + ETL.replace('"token": "anyone"', '"token": ["*/*"]'))
    status, out, err = linted(capsys, "dags", "--baseline", "known.json", "--format", "json")

    assert status == 1
    assert [(each["code"], each["line"]) for each in json.loads(out)["findings"]] == [("EX111", 7)]
    assert err == "1 findings of the baseline occur no more. Write it again with --write-baseline.\n"


def test_a_baseline_is_the_same_each_time_and_easy_to_review(tmp_path: Path) -> None:
    findings = [replace(NOTE, subject=subject) for subject in "bca"]
    for name, given in (("a", findings), ("b", findings[::-1])):
        baseline.write(tmp_path / name, given)
    text = (tmp_path / "a").read_text()
    read = json.loads(text)

    assert (tmp_path / "b").read_text() == text
    assert text.endswith("}\n")
    assert read["schema"] == 1
    assert [each["subject"] for each in read["findings"]] == ["a", "b", "c"]
    assert read["findings"][0].keys() == {"code", "dag_id", "subject", "fingerprint"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": 2, "findings": []}', '{"schema": 1, "findings": [{"fingerprint": 1}]}', "\udcff"],
)
def test_what_is_no_baseline_is_refused(dags: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    Path("known.json").write_bytes(text.encode("utf-8", "surrogateescape"))

    assert linted(capsys, "dags", "--baseline", "known.json") == (
        2,
        "",
        "The file is no baseline of schema 1.\nIt is known.json. Make it with --write-baseline.\n",
    )


@pytest.mark.parametrize("option", ["--baseline", "--write-baseline", "--output-file"])
def test_a_file_that_cannot_be_used_is_said(dags: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    (dags / "clean.py").write_text(CLEAN)

    status, out, err = linted(capsys, "dags", option, "nowhere/file")

    assert (status, out) == (2, "")
    assert err.splitlines()[0].endswith("(No such file or directory).")


def test_a_file_that_cannot_be_loaded_is_a_finding_and_undecided(
    dags: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dags / "broken.py").write_text(BROKEN)
    (dags / "etl.py").write_text(ETL)

    status, out, _ = linted(capsys, "dags", "--fail-level", "never")

    assert status == 2
    assert out.splitlines()[:2] == [
        "dags/broken.py:2: error EX190: the file cannot be loaded: NameError: no such thing.",
        "    Do what the message says, or exclude the file in .airflowignore.",
    ]
    assert out.splitlines()[-1] == "5 findings: 1 error, 3 warnings, 1 note."
    linted(capsys, "dags", "--select", "EX190", "--write-baseline", "known.json")
    (entry,) = json.loads(Path("known.json").read_text())["findings"]
    assert (entry["file"], entry["subject"]) == ("dags/broken.py", "the file")  # as on every machine


SECRETS = """\
from airflow.sdk import DAG, BaseOperator, TaskGroup, task

with DAG(
    dag_id="secrets",
    schedule=None,
):
    @task
    def extract(ti):
        ti.xcom_push(key="api_token", value=1)

    class Login(BaseOperator):
        def execute(self, context):
            return {"password": 1}

    with TaskGroup("group"):
        login = Login(
            task_id="login",
            multiple_outputs=True,
        )

    @task
    def load(password, ti):
        ti.xcom_pull(task_ids="exrtact")

    extract()
    load(login.output["password"])
"""


def test_each_finding_has_the_line_that_the_file_shows(dags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dags / "secrets.py").write_text(SECRETS)
    (dags / "syntax.py").write_text("from airflow.sdk import DAG\n\nx = = 1\n")
    (dags / "imports.py").write_text("import os\n\nimport no_such_module  # a DAG\nfrom airflow.sdk import DAG\n")
    (dags / "invalid.py").write_text(
        "from airflow.sdk import DAG, task\nfrom exclusive_redis_xcom import exclusive\n"
        "with DAG('invalid'):\n    @task\n    def one(): return 1\n    exclusive(one(), to='load')\n"
    )

    _, out, _ = linted(capsys, "dags", "--default-consumers", "anyone", "--format", "json")

    assert [(each["file"], each["code"], each["line"]) for each in json.loads(out)["findings"]] == [
        ("dags/imports.py", "EX190", 3),
        ("dags/invalid.py", "EX101", 6),
        ("dags/secrets.py", "EX111", 3),
        ("dags/secrets.py", "EX114", 9),
        ("dags/secrets.py", "EX114", 16),
        ("dags/secrets.py", "EX123", 23),
        ("dags/syntax.py", "EX190", 3),
    ]


def test_a_rule_that_does_not_exist_has_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    for name, guess in {
        "EX11": "'EX111', 'EX112', 'EX113' or 'EX114'",
        "ex110": "'EX111', 'EX112', 'EX113' or 'EX114'",
        "EX191": "'EX190'",
        "unknown-tsak": "'unknown-task'",
        "secret": "'secret-without-rule'",
    }.items():
        assert cli.main(["rule", name]) == 2
        assert capsys.readouterr().err.splitlines()[0] == f"There is no check '{name}'. Did you mean {guess}?"


@pytest.mark.parametrize("arguments", [("-o", "report.json"), ("--output", "report.json"), ("--output-file", "json")])
def test_a_form_is_no_file_and_a_file_no_form(
    dags: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str]
) -> None:
    for command in ("lint", "access", "snapshot", "diff"):
        with pytest.raises(SystemExit) as ended:
            cli.main([command, *arguments])
        last = capsys.readouterr().err.splitlines()[-1]

        assert ended.value.code == 2
        if arguments[0] == "--output-file":
            assert last.endswith(": 'json' is a form, so write -o json. For a file of this name, write ./json")
        else:
            assert "'report.json' is none of the forms " in last
            assert last.endswith(". For a file, write --output-file report.json")
    assert [*dags.parent.iterdir()] == [dags]


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (["nowhere"], "There is no file or folder 'nowhere'."),
        (["dags", "--timeout", "0.01"], "The DAG files of 'dags' take longer than 0.01 s."),
    ],
)
def test_what_cannot_be_decided_is_said_in_one_clear_line(
    dags: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], first: str
) -> None:
    status, out, err = linted(capsys, *arguments)

    assert (status, out) == (2, "")
    assert err.splitlines()[0] == first


def test_two_dags_with_one_id_cannot_be_decided(dags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dags / "a.py").write_text(CLEAN)
    (dags / "b.py").write_text(CLEAN)

    status, out, err = linted(capsys, "dags/a.py", "dags/b.py")

    assert (status, out) == (2, "")
    assert err.splitlines()[0] == "Two DAGs have the id 'clean'."


def test_several_paths_are_checked_together_and_a_file_counts_once(
    dags: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dags / "etl.py").write_text(ETL.replace('"audit"]', '"clean/extract"]', 1))
    (dags / "clean.py").write_text(CLEAN)

    assert found(capsys, "dags/etl.py", "dags/clean.py", "dags/etl.py", str(dags / "etl.py")) == OF_ETL[1:]
    assert found(capsys, "dags/etl.py", "--select", "EX113") == [("EX113", 5, "note")]


def test_a_report_is_written_to_a_file(dags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dags / "etl.py").write_text(ETL)

    assert linted(capsys, "dags", "--format", "sarif", "--output-file", "report") == (1, "", "")
    log = json.loads(Path("report").read_text())

    jsonschema.validate(log, SARIF)
    assert [each["ruleId"] for each in log["runs"][0]["results"]] == [code for code, _, _ in OF_ETL]
    assert [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]] == list(CHECKS)


def test_a_call_in_a_module_elsewhere_is_placed_in_the_dag_s_file(
    dags: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "shared_rules.py").write_text(
        "from exclusive_redis_xcom import exclusive\ndef hide(xcom):\n    exclusive(xcom, to=['*/*'])\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{library}:{Path(cli.__file__).parents[2]}")
    (dags / "etl.py").write_text(
        "from shared_rules import hide\n" + CLEAN.replace("    extract()\n", "    hide(extract())\n")
    )

    _, out, _ = linted(capsys, "dags", "--format", "json")
    (finding,) = json.loads(out)["findings"]

    assert (finding["code"], finding["file"], finding["line"]) == ("EX111", "dags/etl.py", None)


def test_rule_lists_all_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rule"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "EX101  error    unknown-task"
    assert [line.split()[0] for line in lines] == list(CHECKS)


@pytest.mark.parametrize("code", CHECKS)
def test_rule_explains_each_check_in_lines_that_fit_a_terminal(capsys: pytest.CaptureFixture[str], code: str) -> None:
    check = CHECKS[code]
    assert cli.main(["rule", code.lower()]) == 0
    out = capsys.readouterr().out

    words = " ".join(out.split())
    assert out.splitlines()[0] == f"{code} {check.name} ({check.level})"
    assert all(" ".join(text.split()) in words for text in (check.what, check.why, check.fix, check.example))
    assert max(map(len, out.splitlines())) < 100

    assert cli.main(["rule", check.name]) == 0
    assert capsys.readouterr().out == out
    assert cli.main(["lint", "--explain", code]) == 0
    assert capsys.readouterr().out == out


def test_rule_has_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rule", "EX101", "--format", "json"]) == 0
    read = json.loads(capsys.readouterr().out)

    assert read["schema"] == 1
    assert read["rules"][0]["name"] == "unknown-task"


@pytest.mark.parametrize("arguments", [["rule", "EX110"], ["lint", "--explain", "EX110"]])
def test_a_check_that_does_not_exist_is_said(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.splitlines()[0] == (
        "There is no check 'EX110'. Did you mean 'EX111', 'EX112', 'EX113' or 'EX114'?"
    )


@pytest.mark.parametrize("command", ["lint", "rule"])
def test_help_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])

    assert ended.value.code == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 80
