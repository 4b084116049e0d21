"""The sections of the overview hold nothing of a DAG that a user may not read."""

from __future__ import annotations

from exclusive_redis_xcom.formats.observed import Day
from exclusive_redis_xcom.pages.overview import sections
from exclusive_redis_xcom.pages.overview.dags import DagsRead
from exclusive_redis_xcom.pages.overview.memory import MemoryRead
from exclusive_redis_xcom.pages.overview.record import RecordRead
from exclusive_redis_xcom.pages.overview.sections import DagName
from exclusive_redis_xcom.pages.overview.summary import Summary, WideGrant
from exclusive_redis_xcom.pages.user import Readable
from exclusive_redis_xcom.store.sums import Sum

TODAY = 20_787
ALL = Readable(["mine", "secret"], ["mine", "secret"])
MINE = Readable(["mine"], ["mine", "secret"])
OPEN = Summary(xcoms=3, without_rule=2, examples=("a: b",), wide=(WideGrant(0, "anyone", "a: b", "here"),), more_wide=1)


def test_rules_of_other_dags_are_left_out_and_not_counted() -> None:
    found = DagsRead(["mine", "secret"], {"mine": OPEN, "secret": OPEN})

    mine, everything = sections.rules(found, MINE), sections.rules(found, ALL)

    assert (mine.dags, mine.read, mine.more_wide) == (1, 1, 1)
    assert "secret" not in repr(mine)
    assert (everything.dags, len(everything.without_rule), len(everything.wide)) == (2, 2, 2)


def test_a_pattern_of_dags_is_for_those_who_may_read_all() -> None:
    wide = (WideGrant(1, "*/load", "a: b", "here"), WideGrant(2, "secret-*/load", "a: c", "there"))
    found = DagsRead(["mine", "secret"], {"mine": Summary(wide=wide)})

    assert [grant.consumer for _, grant in sections.rules(found, MINE).wide] == [
        "*/load",
        "1 pattern of tasks of DAGs that you may not see",
    ]
    assert [grant.consumer for _, grant in sections.rules(found, ALL).wide] == ["*/load", "secret-*/load"]


def test_dags_with_most_keys_come_first_and_the_rest_is_counted() -> None:
    names = [f"dag{n:03}" for n in range(500)]
    found = DagsRead(names, {name: Summary(xcoms=9, without_rule=n) for n, name in enumerate(names)})

    shown = sections.rules(found, Readable(names, names))

    assert [dag.dag_id for dag, _ in shown.without_rule[:2]] == ["dag499", "dag498"]
    assert (len(shown.without_rule), shown.more_without_rule) == (10, 489)


def test_dags_that_were_not_read_yet_are_counted_as_such() -> None:
    shown = sections.rules(DagsRead(["mine", "other"], {"mine": OPEN}), Readable(["mine", "other"], ["mine", "other"]))

    assert (shown.read, shown.dags) == (1, 2)


def test_refusals_of_other_dags_are_not_in_the_sum() -> None:
    found = RecordRead({"mine": [Day(TODAY, 1, 0)], "secret": [Day(TODAY, 40, 2)], "made up": [Day(TODAY, 9, 9)]})

    mine, everything = sections.refusals(found, MINE, TODAY), sections.refusals(found, ALL, TODAY)

    assert (mine.chart.refused, mine.chart.would_refuse) == (1, 0)
    assert mine.most == [(DagName("mine", "mine"), 1, 0)]
    assert (everything.chart.refused, everything.chart.would_refuse) == (41, 2)


def test_a_dag_whose_refusals_are_long_ago_is_not_listed() -> None:
    found = RecordRead({"mine": [Day(TODAY - 20, 5, 5)]})

    assert sections.refusals(found, MINE, TODAY).most == []


def memory() -> MemoryRead:
    return MemoryRead(
        {"mine": Sum(2, 2, 1000, 0, 500), "secret": Sum(9, 9, 5000, 7000, 0), "deleted": Sum(1, 1, 9, 0, 0)}
    )


def test_memory_of_other_dags_is_not_in_the_sum_nor_in_the_scale() -> None:
    mine = sections.memory(memory(), MINE)

    assert [(row.dag and row.dag.dag_id, row.in_redis, row.expiring) for row in mine.rows] == [
        ("mine", "1000 B", "500 B"),
        (None, "1000 B", "500 B"),
    ]
    assert mine.rows[0].width == 90
    assert mine.more == 0


def test_xcoms_of_deleted_dags_are_for_those_who_may_read_all_and_have_no_link() -> None:
    rows = sections.memory(memory(), ALL).rows

    assert [row.dag for row in rows] == [
        DagName("secret", "secret"),
        DagName("mine", "mine"),
        DagName("", "deleted"),
        None,
    ]
    assert rows[0].elsewhere == "6.8 KiB"
    assert (rows[-1].xcoms, rows[-1].in_redis) == (12, "5.9 KiB")


def test_of_many_dags_the_largest_are_shown_and_all_are_in_the_sum() -> None:
    names = [f"dag{n}" for n in range(50)]
    found = MemoryRead({name: Sum(1, 1, 1024 * n, 0, 0) for n, name in enumerate(names)})

    shown = sections.memory(found, Readable(names, names))

    assert shown.rows[0].dag == DagName("dag49", "dag49")
    assert (len(shown.rows), shown.more, shown.rows[-1].in_redis) == (11, 40, "1.2 MiB")


def test_nothing_in_redis_is_no_row() -> None:
    assert sections.memory(MemoryRead(), ALL).rows == ()
