"""Findings in every format, with hostile ids, against the format's own rules."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.access.finding import Check, Finding, Level, fingerprints
from exclusive_redis_xcom.cli.access.finding_formats import FORMATS, render

SARIF = json.loads(Path(__file__).with_name("sarif-schema-2.1.0.json").read_text())
_CODES: tuple[tuple[str, str, Level], ...] = (
    ("EX101", "unknown-task", "error"),
    ("EX201", "wide-rule", "warning"),
    ("EX301", "odd", "note"),
)
CHECKS = {
    code: Check(code, name, level, "What is found.", "Why it matters.", "What to do.", "exclusive(token, to=load)")
    for code, name, level in _CODES
}
ERROR = Finding("EX101", "error", "Task 'laod' is unknown.", "Write 'load'.", "etl", "xcom_acl['a']", "dags/e.py", 12)
WARNING = Finding("EX201", "warning", "Everybody may pull.", "Name tasks.", "etl", "xcom_acl['b']", "dags/e.py")
NOTE = Finding("EX301", "note", "The file is odd.", "Look at it.", "", "dags/odd.py", "dags/odd.py", 1)
HOSTILE = "\n::error::x\r\x1b[31m%0A,:\x00\u202e]](http://evil)<b>&\"'\ud800]]>{0}"


def rendered(findings: list[Finding], format_name: str) -> str:
    return render(findings, format_name, tool="exclusive-xcom lint", rules=CHECKS)


def hostile() -> Finding:
    return replace(
        ERROR,
        message=f"Key '{HOSTILE}' is odd.",
        remedy=f"Rename {HOSTILE}.",
        dag_id=f"d{HOSTILE}",
        subject=HOSTILE,
        file=f"dags/{HOSTILE}.py",
    )


def test_text_has_two_lines_for_a_finding_and_counts_them() -> None:
    assert rendered([ERROR, WARNING, NOTE, WARNING], "text").splitlines() == [
        "dags/e.py:12: error EX101: DAG 'etl': Task 'laod' is unknown.",
        "    Write 'load'.",
        "dags/e.py: warning EX201: DAG 'etl': Everybody may pull.",
        "    Name tasks.",
        "dags/odd.py:1: note EX301: The file is odd.",
        "    Look at it.",
        "dags/e.py: warning EX201: DAG 'etl': Everybody may pull.",
        "    Name tasks.",
        "4 findings: 1 error, 2 warnings, 1 note.",
    ]
    assert rendered([ERROR], "text").splitlines()[-1] == "1 finding: 1 error."
    assert rendered([], "text") == "No findings.\n"


def test_json_has_all_there_is() -> None:
    read = json.loads(rendered([WARNING], "json"))

    assert read == {
        "schema": 1,
        "tool": "exclusive-xcom lint",
        "findings": [
            {
                "code": "EX201",
                "level": "warning",
                "message": "Everybody may pull.",
                "remedy": "Name tasks.",
                "dag_id": "etl",
                "subject": "xcom_acl['b']",
                "file": "dags/e.py",
                "line": None,
                "name": "wide-rule",
                "fingerprint": fingerprints([WARNING])[0],
            }
        ],
    }


def test_json_keeps_every_character_but_half_a_pair() -> None:
    text = rendered([hostile()], "json")

    assert text.isascii()
    assert json.loads(text)["findings"][0]["subject"] == HOSTILE.replace("\ud800", "?")


def test_github_commands_are_annotations() -> None:
    assert rendered([ERROR, WARNING, NOTE], "github").splitlines() == [
        "::error file=dags/e.py,line=12,title=EX101 unknown-task::DAG 'etl': Task 'laod' is unknown.%0AWrite 'load'.",
        "::warning file=dags/e.py,title=EX201 wide-rule::DAG 'etl': Everybody may pull.%0AName tasks.",
        "::notice file=dags/odd.py,line=1,title=EX301 odd::The file is odd.%0ALook at it.",
    ]
    assert rendered([], "github") == ""


def as_runner_reads(line: str) -> tuple[str, dict[str, str], str]:
    """What GitHub's runner makes of a workflow command, by its documentation."""
    found = re.fullmatch(r"::([a-z]+) (.*?)::(.*)", line)
    assert found is not None
    command, values, message = found.groups()
    properties = dict(part.split("=", 1) for part in values.split(","))
    unescaped = {"%3A": ":", "%2C": ",", "%0D": "\r", "%0A": "\n", "%25": "%"}

    def read(text: str) -> str:
        return re.sub("|".join(unescaped), lambda match: unescaped[match[0]], text)

    return command, {name: read(value) for name, value in properties.items()}, read(message)


