"""The decision function, as one table. Each row: who may read `key` of `extract` in DAG `etl`, run `r1`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from exclusive_redis_xcom.acl import decide, parse
from exclusive_redis_xcom.model import Coordinate, Principal

TASKS = ["extract", "extract_2", "transform", "load", "report", "group.a", "group.b"]


@dataclass
class Case:
    sentence: str
    acl: dict[str, Any]
    reader: str  # dag_id/task_id, or task_id of DAG etl
    allowed: bool
    key: str = "token"
    default: str = "same_dag"
    reader_run: str | None = "r1"


CASES = [
    # Who asks
    Case("a named consumer may read", {"extract": {"token": ["load"]}}, "load", True),
    Case("a task that is not named may not read", {"extract": {"token": ["load"]}}, "report", False),
    Case("the producer may read its own XCom whatever the rule", {"extract": {"token": "nobody"}}, "extract", True),
    Case(
        "the producer may read its own XCom of another run",
        {"extract": {"token": {"consumers": [], "same_run": True}}},
        "extract",
        True,
        reader_run="r0",
    ),
    Case("a task called like the producer in another DAG is not it", {"*": "same_dag"}, "other/extract", False),
    Case("a task called like a consumer in another DAG is not it", {"*": ["load"]}, "other/load", False),
    Case("ids are case-sensitive", {"extract": {"token": ["Load"]}}, "load", False),
    Case("ids match as a whole and not as a prefix", {"extract": {"token": ["load"]}}, "loader", False),
    Case("ids match as a whole and not as a suffix", {"extract": {"token": ["load"]}}, "reload", False),
    Case("unicode is not normalised", {"extract": {"token": ["lo\u0301ad"]}}, "l\u00f3ad", False),
    Case("an empty list means nobody", {"extract": {"token": []}}, "load", False),
    # Consumers of other DAGs, and patterns
    Case("a consumer of another DAG may read", {"extract": {"token": ["bi/report"]}}, "bi/report", True),
    Case("a consumer of another DAG is not the task of that name here", {"*": ["bi/report"]}, "report", False),
    Case("a consumer written with its own DAG's id is local", {"*": ["etl/report"]}, "report", True),
    Case("a star stands for any run of characters", {"*": ["group.*"]}, "group.a", True),
    Case("a star stands for an empty run too", {"*": ["load*"]}, "load", True),
    Case("a star alone is any task of this DAG", {"*": ["*"]}, "report", True),
    Case("a star alone is no task of another DAG", {"*": ["*"]}, "bi/report", False),
    Case("a star after a DAG id is any task of that DAG", {"*": ["bi/*"]}, "bi/report", True),
    Case("a star after a DAG id is no task of another DAG", {"*": ["bi/*"]}, "ops/report", False),
    Case("a DAG id may hold a star", {"*": ["bi_*/report"]}, "bi_eu/report", True),
    Case("a star does not cross the slash", {"*": ["b*report"]}, "bi/report", False),
    Case("stars on both sides are any task of any DAG", {"*": ["*/*"]}, "bi/report", True),
    Case("stars on both sides are this DAG's tasks too", {"*": ["*/*"]}, "load", True),
    Case("a dot is a dot", {"*": ["group.a"]}, "groupXa", False),
    Case("brackets are brackets", {"*": ["[l]oad"]}, "load", False),
    # Policy words
    Case("same_dag allows a task of this DAG", {"*": "same_dag"}, "report", True),
    Case("same_dag allows no task of another DAG", {"*": "same_dag"}, "bi/report", False),
    Case("anyone allows a task of another DAG", {"*": "anyone"}, "bi/report", True),
    Case("nobody allows no task of this DAG", {"*": "nobody"}, "load", False),
    Case("linked that was not resolved allows nobody", {"*": "linked"}, "load", False),
    Case("downstream that was not resolved allows nobody", {"*": "downstream"}, "load", False),
    # Defaults
    Case("without a rule the default decides", {}, "load", True),
    Case("without a rule the default may refuse", {}, "load", False, default="nobody"),
    Case("a rule for another key does not count", {"extract": {"other": ["report"]}}, "load", True),
    Case("a rule for another producer does not count", {"transform": {"token": "nobody"}}, "load", True),
    Case("the DAG's star wins over the default", {"*": "nobody"}, "load", False, default="anyone"),
    # Most specific first: the first that matches decides alone
    Case(
        "exact key wins over key pattern of the same producer",
        {"extract": {"tok*": ["report"], "token": ["load"]}},
        "report",
        False,
    ),
    Case(
        "exact producer with key pattern wins over producer pattern with exact key",
        {"extract": {"tok*": ["load"]}, "extract*": {"token": ["report"]}},
        "report",
        False,
    ),
    Case(
        "exact producer with any key wins over producer pattern with exact key",
        {"extract": {"*": ["load"]}, "*": {"token": ["report"]}},
        "load",
        True,
    ),
    Case(
        "producer pattern with exact key wins over a longer producer pattern with key pattern",
        {"e*": {"token": ["load"]}, "extrac*": {"toke*": ["report"]}},
        "load",
        True,
    ),
    Case(
        "producer pattern with key pattern wins over the flat rule of exactly that key",
        {"e*": {"t*": ["load"]}, "token": ["report"]},
        "report",
        False,
    ),
    Case("a flat exact key wins over a flat pattern", {"tok*": ["report"], "token": ["load"]}, "report", False),
    Case("a flat pattern wins over the DAG's star", {"tok*": ["load"], "*": ["report"]}, "report", False),
    Case("a flat key wins over the DAG's star", {"token": ["load"], "*": "anyone"}, "report", False),
    Case(
        "of two key patterns the one with more literal characters wins",
        {"extract": {"t*": ["report"], "tok*": ["load"]}},
        "load",
        True,
    ),
    Case(
        "more literal characters win even with more stars",
        {"extract": {"t*n": ["report"], "t*k*n": ["load"]}},
        "load",
        True,
    ),
    Case(
        "of two producer patterns the one with more literal characters wins",
        {"e*": {"*oken": ["report"]}, "ex*": {"*": ["load"]}},
        "load",
        True,
    ),
    Case(
        "patterns alike in all else are ordered by their text",
        {"*oken": ["report"], "toke*": ["load"]},
        "report",
        True,
    ),
    Case(
        "the order of entries in the dict does not matter",
        {"toke*": ["load"], "*oken": ["report"]},
        "report",
        True,
    ),
    # same_run
    Case(
        "same_run allows the run that pushed",
        {"extract": {"token": {"consumers": ["load"], "same_run": True}}},
        "load",
        True,
    ),
    Case(
        "same_run refuses another run",
        {"extract": {"token": {"consumers": ["load"], "same_run": True}}},
        "load",
        False,
        reader_run="r0",
    ),
    Case(
        "same_run refuses a reader whose run is not known",
        {"extract": {"token": {"consumers": ["load"], "same_run": True}}},
        "load",
        False,
        reader_run=None,
    ),
    Case("without same_run another run may read", {"*": ["load"]}, "load", True, reader_run="r0"),
    Case("same_run holds with a policy word", {"*": {"consumers": "same_dag", "same_run": True}}, "load", True),
    Case(
        "same_run false allows another run",
        {"*": {"consumers": ["load"], "same_run": False}},
        "load",
        True,
        reader_run="r0",
    ),
    # Keys
    Case("a key pattern covers a key", {"run_*_data": ["load"]}, "report", False, key="run_7_data"),
    Case("a key pattern leaves other keys alone", {"run_*_data": ["load"]}, "report", True, key="run_7_date"),
    Case("a key may hold a slash", {"a/b": ["load"]}, "report", False, key="a/b"),
    Case("a task id with a dot is one id", {"group.a": {"*": "nobody"}}, "load", True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_decide(case: Case) -> None:
    acl = parse(case.acl, dag_id="etl", task_ids=TASKS, default_consumers=case.default)
    dag_id, task_id = case.reader.split("/") if "/" in case.reader else ("etl", case.reader)

    decision = decide(
        acl, Coordinate("etl", "r1", "extract", case.key), Principal(dag_id, task_id, case.reader_run, -1)
    )

    assert decision.allowed is case.allowed, decision.reason


def test_every_sentence_is_said_once() -> None:
    assert len({case.sentence for case in CASES}) == len(CASES)


def test_a_reader_without_identity_is_refused() -> None:
    acl = parse({"*": "anyone"}, dag_id="etl", task_ids=TASKS, default_consumers="anyone")

    assert decide(acl, Coordinate("etl", "r1", "extract", "token"), None).allowed is False


def test_without_an_acl_even_the_producer_is_refused() -> None:
    assert decide(None, Coordinate("etl", "r1", "extract", "k"), Principal("etl", "extract", "r1", -1)).allowed is False


def test_an_acl_of_another_dag_refuses_even_the_producer() -> None:
    acl = parse({"*": "anyone"}, dag_id="bi", task_ids=TASKS, default_consumers="anyone")

    assert decide(acl, Coordinate("etl", "r1", "extract", "k"), Principal("etl", "extract", "r1", -1)).allowed is False


def test_the_reason_and_the_rule_name_the_entry() -> None:
    acl = parse({"extract": {"token": ["load"]}}, dag_id="etl", task_ids=TASKS, default_consumers="same_dag")

    decision = decide(acl, Coordinate("etl", "r1", "extract", "token"), Principal("etl", "report", "r1", -1))

    assert decision.rule == "xcom_acl['extract']['token']"
    assert decision.reason == "xcom_acl['extract']['token'] allows only 'load'"


def test_the_reason_for_a_default_names_the_setting() -> None:
    acl = parse({}, dag_id="etl", task_ids=TASKS, default_consumers="nobody")

    decision = decide(acl, Coordinate("etl", "r1", "extract", "token"), Principal("etl", "report", "r1", -1))

    assert decision.reason == "default_consumers (nobody) allows only the producer itself"
