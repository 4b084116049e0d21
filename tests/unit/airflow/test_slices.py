"""Which slices are asked for: all rows come, in their order, whatever happens to other rows between two slices."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.airflow import slices
from exclusive_redis_xcom.airflow.slices import MOST_STEPS_BACK, Reading, Slice
from exclusive_redis_xcom.api_server.ring.rewritable_answer import MAX_ANSWER_BYTES
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats.reference import MARK
from tests.unit.sealed_reference import AT, acl_in_force, sealed_reference

WRITTEN = sealed_reference()
#: Short slices, so that a test needs few rows.
ROWS_AT_ONCE = 500


@pytest.fixture(autouse=True)
def slices_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "ROWS_AT_ONCE", ROWS_AT_ONCE)


def row(index: int, push: int = 0, run_id: str = "run_1") -> Any:
    at = replace(WRITTEN.coordinate, map_index=index, run_id=run_id)
    return replace(WRITTEN, coordinate=at, version=f"{push:032x}").to_json()


def index_of(found: Any) -> int:
    index = references.map_index_of(found)
    assert index is not None
    return index


class Table:
    """Rows in the order of their map indexes, as Airflow's API server slices them, and what was asked."""

    def __init__(self, rows: dict[int, Any], change: Callable[[Table], None] = lambda _: None) -> None:
        self.rows = rows
        self.asked: list[Slice] = []
        self._change = change

    def answer(self, asked: Slice) -> list[Any]:
        self._change(self)
        self.asked.append(asked)
        return [self.rows[index] for index in sorted(self.rows)][asked.start : asked.stop]

    def read(self, start: int = 0, wanted: int | None = None) -> list[Any]:
        reading = Reading(list, start, wanted)
        while not reading.over:
            reading.take(self.answer(reading.asked))
            assert len(self.asked) < 200, "it does not end"
        return reading.found


def test_a_row_s_map_index_is_that_of_its_reference() -> None:
    first_format = {MARK: {"v": 1, "coordinate": {"map_index": 7}}}

    assert references.parse(row(3)).coordinate.map_index == references.map_index_of(row(3)) == 3
    assert references.map_index_of(first_format) == 7
    others: list[Any] = [
        None,
        3,
        {MARK: None},
        {MARK: {}},
        {MARK: {"coordinate": {"map_index": True}}},
        {"map_index": 3},
    ]
    assert all(references.map_index_of(other) is None for other in others)


def table(count: int, change: Callable[[Table], None] = lambda _: None, *, gap: int = 1) -> Table:
    return Table({index: row(index) for index in range(0, count * gap, gap)}, change)


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 997, 998, 999, 1000, 1001, 2345])
@pytest.mark.parametrize("gap", [1, 3])
def test_all_rows_come_in_their_order(count: int, gap: int) -> None:
    found = table(count, gap=gap)

    assert [index_of(one) for one in found.read()] == list(range(0, count * gap, gap))
    assert all(asked.stop is not None and asked.stop - asked.start <= ROWS_AT_ONCE for asked in found.asked)


@pytest.mark.parametrize(("start", "wanted"), [(0, 500), (0, 501), (7, 600), (700, 1300), (1000, 5000), (2000, None)])
def test_a_part_is_that_of_the_list_and_no_further_row_is_asked_for(start: int, wanted: int | None) -> None:
    found = table(1500)
    end = None if wanted is None else start + wanted

    assert [index_of(one) for one in found.read(start, wanted)] == list(range(1500))[start:end]
    assert end is None or all(asked.stop is not None and asked.stop <= end for asked in found.asked)


def test_what_fits_into_one_slice_costs_one_call() -> None:
    found = table(ROWS_AT_ONCE - 1)

    found.read()

    assert found.asked == [Slice(0, ROWS_AT_ONCE)]


def read_in_short(found: Table, *apart: int) -> list[Any]:
    """Read all rows. Slices come in short, but for those with these numbers, from 1."""
    reading = Reading(list)
    while not reading.over:
        rows = found.answer(reading.asked)
        reading.take(rows if len(found.asked) in apart else [references.parse(one) for one in rows])
    return reading.found


