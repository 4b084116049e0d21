"""Slices in short, by way of the real Execution API and Airflow's own client: the same rows as Airflow's own answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devtools.redis_server import RedisServer
from devtools.worlds.execution_world import KEY, ExecutionWorld, open_execution_world
from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom import ExclusiveRedisXCom, InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.reference import MARK

ROWS = 12


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture(scope="module")
def world(server: RedisServer) -> Iterator[ExecutionWorld]:
    with open_execution_world(server.url, "worker") as opened:
        opened.push("parts", range(ROWS))
        opened.push("gaps", [1, 5, 40, 1000])
        yield opened


def answer(world: ExecutionWorld, task_id: str = "parts", **query: Any) -> Any:
    return world.get_slice(task_id, query).json()


def airflows(world: ExecutionWorld, task_id: str, start: int, stop: int) -> Any:
    """What Airflow itself answers: nothing of ours takes part in a slice without a step."""
    return answer(world, task_id, start=start, stop=stop)


def test_a_slice_is_one_row_in_short(world: ExecutionWorld) -> None:
    (row,) = answer(world, start=0, stop=500, step=1)

    path, lines = row[MARK]
    assert path == f"many/{RUN_ID.replace(' ', '%20')}/parts/{KEY}"
    assert len(lines.split("\n")) == ROWS


@given(task_id=st.sampled_from(["parts", "gaps", "nothing"]), start=st.integers(0, ROWS + 2), length=st.integers(0, 20))
def test_the_rows_are_those_of_airflows_own_answer(
    world: ExecutionWorld, task_id: str, start: int, length: int
) -> None:
    short = references.expanded(answer(world, task_id, start=start, stop=start + length, step=1))

    def facts(rows: Any) -> list[Any]:
        found = [references.parse(row) for row in rows]
        return [(one.coordinate, one.version, one.pushed_at, one.expires_at, one.size, one.shape) for one in found]

    assert facts(short) == facts(airflows(world, task_id, start, start + length))


@pytest.mark.parametrize(
    "query",
    [
        {"start": 0, "stop": 5},
        {"start": 0, "stop": 5, "step": 2},
        {"start": -5, "stop": 5, "step": 1},
        {"start": 0, "step": 1},
        {"start": 3, "stop": 3, "step": 1},
        {"start": 0, "stop": 5, "step": 1, "include_prior_dates": True},
    ],
)
def test_all_other_questions_are_answered_by_airflow(world: ExecutionWorld, query: dict[str, Any]) -> None:
    found = answer(world, **query)

    assert all("reference" in row[MARK] for row in found)


@pytest.mark.parametrize(
    "edited",
    [
        "a plain value",
        None,
        {"about": "a dict of a task"},
        {MARK: {"about": "a\u202eb", "reference": {"v": 3, "to": "..."}}},
        {MARK: {"about": "", "reference": {"v": 3, "to": "..."}}},
        {MARK: {"about": "", "reference": {"v": 4, "to": "..."}}},
        {MARK: {"about": "", "reference": {"v": 3, "to": "...", "seal": {}}}},
        {MARK: {"about": "", "reference": {"v": 3, "to": "..."}}, "more": 1},
        {MARK: ["a/b/c/d", "0 AAAAAAAAAAAAAAAAAAAAAA 0 1 0 int"]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("index", [0, 3])
def test_a_slice_with_any_other_row_is_airflows_own_answer(world: ExecutionWorld, edited: Any, index: int) -> None:
    kept = world.edit("parts", index, json.dumps(edited))
    try:
        found = answer(world, start=0, stop=500, step=1)
        assert found == airflows(world, "parts", 0, 500)
        assert found[index] == edited
    finally:
        world.edit("parts", index, kept)


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
def test_who_gets_nothing_of_airflow_gets_nothing_in_short(world: ExecutionWorld, token: str) -> None:
    own = world.get_slice("parts", {"start": 0, "stop": 5}, token)
    short = world.get_slice("parts", {"start": 0, "stop": 5, "step": 1}, token)

    assert (short.status_code, short.content) == (own.status_code, own.content)
    assert short.status_code in (401, 403)


def test_another_run_has_no_rows(world: ExecutionWorld) -> None:
    assert world.get_slice("parts", {"start": 0, "stop": 5, "step": 1}, run_id="another").json() == []


def test_all_results_come_as_they_were_pushed(world: ExecutionWorld) -> None:
    world.rows.messages.clear()
    with world.running("load"):
        assert ExclusiveRedisXCom.get_all(**world.request("parts")) == list(range(ROWS))
        assert ExclusiveRedisXCom.get_all(**world.request("gaps")) == [1, 5, 40, 1000]
    assert world.rows.messages == ["GetXComSequenceSlice"] * 2


def test_short_rows_that_a_task_has_written_give_no_other_tasks_values(world: ExecutionWorld) -> None:
    (row,) = answer(world, "gaps", start=0, stop=500, step=1)
    world.push("sparse", [0])
    world.edit("sparse", 0, json.dumps(row))

    with world.running("load"), pytest.raises(InvalidReference, match="refers to another XCom"):
        ExclusiveRedisXCom.get_all(**world.request("sparse"))


@pytest.mark.parametrize(
    "end", [f" {2**40 + 1} int", " 1 \u202eint", " 1 " + "x" * 2000], ids=["size", "type", "length"]
)
def test_a_row_that_cannot_be_read_takes_no_other_with_it(
    world: ExecutionWorld, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    from airflow.sdk.execution_time import xcom
    from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

    monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)
    row = world.row("parts", 3)
    row[MARK]["reference"]["to"] = row[MARK]["reference"]["to"].removesuffix(" 1 int") + end
    kept = world.edit("parts", 3, json.dumps(row))
    try:
        with world.running("load"):
            task = SimpleNamespace(dag_id="many", task_id="parts")
            results = iter(
                LazyXComSequence(xcom_arg=SimpleNamespace(operator=task, key=KEY), ti=SimpleNamespace(run_id=RUN_ID))
            )
            assert [next(results) for _ in range(3)] == [0, 1, 2]
            with pytest.raises(InvalidReference, match="edited or forged"):
                next(results)
    finally:
        world.edit("parts", 3, kept)
