"""lint on Airflow's own example DAGs. They have no rules, so whatever lint says about them is a false alarm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import airflow
import pytest
from airflow.providers import standard

from exclusive_redis_xcom.access import DagFacts
from exclusive_redis_xcom.access.lint import Linted, lint
from exclusive_redis_xcom.access.loading import load
from tests.warm_parsing import warm

FOLDERS = (Path(airflow.__file__).parent / "example_dags", Path(standard.__file__).parent / "example_dags")


@pytest.fixture(scope="module")
def examples() -> Mapping[str, DagFacts]:
    """The facts of all example DAGs, by their ids."""
    found: dict[str, DagFacts] = {}
    for folder in FOLDERS:
        with warm():
            loaded = load(folder, default_consumers="same_dag")
        assert (loaded.errors, loaded.refused) == ({}, ())
        found |= {facts.dag_id: facts for facts in loaded.dags}
    return found


def test_no_example_has_a_finding(examples: Mapping[str, DagFacts]) -> None:
    assert len(examples) > 50
    assert sum(len(task.pulls) for facts in examples.values() for task in facts.tasks.values()) > 50

    assert lint(Linted(tuple(examples.values()))) == []
