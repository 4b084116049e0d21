"""The commands that answer one question, as people run them: on DAG files, without a database and without Redis."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from exclusive_redis_xcom import cli
from exclusive_redis_xcom.access import Access, TaskName, XComName
from exclusive_redis_xcom.cli.access import can_pull, explain, what_can, who_can

pytestmark = pytest.mark.usefixtures("warm_parsing")

DAGS = Path(__file__).parent / "dags"
TOKEN = "xcom_acl['log_in']['token'] at sales.py:16"
ROWS = "xcom_acl['extract']['rows'] at sales.py:17"
SAME_RUN = "only in the run that pushed it"
TO_ALLOW = f"To allow it, add audit to the consumers of {TOKEN}: ['load', 'audit']."


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], list[str]]:
    """The exit status, and the lines of both outputs, of the whole command."""
    return _ended(capsys, cli.main([*arguments, "--dags", str(DAGS), "--default-consumers", "same_dag"]))


def _ended(capsys: pytest.CaptureFixture[str], status: int) -> tuple[int, list[str], list[str]]:
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


@pytest.mark.parametrize(
    ("consumer", "xcom", "status", "word", "why"),
    [
        ("sales/load", "sales/log_in:token", 0, "yes", [f"Rule: {TOKEN} allows 'load'."]),
        ("sales/audit", "sales/log_in:token", 1, "no", [f"Rule: {TOKEN} allows only 'load'.", TO_ALLOW]),
        ("sales/log_in", "sales/log_in:token", 0, "yes", ["A task may read its own XComs."]),
        ("sales/load", "sales/extract:rows", 0, "yes", [f"Rule: {ROWS} allows 'load'; {SAME_RUN}."]),
        (
            "reports/daily",
            "sales/extract:rows",
            2,
            "maybe",
            [
                f"Rule: {ROWS} allows 'reports/*', and a task of another DAG is rarely in a run of the same id; "
                f"{SAME_RUN}."
            ],
        ),
        (
            "stock/check",
            "stock/count:tokn",
            0,
            "yes",
            [
                "Rule: default_consumers (same_dag) allows '*'.",
                "Note: nothing here tells that count pushes 'tokn'. Its known keys are 'return_value'.",
            ],
        ),
    ],
)
def test_can_pull_answers_on_stdout_and_says_why_on_stderr(
    capsys: pytest.CaptureFixture[str],
    access: Access,
    consumer: str,
    xcom: str,
    status: int,
    word: str,
    why: list[str],
) -> None:
    ended = can_pull.ask(access, TaskName.parse(consumer), XComName.parse(xcom), form="table")

    assert _ended(capsys, ended) == (status, [word], why)


def test_can_pull_quiet_answers_by_its_status_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "can-pull", "sales/audit", "sales/log_in:token", "--quiet") == (1, [], [])


def test_format_names_the_form_as_in_the_other_commands(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("who-can", "sales/log_in:token")

    assert run(capsys, *asked, "--format", "plain") == run(capsys, *asked, "-o", "plain")


def test_can_pull_as_json_holds_the_rule_and_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "can-pull", "sales/audit", "sales/log_in:token", "-o", "json")

    assert (status, err) == (1, [])
    assert json.loads("\n".join(out)) == {
        "schema": 1,
        "consumer": {"dag_id": "sales", "task_id": "audit"},
        "xcom": {"dag_id": "sales", "task_id": "log_in", "key": "token"},
        "verdict": "no",
        "reason": f"{TOKEN} allows only 'load'",
        "conditions": [],
        "rule": {
            "source": TOKEN,
            "place": "sales.py:16",
            "consumers": ["load"],
            "ttl_seconds": None,
            "same_run": False,
            "once": False,
        },
        "remedy": TO_ALLOW,
    }


def test_who_can_lists_tasks_first_and_then_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "who-can", "sales/extract:rows")

    assert (status, err) == (0, [])
    assert out == [
        "WHO            MAY    WHY",
        "sales/extract  yes    a task may read its own XComs",
        f"sales/load     yes    {ROWS} allows 'load'; {SAME_RUN}",
        f"reports/*      maybe  {ROWS} names a DAG that is not here; {SAME_RUN}",
    ]


@pytest.mark.parametrize(
    ("xcom", "status", "lines"),
    [
        ("sales/log_in:return_value", 1, ["sales/log_in\tyes\ta task may read its own XComs"]),
        (
            "sales/log_in:region",
            2,
            [
                "sales/log_in\tyes\ta task may read its own XComs",
                "reports/daily\tmaybe\txcom_acl['log_in']['region'] at sales.py:16 names a DAG that is not here",
            ],
        ),
        (
            "stock/count:return_value",
            0,
            [
                "stock/count\tyes\ta task may read its own XComs",
                "stock/check\tyes\tdefault_consumers (same_dag) allows '*'",
            ],
        ),
    ],
)
def test_who_can_plain_has_one_line_for_each_reader(
    capsys: pytest.CaptureFixture[str], access: Access, xcom: str, status: int, lines: list[str]
) -> None:
    assert _ended(capsys, who_can.ask(access, XComName.parse(xcom), form="plain")) == (status, lines, [])


def test_what_can_lists_other_dags_too(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "what-can", "sales/load", "-o", "plain")

    assert status == 0
    assert sorted(out) == sorted(
        [
            f"sales/log_in:token\tyes\t{TOKEN} allows 'load'",
            f"sales/extract:rows\tyes\t{ROWS} allows 'load'; {SAME_RUN}",
            "sales/load:return_value\tyes\ta task may read its own XComs",
            "stock/check:summary\tyes\txcom_acl['check']['summary'] at stock.py:3 allows 'sales/load'",
        ]
    )


@pytest.mark.parametrize(
    ("consumer", "status", "verdicts"),
    [
        ("sales/audit", 0, {"sales/load:return_value": "yes"}),
        ("reports/weekly", 2, {"sales/extract:rows": "maybe"}),
        ("nowhere/task", 1, {}),
    ],
)
def test_what_can_of_tasks_that_may_much_or_little_or_nothing(
    capsys: pytest.CaptureFixture[str], access: Access, consumer: str, status: int, verdicts: dict[str, str]
) -> None:
    ended, out, _ = _ended(capsys, what_can.ask(access, TaskName.parse(consumer), form="yaml"))

    read = yaml.safe_load("\n".join(out))
    assert (ended, read["schema"], read["consumer"]) == (status, 1, TaskName.parse(consumer)._asdict())
    found = {str(XComName(**answer["xcom"])): answer["verdict"] for answer in read["xcoms"]}
    assert {xcom: verdict for xcom, verdict in verdicts.items() if found.get(xcom) != verdict} == {}
    assert verdicts or found == {}


def test_explain_shows_all_rules_in_order_and_marks_the_winner(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "explain", "sales/log_in:token") == (
        0,
        [
            "         RULE                         CONSUMERS  FURTHER  PLACE",
            "decides  xcom_acl['log_in']['token']  load                sales.py:16",
            "         xcom_acl['*']                linked              sales.py:18",
            "         default_consumers            same_dag",
            "",
            "Only load may pull 'token' of log_in.",
        ],
        [],
    )


@pytest.mark.parametrize(
    ("xcom", "consumer", "status", "text"),
    [
        (
            "sales/log_in:token",
            "sales/audit",
            1,
            [
                "audit may not pull 'token' of log_in: only load may.",
                f"Rule: {TOKEN} allows only 'load'.",
                f"{TO_ALLOW} Then clear log_in: the rule is stored with the value.",
            ],
        ),
        (
            "sales/extract:rows",
            "sales/load",
            0,
            [f"load may pull 'rows' of extract: {ROWS} allows 'load'.", "Only in the run that pushed it."],
        ),
        (
            "stock/count:skipmixin_key",
            "sales/load",
            0,
            ["sales/load may pull 'skipmixin_key' of count: Airflow writes and reads this key, past every backend."],
        ),
    ],
)
def test_explain_with_a_consumer_ends_in_the_error_or_in_the_reason(
    capsys: pytest.CaptureFixture[str], access: Access, xcom: str, consumer: str, status: int, text: list[str]
) -> None:
    ended, out, _ = _ended(capsys, explain.ask(access, XComName.parse(xcom), TaskName.parse(consumer), form="table"))

    assert (ended, out[out.index("") + 1 :]) == (status, text)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("who-can", "sales/xtract:rows"), ["DAG 'sales' has no task 'xtract'.", "Did you mean 'extract'?"]),
        (("who-can", "rows"), ["'rows' names no XCom.", "Write DAG/TASK:KEY, as in 'sales/extract:token'."]),
        (("what-can", "sales"), ["'sales' names no task.", "Write DAG/TASK, as in 'sales/load'."]),
        (("explain", "sale/extract:rows"), ["There is no DAG 'sale' here.", "Did you mean 'sales'?"]),
        (("can-pull", "sales/lod", "sales/extract:rows"), ["DAG 'sales' has no task 'lod'.", "Did you mean 'load'?"]),
    ],
)
def test_a_wrong_name_ends_with_2_and_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], lines: list[str]
) -> None:
    assert run(capsys, *arguments) == (2, [], lines)
