"""The form "Can a task pull an XCom?"."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.pages.access.question import Answered, Asked, RuleRow, answered
from tests.unit.access.made import facts
from tests.unit.pages.access.conftest import Database
from tests.unit.pages.access.page import known

SHOP = facts(
    "shop",
    ["extract", "load", "report"],
    {"extract": {"token": ["load"], "orders": ["load", "bi/monthly", "secret_dag/spy"]}},
)


def test_nothing_is_said_before_anything_is_asked() -> None:
    assert answered(known(SHOP), Asked()) is None


def test_yes_names_the_rule_that_decides() -> None:
    found = answered(known(SHOP), Asked("load", "extract", "token"))

    assert found == Answered(
        "yes",
        ("load may pull 'token' of extract: xcom_acl['extract']['token'] allows 'load'.",),
        None,
        (
            RuleRow("xcom_acl['extract']['token']", "load", "", ""),
            RuleRow("default_consumers", "same_dag", "", ""),
        ),
    )


def test_no_is_the_sentence_of_the_error() -> None:
    found = answered(known(SHOP), Asked("report", "extract", "token"))

    assert found is not None
    assert (found.verdict, found.lines) == (
        "no",
        (
            "report may not pull 'token' of extract: only load may.",
            "Rule: xcom_acl['extract']['token'] allows only 'load'.",
            "To allow it, add report to the consumers of xcom_acl['extract']['token']: ['load', 'report']. Then clear "
            "extract: the rule is stored with the value.",
        ),
    )


def test_a_key_that_is_left_out_is_return_value() -> None:
    found = answered(known(SHOP), Asked("report", "extract"))

    assert found is not None
    assert found.lines == ("report may pull 'return_value' of extract: default_consumers (same_dag) allows '*'.",)


def test_a_task_of_another_dag_that_the_user_may_read(database: Database) -> None:
    database.write("shop", {"extract": {"orders": ["bi/monthly"]}})
    database.write("bi", {}, ("monthly",))
    shop = database.known("shop", reads=("bi",))

    found = answered(shop, Asked("bi/monthly", "extract", "orders"))
    wrong = answered(shop, Asked("bi/montly", "extract", "orders"))

    assert found is not None
    assert found.verdict == "yes"
    assert wrong == Answered(None, ("DAG 'bi' has no task 'montly'.", "Did you mean 'monthly'?"))


def test_a_dag_that_the_user_may_not_read_and_one_that_is_not_there_have_the_same_answer(database: Database) -> None:
    for dag_id in ("shop", "secret_dag"):
        database.write(dag_id, {})
    shop = database.known("shop", reads=())

    assert [answered(shop, Asked(f"{dag_id}/load", "extract", "orders")) for dag_id in ("secret_dag", "x", "a\0")] == [
        Answered(None, ("You may not read DAG 'secret_dag', or there is no such DAG.",)),
        Answered(None, ("You may not read DAG 'x', or there is no such DAG.",)),
        Answered(None, (r"You may not read DAG 'a\x00', or there is no such DAG.",)),
    ]


def test_a_refusal_names_no_dag_that_the_user_may_not_read() -> None:
    found = answered(known(SHOP, reads=()), Asked("report", "extract", "orders"))

    assert found is not None
    assert found.verdict == "no"
    hidden = "2 tasks of DAGs that you may not see"
    assert found.lines == (
        f"report may not pull 'orders' of extract: only load and {hidden} may.",
        f"Rule: xcom_acl['extract']['orders'] allows only 'load', '{hidden}'.",
        f"To allow it, add report to the consumers of xcom_acl['extract']['orders']: ['load', '{hidden}', 'report']. "
        "Then clear extract: the rule is stored with the value.",
    )
    assert found.rules[0].consumers == f"load, {hidden}"


def test_a_pattern_of_dags_that_stays_hidden_still_allows_a_task_of_the_dag() -> None:
    shop = facts("shop", ["extract", "load"], {"extract": {"token": ["sh*/load"]}})

    found = answered(known(shop, reads=()), Asked("load", "extract", "token"))

    assert found is not None
    assert (found.verdict, found.lines) == (
        "yes",
        ("load may pull 'token' of extract: xcom_acl['extract']['token'] allows it.",),
    )


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        (Asked("load"), ("Name the task that pulls, and the task that pushes.",)),
        (Asked("", "extract"), ("Name the task that pulls, and the task that pushes.",)),
        (Asked("laod", "extract"), ("DAG 'shop' has no task 'laod'.", "Did you mean 'load'?")),
        (
            Asked("load", "\x1b[31m"),
            (r"DAG 'shop' has no task '\x1b[31m'.", "The tasks are 'extract', 'load', 'report'."),
        ),
    ],
)
def test_what_has_no_answer(asked: Asked, lines: tuple[str, ...]) -> None:
    assert answered(known(SHOP), asked) == Answered(None, lines)


def test_a_key_that_nothing_tells_of_is_noted() -> None:
    found = answered(known(SHOP), Asked("load", "extract", "tokn"))

    assert found is not None
    assert found.note == "Note: nothing here tells that extract pushes 'tokn'. Did you mean 'token'?"