@given(st.text(), st.text().filter(lambda text: "/" not in text))
def test_no_text_breaks_out_of_a_github_command(key: str, file: str) -> None:
    finding = replace(ERROR, message=f"Key '{key}'.", remedy="Rename.", dag_id="", file=f"f{file}")

    lines = rendered([finding], "github").split("\n")
    shown_key, shown_file = (re.sub(r"[^ -~]", "", text) for text in (key, file))

    command, properties, message = as_runner_reads(lines[0])
    assert lines[1:] == [""]
    assert (command, set(properties)) == ("error", {"file", "line", "title"})
    assert re.sub(r"[^ -~]", "", properties["file"].replace("?", "")) == f"f{shown_file}".replace("?", "")
    assert re.sub(r"[^ -~]", "", message.replace("?", "")) == f"Key '{shown_key}'.Rename.".replace("?", "")


def sarif(findings: list[Finding]) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(rendered(findings, "sarif"))
    checker = jsonschema.Draft7Validator.FORMAT_CHECKER
    jsonschema.Draft7Validator(SARIF, format_checker=checker).validate(log)
    return log


def test_sarif_is_valid_and_complete() -> None:
    (run,) = sarif([ERROR, WARNING, NOTE])["runs"]
    driver = run["tool"]["driver"]

    assert [rule["id"] for rule in driver["rules"]] == ["EX101", "EX201", "EX301"]
    assert [rule["name"] for rule in driver["rules"]] == ["UnknownTask", "WideRule", "Odd"]
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("EX101", "error"),
        ("EX201", "warning"),
        ("EX301", "note"),
    ]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert run["results"][0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "dags/e.py", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 12},
            },
            "logicalLocations": [{"fullyQualifiedName": "etl:xcom_acl['a']"}],
        }
    ]
    assert "%SRCROOT%" in run["originalUriBaseIds"]
    assert sarif([])["runs"][0]["results"] == []


def test_the_schema_of_sarif_refuses_what_is_none() -> None:
    log = sarif([ERROR])
    log["runs"][0]["results"][0]["level"] = "grave"

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, SARIF)


def test_hostile_names_are_text_in_sarif() -> None:
    (result,) = sarif([hostile()])["runs"][0]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]

    assert re.fullmatch(r"dags/[A-Za-z0-9%._~/-]+", uri)
    assert "](" not in result["message"]["text"]
    assert result["message"]["text"].isprintable()


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("./dags/e.py", "dags/e.py"),
        ("a:b.py", "a%3Ab.py"),
        ("dags/a b#c?.py", "dags/a%20b%23c%3F.py"),
        ("/opt/dags/e.py", "file:///opt/dags/e.py"),
    ],
)
def test_places_in_sarif_are_uris(file: str, uri: str) -> None:
    (result,) = sarif([replace(ERROR, file=file)])["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]

    assert location == ({"uri": uri} if uri.startswith("file:") else {"uri": uri, "uriBaseId": "%SRCROOT%"})


#: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format: all fields there are required.
GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "pattern": "^EX[0-9]{3}$"},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "additionalProperties": False,
                "properties": {
                    "path": {"type": "string", "pattern": "^[^./]"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "additionalProperties": False,
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def test_gitlab_gets_what_it_requires() -> None:
    issues = json.loads(rendered([ERROR, WARNING, NOTE, hostile(), replace(ERROR, file="./a.py")], "gitlab"))

    jsonschema.validate(issues, GITLAB)
    assert issues[0] == {
        "description": "DAG 'etl': Task 'laod' is unknown. Write 'load'.",
        "check_name": "EX101",
        "fingerprint": fingerprints([ERROR])[0],
        "severity": "major",
        "location": {"path": "dags/e.py", "lines": {"begin": 12}},
    }
    assert [issue["severity"] for issue in issues[1:3]] == ["minor", "info"]
    assert json.loads(rendered([], "gitlab")) == []


#: Elements of JUnit reports: attributes that must be there, that may be there, and elements inside.
JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "tests", "failures", "errors", "time", "disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "time", "skipped", "disabled", "timestamp", "hostname", "id", "package"},
        {"testcase", "properties", "system-out", "system-err"},
    ),
    "testcase": (
        {"name"},
        {"classname", "time", "assertions", "status", "file", "line"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"message", "type"}, set()),
    "system-out": (set(), set(), set()),
}


