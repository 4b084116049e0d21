"""Pictures: like tasks share a box, and no box covers another."""

from __future__ import annotations

import itertools

import pytest

from exclusive_redis_xcom.access import Access, DagFacts, TaskFacts, Verdict
from exclusive_redis_xcom.access.overview.entries import entries
from exclusive_redis_xcom.access.overview.graph import Picture, pictures
from exclusive_redis_xcom.access.overview.layout import place
from exclusive_redis_xcom.access.overview.matrix import MOST_COLUMNS, matrix
from exclusive_redis_xcom.access.overview.mermaid import write
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule
from tests.unit.access.overview.hostile import TEXTS, of_texts

MANY = [f"t{number}" for number in range(500)]
TOKEN = Rule("t3", "token", ("t7", "absent/*"), "xcom_acl['t3']['token'] at f.py:2")


def picture(default: str, *rules: Rule, links: dict[tuple[str, str], frozenset[str]] | None = None) -> Picture:
    tasks = {name: TaskFacts(name, computes_keys=False) for name in MANY}
    downstream = {before: (after,) for before, after in itertools.pairwise(MANY)}
    (only,) = pictures(entries(Access([DagFacts(Acl("d", rules, default), downstream, links or {}, tasks)])))
    return only


def test_500_tasks_under_one_rule_are_one_box_and_one_line() -> None:
    shown = picture("same_dag", TOKEN)

    assert [producer.box.label for producer in shown.producers] == ["499 tasks: t0, t1, t2, ...", "t3"]
    assert [box.label for box in shown.consumers] == ["all tasks", "t7", "absent/*"]
    assert [len(producer.rows) for producer in shown.producers] == [1, 2]
    assert shown.xcoms == 501


def test_a_fan_of_500_tasks_shares_boxes_on_both_sides() -> None:
    workers = frozenset(MANY[1:-1])
    links = {("t0", "return_value"): workers} | {(name, "return_value"): frozenset({"t499"}) for name in workers}
    shown = picture("linked", links=links)

    assert [producer.box.label for producer in shown.producers] == ["t0", "498 tasks: t1, t2, t3, ...", "t499"]
    assert [box.label for box in shown.consumers] == ["498 tasks: t1, t2, t3, ...", "t499"]
    # One node stands for the workers as consumers and as producers.
    assert [line for line in write([shown]).splitlines() if "-->" in line] == [
        '  n0 -->|"return_value"| n1',
        '  n1 -->|"return_value"| n2',
    ]


def test_a_pattern_for_dags_that_are_here_and_further_ones_has_one_line() -> None:
    facts = [DagFacts(Acl(name, (), "anyone"), {}, {}, {"a": TaskFacts("a", computes_keys=False)}) for name in "de"]

    shown = next(pictures(entries(Access(facts))))

    assert [line.verdict for producer in shown.producers for _, line in producer.lines()] == [Verdict.YES]


@pytest.mark.parametrize("word", ["same_dag", "downstream", "linked", "nobody", "anyone"])
def test_no_box_covers_another_and_every_line_ends_at_a_box(word: str) -> None:
    of_texts_picture = next(iter(pictures(entries(of_texts(TEXTS)))))
    for shown in (picture(word, TOKEN), of_texts_picture):
        placed = place(shown)
        by_column: dict[float, list[tuple[float, float]]] = {}
        for box in placed.boxes:
            by_column.setdefault(box.x, []).append((box.y, box.y + box.height))
        for spans in by_column.values():
            spans.sort()
            assert all(above[1] < below[0] for above, below in itertools.pairwise(spans))
        middles = {round(box.y + box.height / 2) for box in placed.boxes if box.kind != "producer"}
        ends = {round(float(curve.path.split()[-1])) for curve in placed.curves}
        assert {end for end in ends if not {end - 1, end, end + 1} & middles} == set()
        assert max(box.y + box.height for box in placed.boxes) <= placed.height
        assert max(box.x + box.width for box in placed.boxes) <= placed.width


def test_a_matrix_has_columns_while_consumers_are_few() -> None:
    few = matrix(picture("same_dag", TOKEN))

    assert [name.label for name in few.columns] == ["all tasks", "t7", "absent/*"]
    assert [(row.key, row.cells) for row in few.rows] == [
        ("return_value", ("yes", "", "")),
        ("return_value", ("yes", "", "")),
        ("token", ("", "yes", "maybe")),
    ]


def test_a_matrix_of_many_consumers_names_them_in_each_row() -> None:
    many = matrix(picture("linked", links={(name, "return_value"): frozenset({f"t{499 - i}"}) for i, name in
                                           enumerate(MANY[:MOST_COLUMNS + 1])}))  # fmt: skip

    assert many.columns == ()
    assert [name.label for name in many.rows[0].names.certain] == ["t499"]
    assert many.rows[0].names.perhaps == ()
