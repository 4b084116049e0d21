"""Airflow's own example DAGs: both readers read all of them, and they agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import airflow
import airflow.providers.standard
import pytest
from airflow.exceptions import SerializationError

from exclusive_redis_xcom.access import Access, DagFacts, Pull, TaskFacts, Verdict, parsed
from exclusive_redis_xcom.access.parsing_process import dag_bag
from exclusive_redis_xcom.access.serialized import facts_of
from tests.unit.access.serializing import serialized

_FOLDERS = {
    "airflow": Path(airflow.__file__).parent / "example_dags",
    "standard provider": Path(airflow.providers.standard.__file__).parent / "example_dags",
}

# The example files use what Airflow has deprecated since.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", params=_FOLDERS)
def dags(request: pytest.FixtureRequest) -> list[Any]:
    folder = _FOLDERS[request.param]
    found = list(dag_bag(str(folder)).dags.values())
    assert len(found) >= 15, folder
    return found


@pytest.mark.parametrize("word", ["linked", "same_dag"])
def test_both_readers_agree(dags: list[Any], word: str) -> None:
    # Some use a class of a plugin that is not installed here. Airflow does not serialize them.
    compared = [(dag, data) for dag in dags if (data := _serialized(dag)) is not None]
    assert len(compared) >= len(dags) - 3
    for dag, data in compared:
        of_object = parsed.facts_of(dag, default_consumers=word)
        of_json = facts_of(data, default_consumers=word)

        if not of_json.unread:
            assert (of_json.acl, of_json.downstream) == (of_object.acl, of_object.downstream)
            assert of_json.links == of_object.links, dag.dag_id
        assert of_json.unread <= of_object.tasks.keys()
        for task_id, task in of_object.tasks.items():
            _agree(of_object, task, of_json.tasks[task_id])


def _serialized(dag: Any) -> Any:
    try:
        return serialized(dag)
    except SerializationError:
        return None


def _agree(facts: DagFacts, of_object: TaskFacts, of_json: TaskFacts) -> None:
    """Compare what both say of a task. JSON alone may say that something is not known."""
    if of_object.multiple_outputs is not of_json.multiple_outputs:
        assert of_json.multiple_outputs, (facts.dag_id, of_object)
        assert of_json.outputs is None
        return
    if of_json.computes_keys and not of_object.computes_keys:
        of_json = replace(of_json, computes_keys=False, keys=of_object.keys, returns=of_object.returns)
    # `str(xcom)` is a template in the DAG's object. JSON has the same text for an argument.
    assert _without_how(of_json.pulls) == _without_how(of_object.pulls), facts.dag_id
    assert replace(of_json, pulls=()) == replace(of_object, pulls=()), facts.dag_id


def _without_how(pulls: tuple[Pull, ...]) -> set[Pull]:
    return {replace(pull, how="argument") for pull in pulls if pull.how != "code"}


def test_all_questions_have_answers(dags: list[Any]) -> None:
    access = Access(parsed.facts_of(dag, default_consumers="linked") for dag in dags)

    grants = list(access.grants())

    assert len(grants) > len(dags)
    for grant in grants:
        readers = access.who_can(grant.xcom)
        assert readers[0].name == str(grant.xcom.producer)
        assert readers[0].verdict is Verdict.YES
