"""Which pulls may be answered by Redis alone: the table of what must be known before Redis is asked."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from airflow.sdk import DAG, task, task_group

from devtools.worlds.running_task import RUN_ID, task_instance
from exclusive_redis_xcom.model import Coordinate, Principal
from exclusive_redis_xcom.task.eligible import EligiblePull, find_eligible

STARTED = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def dag() -> Any:
    with DAG("sales") as made:

        @task
        def extract() -> None: ...

        @task
        def part(number: int) -> None: ...

        @task
        def load() -> None: ...

        @task
        def step(number: int) -> None: ...

        @task_group
        def group(number: int) -> None:
            step(number)

        @task_group
        def plain_group() -> None:
            task(task_id="inside")(lambda: None)()

        @task
        def prepare() -> None: ...

        @task
        def tidy() -> None: ...

        made_part = part.expand(number=[1, 2])
        group.expand(number=[1, 2])
        plain_group()
        extract() >> made_part >> load()
        prepare().as_setup() >> load() >> tidy().as_teardown()
    return made


def reading(dag: Any, reader: str = "load", *, map_index: int = -1, started: Any = STARTED) -> Any:
    """A task instance as Airflow makes it, with what the API server told it about its run."""
    return task_instance(dag.get_task(reader), map_index=map_index, run_started=started)


def request(task_id: str, **others: Any) -> dict[str, Any]:
    return {"dag_id": "sales", "run_id": RUN_ID, "task_id": task_id, "key": "token", **others}


def eligible(task_id: str, map_index: int = -1, *, every_index: bool = False, alone: bool = False) -> EligiblePull:
    coordinate = Coordinate("sales", RUN_ID, task_id, "token", map_index)
    return EligiblePull(coordinate, every_index, Principal("sales", "load", RUN_ID, -1), STARTED, alone)


class TestOneValue:
    @pytest.mark.parametrize(
        ("task_id", "map_index"),
        [
            ("extract", -1),
            ("extract", None),  # as Airflow's client does
            ("part", 0),
            ("part", 1000),
            ("group.step", 3),
            ("plain_group.inside", -1),
            ("prepare", -1),
            ("tidy", -1),
            ("load", -1),  # its own
        ],
    )
    def test_a_result_such_as_the_task_has_is_eligible(self, dag: Any, task_id: str, map_index: int | None) -> None:
        found = find_eligible(request(task_id, map_index=map_index), reading(dag), everything=False)

        assert found == eligible(task_id, -1 if map_index is None else map_index)

    @pytest.mark.parametrize(
        ("task_id", "map_index"),
        [
            ("extract", 0),
            ("extract", -2),
            ("part", -1),
            ("part", None),
            ("group.step", -1),
            ("plain_group.inside", 0),
            ("part", True),
            ("part", 1.0),
            ("part", "1"),
            ("no longer in the DAG's code", -1),
        ],
    )
    def test_a_result_such_as_the_task_does_not_have_is_not(self, dag: Any, task_id: str, map_index: Any) -> None:
        assert find_eligible(request(task_id, map_index=map_index), reading(dag), everything=False) is None

    @pytest.mark.parametrize(
        "others",
        [
            {"dag_id": "another"},
            {"run_id": "another"},
            {"include_prior_dates": True},
            {"key": "skipmixin_key"},
            {"key": "past_depends_met"},
            {"key": "_link_Documentation"},
            {"key": "token/slice"},
            {"key": "token/item/0"},
            {"key": ""},
            {"key": None},
            {"something_that_airflow_3_4_asks": 1},
        ],
        ids=str,
    )
    def test_what_only_airflow_can_answer_is_not(self, dag: Any, others: dict[str, Any]) -> None:
        assert find_eligible(request("extract", **others), reading(dag), everything=False) is None

    @pytest.mark.parametrize("name", ["dag_id", "run_id", "task_id", "key"])
    def test_ids_that_are_more_than_text_are_left_to_airflow(self, dag: Any, name: str) -> None:
        class Text(str):
            __slots__ = ()

        asked = request("extract")
        asked[name] = Text(asked[name])

        assert find_eligible(asked, reading(dag), everything=False) is None

    @pytest.mark.parametrize("name", ["dag_id", "run_id", "task_id", "key"])
    def test_a_request_that_lacks_an_id_is_not(self, dag: Any, name: str) -> None:
        asked = {other: value for other, value in request("extract").items() if other != name}

        assert find_eligible(asked, reading(dag), everything=False) is None

    def test_a_pull_outside_a_task_is_not(self) -> None:
        assert find_eligible(request("extract"), None, everything=False) is None

    @pytest.mark.parametrize("started", [None, "2026-01-01", datetime(2026, 1, 1)], ids=str)
    def test_a_pull_in_a_run_that_was_started_nobody_knows_when_is_not(self, dag: Any, started: Any) -> None:
        assert find_eligible(request("extract"), reading(dag, started=started), everything=False) is None

    def test_a_mapped_reader_is_told_apart_from_its_siblings(self, dag: Any) -> None:
        found = find_eligible(request("extract"), reading(dag, "part", map_index=4), everything=False)

        assert found is not None
        assert found.reader == Principal("sales", "part", RUN_ID, 4)


class TestEverything:
    @pytest.mark.parametrize(
        ("task_id", "expected"),
        [
            ("extract", eligible("extract", alone=True)),
            ("plain_group.inside", eligible("plain_group.inside", alone=True)),
            ("part", eligible("part", 0, every_index=True)),
            ("group.step", eligible("group.step", 0, every_index=True)),
            ("no longer in the DAG's code", None),
        ],
    )
    def test_all_results_begin_with_the_first(self, dag: Any, task_id: str, expected: EligiblePull | None) -> None:
        assert find_eligible(request(task_id), reading(dag), everything=True) == expected

    def test_those_of_prior_runs_are_airflows(self, dag: Any) -> None:
        assert find_eligible(request("part", include_prior_dates=True), reading(dag), everything=True) is None
