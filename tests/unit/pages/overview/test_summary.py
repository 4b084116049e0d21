"""What the overview keeps of a DAG."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.access import TaskFacts
from exclusive_redis_xcom.pages.overview.summary import Summary, summary
from tests.unit.access.made import facts

PUSHES = TaskFacts("a", keys=frozenset({"token", "rows"}), computes_keys=False, returns=True)
SILENT = TaskFacts("b", computes_keys=False, returns=False)


def test_keys_without_a_rule_are_counted() -> None:
    found = summary(facts("dag", [PUSHES, SILENT], {"a": {"token": ["b"]}}))

    assert found == Summary(xcoms=3, without_rule=2, examples=("a: return_value", "a: rows"))


def test_the_dags_own_policy_is_no_rule_for_a_key() -> None:
    assert summary(facts("dag", [PUSHES, SILENT], {"*": "same_dag"})).without_rule == 3


@pytest.mark.parametrize(
    ("consumers", "rank", "shown"),
    [
        ("anyone", 0, "anyone"),
        (["*/*"], 0, "*/*"),
        (["*/load"], 1, "*/load"),
        (["team_*/load"], 2, "team_*/load"),
    ],
)
def test_a_consumer_of_many_dags_is_a_wide_grant(consumers: object, rank: int, shown: str) -> None:
    found = summary(facts("dag", [PUSHES, SILENT], {"a": {"token": consumers}}))

    (grant,) = found.wide
    assert (grant.rank, grant.consumer, grant.of) == (rank, shown, "a: token")
    assert grant.source.startswith("xcom_acl['a']['token']")


@pytest.mark.parametrize("consumers", ["same_dag", "linked", "nobody", ["b"], ["*"], ["bi/load"], ["bi/*"]])
def test_one_dag_is_not_wide(consumers: object) -> None:
    assert summary(facts("dag", [PUSHES, SILENT], {"a": {"token": consumers}})).wide == ()


def test_of_many_wide_grants_the_widest_are_kept() -> None:
    names = [f"team_{n}_*/load" for n in range(6)]
    found = summary(facts("dag", [PUSHES, SILENT], {"a": {"token": names, "rows": "anyone"}}))

    assert [grant.rank for grant in found.wide] == [0, 2, 2, 2, 2]
    assert found.more_wide == 2


def test_hostile_names_are_cut_and_printable() -> None:
    hostile = TaskFacts("a", keys=frozenset({"\u202e<script>" + "k" * 500}), computes_keys=False, returns=False)

    (example,) = summary(facts("dag", [hostile])).examples

    assert example.isprintable()
    assert example.startswith("a: \\u202e<script>")
    assert len(example) == 80