def test_slices_are_longer_from_the_first_that_comes_in_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the API server can open as many seals in time."""
    monkeypatch.setattr(slices, "SHORT_AT_ONCE", 1000)
    found = table(2000)

    read = read_in_short(found, 1)

    assert [index_of(one) for one in read] == list(range(2000))
    assert [(asked.start, asked.stop) for asked in found.asked] == [(0, 500), (498, 998), (996, 1996), (1994, 2994)]


def test_after_rows_apart_slices_are_as_short_as_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SHORT_AT_ONCE", 1000)
    found = table(4000)

    read = read_in_short(found, 3, 4)

    assert [index_of(one) for one in read] == list(range(4000))
    lengths = [asked.stop - asked.start for asked in found.asked if asked.stop is not None]
    assert lengths == [500, 1000, 1000, 500, 500, 1000]


def test_slices_of_large_values_stay_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a task would hold what Redis sent for ten thousand of them."""
    reading = Reading(list)

    reading.take([replace(references.parse(row(index)), size=100_000) for index in range(500)])

    assert (reading.asked.start, reading.asked.stop) == (498, 498 + 64 * 1024 * 1024 // 100_001)


@pytest.mark.parametrize("consumers", [1, 40, 400, 4000])
def test_no_slice_is_longer_than_an_api_server_answers(consumers: int) -> None:
    """The row of each result holds its rule, in JSON within JSON."""
    names = [f"a_task_\u00e9_{number:04}" for number in range(consumers)]
    acl = replace(acl_in_force(("load",)), rules=(replace(acl_in_force(("load",)).rules[0], consumers=tuple(names)),))
    assert WRITTEN.seal is not None
    sealed = replace(WRITTEN, seal=replace(WRITTEN.seal, acl=acl.dumps()))
    row_bytes = len(json.dumps(sealed.wrapped(bytes(60)).to_json()))
    first = [references.parse(replace(sealed, coordinate=replace(AT, map_index=i)).to_json()) for i in range(500)]
    reading = Reading(list)

    reading.take(first)

    assert reading.asked.stop is not None
    length = reading.asked.stop - reading.asked.start
    assert length * row_bytes < MAX_ANSWER_BYTES or length <= ROWS_AT_ONCE
    assert length == slices.SHORT_AT_ONCE or consumers > 1


@pytest.mark.parametrize("seed", range(40))
def test_rows_that_come_and_go_neither_hide_nor_repeat_another_row(seed: int) -> None:
    """Between two slices, instances start again (their rows go), and others end (their rows come)."""
    chance = random.Random(seed)  # noqa: S311 - a test's
    count = chance.choice([600, 1500, 3000])
    touched: set[int] = set()

    def change(found: Table) -> None:
        for _ in range(chance.choice([0, 1, 3, 700])):
            index = chance.randrange(2 * count)
            touched.add(index)
            if index in found.rows and chance.random() < 0.6:
                del found.rows[index]
            else:
                found.rows[index] = row(index, push=1)

    found = table(count, change, gap=2)
    everything = set(found.rows)

    read = [index_of(one) for one in found.read()]

    assert read == sorted(set(read))
    assert everything - touched <= set(read) <= everything | touched


@pytest.mark.parametrize("wanted", [None, 2900])
def test_rows_that_come_and_go_for_ever_do_not_keep_their_readers(wanted: int | None) -> None:
    touched = range(5)

    def change(found: Table) -> None:
        for index in touched if found.asked else ():
            if found.rows.pop(index, None) is None:
                found.rows[index] = row(index)

    found = table(3000, change)

    read = [index_of(one) for one in found.read(wanted=wanted)]

    assert [index for index in read if index not in touched][:2895] == list(range(5, 2900))
    assert len(found.asked) <= 3 * MOST_STEPS_BACK


def test_a_row_that_was_pushed_again_is_read_once() -> None:
    found = table(1200, lambda found: found.rows.update({index: row(index, push=1) for index in (0, 498, 499, 500)}))

    assert [index_of(one) for one in found.read()] == list(range(1200))


def test_when_all_earlier_rows_have_gone_the_later_ones_still_come() -> None:
    def change(found: Table) -> None:
        if len(found.asked) == 2:
            found.rows = {index: one for index, one in found.rows.items() if index >= 2 * ROWS_AT_ONCE + 100}

    read = [index_of(one) for one in table(2 * ROWS_AT_ONCE + 300, change).read()]

    assert read == [*range(2 * ROWS_AT_ONCE - 3), *range(2 * ROWS_AT_ONCE + 100, 2 * ROWS_AT_ONCE + 300)]


@pytest.mark.parametrize(
    "edited",
    [None, "plain", {"a": 1}, row(10**9), row(3)],
    ids=["null", "text", "dict", "a high map index", "a low map index"],
)
def test_rows_that_do_not_tell_their_place_are_read_in_one_call(edited: Any) -> None:
    found = table(2 * ROWS_AT_ONCE + 200)
    found.rows[ROWS_AT_ONCE + 200] = edited
    before = list(found.rows.values())

    assert found.read() == before
    assert found.asked[-1] == Slice(0, None)


def test_a_row_that_only_looks_like_a_reference_is_given_to_whoever_refuses_it() -> None:
    found = table(1200)
    found.rows[3] = {MARK: {"unusable": True}}

    assert found.rows[3] in found.read()
    assert len(found.asked) == 1


class TestLookBack:
    """Rows of many runs have the same map index, and Airflow gives them in any order within it."""

    def rows(self, runs: int, indexes: int) -> list[Any]:
        return [row(index, run_id=f"r{run}") for index in range(indexes) for run in range(runs)]

    @pytest.mark.parametrize(("runs", "indexes"), [(1, 1200), (3, 600), (400, 5), (499, 3), (500, 2), (2000, 1)])
    def test_all_rows_come_once_though_each_answer_has_another_order(self, runs: int, indexes: int) -> None:
        chance, rows = random.Random(runs), self.rows(runs, indexes)  # noqa: S311 - a test's

        def answer(asked: Slice) -> Sequence[Any]:
            shuffled = chance.sample(rows, len(rows))
            return sorted(shuffled, key=index_of)[asked.start : asked.stop]

        reading, calls = Reading(list), 0
        while not reading.over:
            reading.take(answer(reading.asked))
            calls += 1
            assert calls < 200, "it does not end"

        assert sorted(map(str, reading.found)) == sorted(map(str, rows))
        assert [index_of(one) for one in reading.found] == sorted(map(index_of, rows))


def test_an_error_changes_nothing_and_the_slice_can_be_asked_for_again() -> None:
    found, fails = table(1200), [True, False, True, True]

    def values(rows: Sequence[Any]) -> Sequence[Any]:
        if fails and fails.pop():
            raise ConnectionError
        return rows

    reading = Reading(values)
    while not reading.over:
        try:
            reading.take(found.answer(reading.asked))
        except ConnectionError:
            continue

    assert [index_of(one) for one in reading.found] == list(range(1200))
