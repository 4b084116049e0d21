from __future__ import annotations

from typing import Any

import pytest

from exclusive_redis_xcom.acl import parse
from exclusive_redis_xcom.acl.rule import DagGraph
from exclusive_redis_xcom.declaration.validation import check
from exclusive_redis_xcom.errors import InvalidAcl
from tests.unit.acl.graphs import StubGraph

CHAIN = StubGraph(("start", "extract", "load", "group.report"))


class Parallel(StubGraph):
    """Tasks without any edges."""

    def downstream_of(self, task_id: str) -> frozenset[str]:
        return frozenset()

    def upstream_of(self, task_id: str) -> frozenset[str]:
        return frozenset()


def warnings_of(raw: dict[str, Any], graph: DagGraph = CHAIN) -> list[str]:
    return check(parse(raw, dag_id="etl", task_ids=graph.task_ids, default_consumers="same_dag"), graph)


def refusal(raw: dict[str, Any], graph: DagGraph = CHAIN) -> str:
    with pytest.raises(InvalidAcl) as caught:
        warnings_of(raw, graph)
    return str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"extract": {"token": ["load", "group.report"]}}, id="downstream consumers"),
        pytest.param({"token": ["load"]}, id="a flat rule"),
        pytest.param({"*": ["*"]}, id="any task"),
        pytest.param({"extract": {"token": ["group.*"]}}, id="a consumer pattern"),
        pytest.param({"e*": {"token": ["load"]}}, id="a producer pattern"),
        pytest.param({"extract": {"token": ["bi/anything", "*/*"]}}, id="consumers of other DAGs"),
        pytest.param({"extract": {"token": ["extract"]}}, id="the producer itself"),
        pytest.param({"*": "linked"}, id="a policy word"),
        pytest.param({"run_*_data": ["load"]}, id="a key pattern"),
    ],
)
def test_a_sound_acl_passes_without_a_warning(raw: dict[str, Any]) -> None:
    assert warnings_of(raw) == []


def test_an_unknown_consumer_is_refused_with_a_suggestion() -> None:
    assert refusal({"extract": {"token": ["laod"]}}).splitlines() == [
        "DAG 'etl': the consumer 'laod' is not a task of this DAG.",
        "The rule is xcom_acl['extract']['token'] of DAG 'etl'.",
        "Did you mean 'load'? For a task of another DAG, write 'dag_id/laod'.",
    ]


def test_a_task_named_without_its_group_is_suggested_with_it() -> None:
    assert "Did you mean 'group.report'?" in refusal({"extract": {"token": ["report"]}})


def test_without_a_similar_id_the_tasks_are_listed() -> None:
    assert "The DAG's tasks are 'extract', 'group.report', 'load', 'start'." in refusal({"extract": {"t": ["qqq"]}})


def test_a_policy_word_in_a_list_is_refused_with_the_fix() -> None:
    assert refusal({"extract": {"token": ["linked"]}}).splitlines() == [
        "DAG 'etl': 'linked' is a policy word, and a list names tasks.",
        "The rule is xcom_acl['extract']['token'] of DAG 'etl'.",
        "Write it without the list: 'linked'.",
    ]


def test_a_misspelt_policy_word_in_a_list_is_refused_with_the_fix() -> None:
    assert refusal({"extract": {"token": ["Downstreem"]}}).splitlines() == [
        "DAG 'etl': the consumer 'Downstreem' is not a task of this DAG.",
        "The rule is xcom_acl['extract']['token'] of DAG 'etl'.",
        "Did you mean the policy word 'downstream'? Write it without the list. For a task of another DAG, write "
        "'dag_id/Downstreem'.",
    ]


def test_a_task_may_be_called_like_a_policy_word() -> None:
    assert warnings_of({"extract": {"token": ["linked"]}}, StubGraph(("extract", "linked"))) == []


def test_an_unknown_consumer_in_its_own_dags_name_is_refused() -> None:
    assert "'laod' is not a task" in refusal({"extract": {"token": ["etl/laod"]}})


def test_an_unknown_producer_is_refused_with_a_suggestion() -> None:
    text = refusal({"extrct": {"token": ["load"]}})

    assert text.splitlines() == [
        "DAG 'etl': the producer 'extrct' is not a task of this DAG.",
        "The rule is xcom_acl['extrct']['token'] of DAG 'etl'.",
        "Did you mean 'extract'?",
    ]


def test_a_producer_pattern_without_a_task_is_refused() -> None:
    assert "matches no task" in refusal({"zzz*": {"token": ["load"]}})


def test_a_consumer_upstream_of_its_producer_is_refused() -> None:
    assert "can never run after its producer 'extract'" in refusal({"extract": {"token": ["start"]}})


def test_a_consumer_upstream_of_all_matching_producers_is_refused() -> None:
    assert "can never run" in refusal({"*a*": {"token": ["start"]}})


def test_a_consumer_that_runs_before_all_tasks_is_refused_in_a_flat_rule() -> None:
    assert "can never run after another task of this DAG" in refusal({"token": ["start"]})


def test_a_consumer_that_runs_before_some_tasks_is_fine_in_a_flat_rule() -> None:
    assert warnings_of({"token": ["extract"]}) == []


def test_a_consumer_that_is_not_downstream_is_a_warning() -> None:
    (warning,) = warnings_of({"a": {"token": ["b"]}}, Parallel(("a", "b")))

    assert warning.startswith(
        "DAG 'etl', xcom_acl['a']['token']: the consumer 'b' is not downstream of its producer 'a'"
    )


def test_a_consumer_pattern_without_a_task_is_a_warning() -> None:
    assert "matches no task" in warnings_of({"extract": {"token": ["zzz*"]}})[0]


def test_a_consumer_pattern_whose_tasks_all_run_before_is_a_warning() -> None:
    assert "run before its producer" in warnings_of({"extract": {"token": ["st*"]}})[0]


def test_a_key_pattern_that_looks_like_producers_is_a_warning() -> None:
    assert "For the producers it matches, write {'ext*': {'*': ...}}" in warnings_of({"ext*": ["load"]})[0]


def test_a_dag_of_one_task_may_name_it_in_a_flat_rule() -> None:
    assert warnings_of({"token": ["only"]}, StubGraph(("only",))) == []