def junit(findings: list[Finding]) -> ElementTree.Element:
    root = ElementTree.fromstring(rendered(findings, "junit"))  # noqa: S314 - our own text
    for element in root.iter():
        required, further, inside = JUNIT[element.tag]
        assert required <= set(element.attrib) <= required | further
        assert {child.tag for child in element} <= inside
        for counted in ("tests", "failures"):
            if counted in element.attrib:
                tag = {"tests": "testcase", "failures": "failure"}[counted]
                assert int(element.attrib[counted]) == len(list(element.iter(tag)))
    return root


def test_junit_has_a_case_for_each_finding() -> None:
    root = junit([ERROR, WARNING, NOTE])
    cases = list(root.iter("testcase"))

    assert cases[0].attrib == {
        "classname": "etl",
        "name": "EX101 unknown-task: xcom_acl['a']",
        "time": "0",
        "file": "dags/e.py",
        "line": "12",
    }
    assert [(failure.get("type"), failure.get("message"), failure.text) for failure in root.iter("failure")] == [
        ("error", "Task 'laod' is unknown.", "Write 'load'."),
        ("warning", "Everybody may pull.", "Name tasks."),
    ]
    assert [output.text for output in root.iter("system-out")] == ["The file is odd.\nLook at it."]


def test_a_junit_report_without_findings_has_a_case_that_passed() -> None:
    (case,) = junit([]).iter("testcase")

    assert (case.get("name"), list(case)) == ("no findings", [])


def test_hostile_names_are_text_in_junit() -> None:
    (failure,) = junit([hostile()]).iter("failure")

    assert "<b>&\"'?]]>{0}" in str(failure.get("message"))
    assert list(failure) == []


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_takes_every_character_and_ends_its_lines(format_name: str) -> None:
    text = rendered([hostile(), NOTE], format_name)

    assert text.endswith("\n")
    text.encode("utf-8")
    assert all(line.isprintable() for line in text.split("\n"))
    assert not any(line.startswith("::error::x") for line in text.split("\n"))


def test_a_very_long_text_is_cut() -> None:
    finding = replace(ERROR, message="x" * 100_000)

    for format_name in ("text", "github", "sarif", "gitlab", "junit"):
        assert len(rendered([finding], format_name)) < 20_000


def test_a_fingerprint_is_the_same_when_lines_levels_and_words_change() -> None:
    moved = replace(ERROR, line=99, level="note", message="In other words.", remedy="So.", file="other.py")

    assert fingerprints([moved]) == fingerprints([ERROR])


@pytest.mark.parametrize("field", ["code", "dag_id", "subject"])
def test_a_fingerprint_is_another_for_another_finding(field: str) -> None:
    assert fingerprints([replace(ERROR, **{field: "other"})]) != fingerprints([ERROR])  # type: ignore[arg-type]


def test_fingerprints_of_one_run_differ_and_count_the_file_where_there_is_no_dag() -> None:
    other = replace(NOTE, file="dags/other.py")

    assert len({*fingerprints([ERROR, ERROR, WARNING, NOTE, other])}) == 5
    assert fingerprints([ERROR, ERROR])[0] == fingerprints([ERROR])[0]
