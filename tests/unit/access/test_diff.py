"""What changes between two sets of DAGs: every change is one of `can_pull`'s answers, and no answer changes unseen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.access import Access, DagFacts, TaskFacts, TaskName, Verdict, XComName
from exclusive_redis_xcom.access import snapshot_lines as text
from exclusive_redis_xcom.access.changes import AccessDiff, Change, Kind
from exclusive_redis_xcom.access.diff import compare
from exclusive_redis_xcom.access.effective_rule import EffectiveRules
from exclusive_redis_xcom.access.snapshot import Snapshot

from .made import access, facts


def told(diff: AccessDiff) -> list[str]:
    """Each change in one line."""
    return [line(change) for change in diff.changes]


def line(change: Change) -> str:
    readers = ", ".join(
        f"{each.name} without {' '.join(each.without)}" if each.without else each.name for each in change.readers
    )
    xcoms = ", ".join(f"{xcom.dag_id}/{xcom.task_id}:{xcom.key}" for xcom in change.xcoms)
    return "; ".join([f"{change.kind.value} {readers} <- {xcoms}", *change.why])


def one(rule: Any, *, chain: Sequence[str] = ("extract", "load", "report")) -> Access:
    """A DAG with one rule for the key `token` of `extract`."""
    return access(facts("sales", chain, {"extract": {"token": rule}}, default="nobody"))


@pytest.mark.parametrize(
    ("before", "after", "lines", "gains"),
    [
        (["load"], ["load", "report"], ["gained sales/report <- sales/extract:token"], True),
        (["load", "report"], ["load"], ["revoked sales/report <- sales/extract:token"], False),
        (["load"], "same_dag", ["gained sales/report <- sales/extract:token"], True),
        (["load"], ["*"], ["gained sales/report <- sales/extract:token"], True),
        ("same_dag", ["*"], [], False),
        ("downstream", ["report", "load"], [], False),
        ("same_dag", ["load", "report"], [], False),
        (
            ["bi/daily"],
            ["bi/*"],
            ["maybe_gained bi/* <- sales/extract:token; no such DAG is here, so nobody can know"],
            False,
        ),
        (
            ["bi/*"],
            ["bi/daily"],
            ["revoked bi/* <- sales/extract:token; no such DAG is here, so nobody can know"],
            False,
        ),
        (
            ["load"],
            "anyone",
            [
                "gained sales/report <- sales/extract:token",
                "maybe_gained */* <- sales/extract:token; no such DAG is here, so nobody can know",
            ],
            True,
        ),
        (
            {"consumers": ["load"], "ttl_seconds": 60},
            {"consumers": ["load"], "ttl_seconds": 3600},
            ["changed  <- sales/extract:token; ttl: 60 s before, 3600 s now"],
            True,
        ),
        (
            {"consumers": ["load"], "ttl_seconds": 3600},
            {"consumers": ["load"], "ttl_seconds": 60},
            ["changed  <- sales/extract:token; ttl: 3600 s before, 60 s now"],
            False,
        ),
        (
            {"consumers": ["load"], "ttl_seconds": 60},
            {"consumers": ["load"]},
            ["changed  <- sales/extract:token; ttl: 60 s before, that of the setting now"],
            True,
        ),
        (
            {"consumers": ["load"], "once": True, "same_run": True},
            ["load"],
            ["changed  <- sales/extract:token; same_run is dropped; once is dropped"],
            True,
        ),
        (
            ["load"],
            {"consumers": ["load"], "once": True, "same_run": True},
            ["changed  <- sales/extract:token; same_run is added; once is added"],
            False,
        ),
        (
            {"consumers": ["load"], "once": True, "ttl_seconds": 60},
            {"consumers": ["load"], "ttl_seconds": 30},
            ["changed  <- sales/extract:token; ttl: 60 s before, 30 s now; once is dropped"],
            True,
        ),
    ],
)
def test_a_rule_that_changes_tells_who_gains_and_who_loses(
    before: Any, after: Any, lines: list[str], gains: bool
) -> None:
    diff = one(before).diff(one(after))

    assert told(diff) == lines
    assert diff.has_gains is gains


def test_a_ttl_where_there_was_none_may_be_longer_than_the_setting() -> None:
    diff = one(["load"]).diff(one({"consumers": ["load"], "ttl_seconds": 60}))

    assert (diff.has_gains, diff.may_have_gains) == (False, True)


def test_a_rule_that_goes_away_opens_the_key_to_whom_the_default_allows() -> None:
    chain = (TaskFacts("extract"), "load", "report")
    before = access(facts("sales", chain, {"extract": {"token": ["load"]}}))

    assert told(before.diff(access(facts("sales", chain)))) == [
        "gained sales/report <- sales/extract:token",
        "changed  <- sales/extract:token; restricted is dropped: logs and rendered fields may show the value",
    ]


def test_a_rule_that_comes_closes_the_key_and_is_no_gain() -> None:
    chain = (TaskFacts("extract"), "load", "report")
    diff = access(facts("sales", chain)).diff(access(facts("sales", chain, {"extract": {"token": ["load"]}})))

    assert told(diff) == [
        "revoked sales/report <- sales/extract:token",
        "changed  <- sales/extract:token; restricted is added",
    ]
    assert not diff.has_gains


def test_a_rule_that_goes_away_is_a_change_although_the_same_tasks_may_read() -> None:
    chain = (TaskFacts("extract"), "load")
    ruled, bare = access(facts("sales", chain, {"extract": {"token": "same_dag"}})), access(facts("sales", chain))

    diff = ruled.diff(bare)

    assert told(diff) == [
        "changed  <- sales/extract:token; restricted is dropped: logs and rendered fields may show the value"
    ]
    assert diff.has_gains
    old, new = (text.loads(text.dumps(Snapshot.of(side.dags)), "file") for side in (ruled, bare))
    assert told(compare(old, new)) == told(diff)


@pytest.mark.parametrize("key", ["_link_Report", "skipmixin_key", "past_depends_met"])
def test_airflows_own_keys_are_open_to_everybody_whatever_the_rules_say(key: str) -> None:
    bi = facts("bi", ["daily"], default="nobody")
    closed = access(facts("sales", ("extract", "load"), default="nobody"), bi)
    task = TaskFacts("extract", frozenset({key}), computes_keys=False)
    pushed = access(facts("sales", (task, "load"), {"extract": {key: "nobody"}}, default="nobody"), bi)
    xcom = XComName("sales", "extract", key)

    assert told(closed.diff(pushed)) == [
        f"gained */* <- sales/extract:{key}; the XCom is new",
        f"maybe_gained */* <- sales/extract:{key}; the XCom is new; no such DAG is here, so nobody can know",
    ]
    assert f"sales/extract:{key} <- */* unrestricted" in text.dumps(Snapshot.of(pushed.dags)).splitlines()
    assert xcom in [answer.xcom for answer in pushed.what_can(TaskName("bi", "daily"))]
    assert [reader.name for reader in pushed.who_can(xcom)] == ["sales/extract", "bi/daily", "sales/load", "*/*"]
    assert [grant.rule.consumers for grant in pushed.grants() if grant.xcom == xcom] == ["anyone"]


def test_a_key_that_known_code_code_begins_to_push_is_new() -> None:
    before = access(facts("sales", ("extract", "load")))
    after = access(facts("sales", (TaskFacts("extract", frozenset({"token"}), computes_keys=False), "load")))

    assert told(before.diff(after)) == ["gained sales/* <- sales/extract:token; the XCom is new"]


def test_code_that_begins_to_compute_keys_is_a_gain_that_nobody_can_know() -> None:
    before = access(facts("sales", ("extract", "load")))
    after = access(facts("sales", (TaskFacts("extract"), "load")))

    assert told(before.diff(after)) == [
        "maybe_gained sales/* <- sales/extract:*; the XCom is new; code may push keys that are not known"
    ]


def test_a_pattern_of_keys_that_opens_is_a_gain_that_nobody_can_know() -> None:
    chain = (TaskFacts("extract"), "load", "report")
    diff = access(facts("sales", chain, {"extract": {"run_*": ["load"]}})).diff(
        access(facts("sales", chain, {"extract": {"run_*": ["load", "report"]}}))
    )

    assert told(diff) == ["maybe_gained sales/report <- sales/extract:run_*; code may push keys that are not known"]


def test_a_new_dag_is_one_group() -> None:
    diff = access(facts("sales", "ab")).diff(access(facts("sales", "ab"), facts("new", "xyz")))

    assert told(diff) == ["gained new/* <- new/x:return_value, new/y:return_value, new/z:return_value; the XCom is new"]
    assert diff.unchanged == 2


def test_a_task_that_gets_another_name_is_revoked_and_gained() -> None:
    diff = one(["load"]).diff(one(["load2"], chain=("extract", "load2", "report")))

    assert told(diff) == [
        "gained sales/load2 <- sales/extract:token; the task is new",
        "revoked sales/load <- sales/extract:token; the task is gone",
    ]


def test_a_reader_whose_dag_is_no_longer_here_is_not_known_any_more() -> None:
    sales = facts("sales", "ab", {"a": {"token": ["bi/daily"]}}, default="nobody")

    diff = access(sales, facts("bi", ("daily", "hourly"), default="nobody")).diff(access(sales))

    assert told(diff) == ["changed bi/daily <- sales/a:token; it is no longer certain that they may"]


def test_rules_about_dags_that_are_not_here_are_never_counted_as_unchanged() -> None:
    sales = access(facts("sales", "ab", {"a": {"token": ["bi/*"]}}))

    diff = sales.diff(sales)

    assert (told(diff), diff.unchanged, diff.unknown) == ([], 2, 1)


def test_same_dag_on_500_tasks_is_compared_as_a_rule() -> None:
    ids = [f"task_{number}" for number in range(500)]
    closed = access(facts("big", ids, default="nobody"))
    opened = access(facts("big", [*ids, "late"], default="same_dag"))
    started = time.process_time()

    diff = closed.diff(opened)

    assert time.process_time() - started < 2
    assert [(change.kind.value, len(change.readers), len(change.xcoms), change.why) for change in diff.changes] == [
        ("gained", 1, 1, ("the XCom is new",)),
        ("gained", 1, 500, ()),
        ("gained", 1, 500, ("the task is new",)),
    ]
    assert text.dumps(Snapshot.of(opened.dags)).count("\n") < 1100


TASKS = ("a", "b", "g.c", "g.d")
DAGS = ("d", "e")
KEYS = ("k", "run_1", "_link_x")
CONSUMERS = [*TASKS, "g.*", "*.c", "g*", "*", "d/a", "e/b", "e/*", "*/*", "f/x"]
VALUES = st.one_of(
    st.sampled_from(["same_dag", "linked", "downstream", "nobody", "anyone"]),
    st.lists(st.sampled_from(CONSUMERS), max_size=3),
    st.fixed_dictionaries(
        {"consumers": st.lists(st.sampled_from(CONSUMERS), max_size=2)},
        optional={"ttl_seconds": st.sampled_from([60, 90]), "same_run": st.booleans(), "once": st.booleans()},
    ),
)
RULES = st.dictionaries(
    st.sampled_from([*TASKS, "g.*", "*"]),
    st.dictionaries(st.sampled_from(["k", "run_*", "*", "return_value"]), VALUES, min_size=1, max_size=2),
    max_size=2,
)


KNOWN: list[dict[str, bool]] = [{}, {"returns": False}, {"multiple_outputs": True}]


@st.composite
def one_dag(draw: st.DrawFn, dag_id: str) -> DagFacts:
    ids = draw(st.lists(st.sampled_from(TASKS), min_size=1, unique=True))
    chain = []
    for task_id in ids:
        known = draw(st.sampled_from(KNOWN))
        task = TaskFacts(
            task_id,
            frozenset(draw(st.sets(st.sampled_from(KEYS)))),
            computes_keys=draw(st.booleans()),
            returns=known.get("returns"),
            multiple_outputs=known.get("multiple_outputs", False),
            outputs=draw(st.sampled_from([None, ("k",), ("k", "run_1")])),
        )
        chain.append(task)
    links = {(ids[0], key): frozenset(ids[1:2]) for key in draw(st.sets(st.sampled_from([*KEYS, "return_value"])))}
    rules = {
        producer: of_producer
        for producer, of_producer in draw(RULES).items()
        if producer in ids or (producer == "*" or (producer == "g.*" and any(each.startswith("g.") for each in ids)))
    }
    default = draw(st.sampled_from(["same_dag", "linked", "downstream", "nobody", "anyone"]))
    made = facts(dag_id, chain, rules, default=default, links=links)
    return replace(made, unread=frozenset(draw(st.sets(st.sampled_from(ids), max_size=1))))


@st.composite
def sets_of_dags(draw: st.DrawFn) -> Access:
    return Access([draw(one_dag(dag_id)) for dag_id in draw(st.lists(st.sampled_from(DAGS), min_size=1, unique=True))])


def verdict(side: Access, consumer: TaskName, xcom: XComName) -> Verdict:
    """What `can_pull` says; "no" if there is no such task or XCom."""
    dag = side.dags.get(xcom.dag_id)
    if dag is None or xcom.task_id not in dag.tasks:
        return Verdict.NO
    if xcom.key not in dag.keys_of(xcom.task_id) and not dag.tasks[xcom.task_id].computes_keys:
        return Verdict.NO
    if consumer.dag_id in side.dags and consumer.task_id not in side.dags[consumer.dag_id].tasks:
        return Verdict.NO
    found = side.can_pull(consumer, xcom).verdict
    return Verdict.MAYBE if consumer.dag_id not in side.dags and found is not Verdict.NO else found


RISE = {
    ("no", "yes"): Kind.GAINED,
    ("maybe", "yes"): Kind.GAINED,
    ("no", "maybe"): Kind.MAYBE_GAINED,
    ("yes", "no"): Kind.REVOKED,
    ("maybe", "no"): Kind.REVOKED,
    ("yes", "maybe"): Kind.CHANGED,
}


def expected(old: Access, new: Access) -> set[tuple[Kind, str, XComName]]:
    """Every change of one task and one known XCom, asked one by one."""
    tasks = {
        TaskName(dag.dag_id, task_id) for side in (old, new) for dag in side.dags.values() for task_id in dag.tasks
    }
    xcoms = {
        XComName(dag.dag_id, task_id, key)
        for side in (old, new)
        for dag in side.dags.values()
        for task_id in dag.tasks
        for key in EffectiveRules(dag).keys_of(task_id)
        if "*" not in key
    }
    found = set()
    for consumer, xcom in product(tasks, xcoms):
        step = verdict(old, consumer, xcom).value, verdict(new, consumer, xcom).value
        # What a DAG that is not here might gain or lose is told of the name or pattern in the rule.
        outside = (step == ("no", "maybe") and consumer.dag_id not in new.dags) or (
            step == ("maybe", "no") and consumer.dag_id not in old.dags
        )
        if consumer != xcom.producer and step in RISE and not outside:
            found.add((RISE[step], str(consumer), xcom))
    return found


def found_in(diff: AccessDiff) -> set[tuple[Kind, str, XComName]]:
    return {
        (change.kind, reader, XComName(*xcom))
        for change in diff.changes
        for each in change.readers
        for reader in each.tasks
        for xcom in change.xcoms
        if reader != f"{xcom.dag_id}/{xcom.task_id}" and "*" not in xcom.key
    }


@given(sets_of_dags(), sets_of_dags())
def test_the_diff_is_what_can_pull_says_of_each_pair(old: Access, new: Access) -> None:
    assert found_in(old.diff(new)) == expected(old, new)


@given(sets_of_dags(), sets_of_dags(), st.sampled_from(["other", "run_2", "k", "run_1"]))
def test_a_gain_under_a_key_that_code_computes_is_never_left_out(old: Access, new: Access, key: str) -> None:
    diff = old.diff(new)
    gains = {
        (XComName(*xcom).producer, reader)
        for change in (*diff.gained, *diff.maybe_gained)
        for each in change.readers
        for reader in each.tasks
        for xcom in change.xcoms
    }
    for facts_of_dag in new.dags.values():
        for task_id, consumer_id in product(facts_of_dag.tasks, repeat=2):
            xcom = XComName(facts_of_dag.dag_id, task_id, key)
            consumer = TaskName(facts_of_dag.dag_id, consumer_id)
            if consumer_id != task_id and (verdict(old, consumer, xcom), verdict(new, consumer, xcom)) == ("no", "yes"):
                assert (xcom.producer, str(consumer)) in gains


@given(sets_of_dags())
def test_the_same_dags_differ_in_nothing(dags: Access) -> None:
    assert dags.diff(dags).changes == ()


@given(sets_of_dags(), sets_of_dags())
def test_snapshots_tell_the_changes_that_the_dags_tell(old: Access, new: Access) -> None:
    texts = [text.dumps(Snapshot.of(side.dags)) for side in (old, new)]
    before, after = (text.loads(each, "file") for each in texts)

    assert [text.dumps(side) for side in (before, after)] == texts
    assert compare(before, Snapshot.of(old.dags)).changes == ()
    assert compare(Snapshot.of(old.dags), before).changes == ()
    gained = {each for each in found_in(old.diff(new)) if each[0] is Kind.GAINED}
    known = {each for each in found_in(compare(before, after)) if each[0] in (Kind.GAINED, Kind.MAYBE_GAINED)}
    assert gained - known == set()


@given(sets_of_dags())
@example(access(facts("d", ("a",), default="nobody")))
def test_equal_grants_are_equal_text_and_hold_no_place(dags: Access) -> None:
    shuffled = Access(reversed([*dags.dags.values()]))
    first = text.dumps(Snapshot.of(dags.dags))

    assert text.dumps(Snapshot.of(shuffled.dags)) == first
    assert ".py" not in first


def test_a_condition_less_is_seen_although_the_readers_dag_is_here_in_one_version_alone() -> None:
    bi = facts("bi", ["daily"])
    strict = facts("sales", ["extract"], {"extract": {"token": {"consumers": ["bi/daily"], "once": True}}})
    loose = facts("sales", ["extract"], {"extract": {"token": ["bi/daily"]}})
    rule = {"consumers": ["bi/daily"], "once": True, "same_run": True}
    both = facts("sales", ["extract"], {"extract": {"token": rule}})
    same_run = facts("sales", ["extract"], {"extract": {"token": {"consumers": ["bi/daily"], "same_run": True}}})

    assert access(strict, bi).diff(access(loose)).has_gains
    assert access(both).diff(access(same_run, bi)).has_gains
