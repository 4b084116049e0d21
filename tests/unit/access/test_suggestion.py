"""Suggested rules allow what was read and nothing else, whatever tasks have written into the record."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.access import Access, DagFacts, TaskFacts, TaskName, Verdict, XComName
from exclusive_redis_xcom.access.suggestion import Suggestion, suggest
from exclusive_redis_xcom.access.usage import uses
from exclusive_redis_xcom.acl import Acl, Rule, decide, parse
from exclusive_redis_xcom.cli.access.suggest import _as_python
from exclusive_redis_xcom.formats.observed import Count, Entry, Observed
from exclusive_redis_xcom.model import Coordinate, Principal

NOW = 1_790_000_000_000
NAMES = st.sampled_from(
    ["a", "b", "c", "*", "a*", "consumers", "x/y", "", "\n", "ttl_seconds", "'", '"', "\N{SNOWMAN}", "\u0430"]
)
ANY = NAMES | st.text(max_size=5)
READERS = st.none() | st.tuples(st.sampled_from(["dag", "bi", "*"]) | ANY, ANY)
ENTRIES = st.builds(
    Entry,
    ANY.filter(bool),
    ANY.filter(bool),
    READERS,
    st.dictionaries(
        st.sampled_from(["read", "would_refuse", "rule"]), st.builds(Count, st.integers(0, 9), st.just(NOW))
    ),
)


def record(*entries: Entry, **more: Any) -> Observed:
    return Observed("dag", NOW, NOW, entries, **more)


def read(task_id: str, key: str, reader: tuple[str, str] | None, **counts: int) -> Entry:
    return Entry(task_id, key, reader, {kind: Count(number, NOW) for kind, number in ({"read": 1} | counts).items()})


def facts(rules: Any) -> DagFacts:
    """The DAG `a >> b >> c`."""
    return DagFacts(
        parse(rules, dag_id="dag", task_ids=["a", "b", "c"], default_consumers="same_dag"),
        {"a": ("b",), "b": ("c",), "c": ()},
        {},
        {name: TaskFacts(name) for name in "abc"},
    )


def written(suggestion: Suggestion) -> Any:
    """The param that the printed text defines."""
    text = _as_python(suggestion, checked=True)
    assert text.isascii()
    assert all(line.isprintable() for line in text.splitlines())
    code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return ast.literal_eval(code.removeprefix("params="))["xcom_acl"]


def _pull(entry: Entry) -> tuple[str, str, tuple[str, str] | None]:
    return entry.task_id, entry.key, entry.reader


@given(st.lists(ENTRIES, max_size=5, unique_by=_pull), READERS, ANY, ANY)
def test_what_was_read_is_allowed_and_nothing_else(
    entries: list[Entry], other: tuple[str, str] | None, task_id: str, key: str
) -> None:
    suggestion = suggest(record(*entries))
    acl = parse(written(suggestion), dag_id="dag", task_ids=["a", "b"], default_consumers="anyone")
    left_out = {_pull(entry) for entry, _ in suggestion.left_out}
    covered = {_pull(entry) for entry in entries if entry.counts.get("read", Count(0, 0)).number} - left_out

    asked = {(one.task_id, two.key, three.reader) for one in entries for two in entries for three in entries}
    for producer, name, reader in asked | {(task_id, key, other)}:
        if reader is None or reader == ("dag", producer):  # a task may read its own
            continue
        rule = acl.rule_for(producer, name)
        may = (
            rule.consumers != "nobody"
            and decide(acl, Coordinate("dag", "r", producer, name), Principal(*reader, "r", -1)).allowed
        )
        assert may is ((producer, name, reader) in covered)


@pytest.mark.parametrize(
    "entry",
    [
        read("a", "key", ("*", "*")),
        read("a", "key", ("dag", "*")),
        read("a", "key", ("dag", "b*")),
        read("*", "key", ("dag", "b")),
        read("a", "*", ("dag", "b")),
        read("a", "key", ("dag", "x/y")),
        read("a", "key", ("dag", "b\u202e")),
        read("a", "k\ney", ("dag", "b")),
        read("a", "key", None),
    ],
)
def test_a_made_up_name_is_left_out_and_said(entry: Entry) -> None:
    suggestion = suggest(record(entry))

    assert suggestion.xcom_acl == {"*": "nobody"}
    assert [each for each, _ in suggestion.left_out] == [entry]
    assert sum(line.startswith("# Left out: ") for line in _as_python(suggestion, checked=True).splitlines()) == 1


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (read("gone", "key", ("dag", "b")), "the DAG has no such producer"),
        (read("a", "key", ("dag", "gone")), "the DAG has no such reader"),
        (read("b", "key", ("dag", "a")), "the reader is upstream of the producer, and no rule may name it"),
    ],
)
def test_what_the_dag_cannot_have_is_left_out(entry: Entry, why: str) -> None:
    assert suggest(record(entry), facts({})).left_out == ((entry, why),)


def test_conditions_of_today_are_kept() -> None:
    today = facts({"a": {"key": {"consumers": ["b"], "ttl_seconds": 60, "same_run": True, "once": True}}})

    suggestion = suggest(record(read("a", "key", ("dag", "c"))), today)

    assert suggestion.xcom_acl == written(suggestion)
    assert suggestion.xcom_acl == {
        "*": "nobody",
        "a": {"key": {"consumers": ["c"], "ttl_seconds": 60, "same_run": True, "once": True}},
    }


def test_the_whole_text() -> None:
    suggestion = suggest(
        record(
            read("a", "token", ("dag", "b"), read=12),
            read("a", "token", ("bi", "daily"), would_refuse=1),
            read("a", "consumers", ("dag", "\u0430")),
            read("*", "token", ("dag", "b")),
            lost=Count(3, NOW),
        )
    )

    assert _as_python(suggestion, checked=False).splitlines() == [
        "# DAG 'dag': reads recorded since 2026-09-21 14:13 UTC.",
        "# Tasks write this record: it is evidence, and no proof. Read each line before you apply it.",
        "# The names were compared with no DAG file. Give --dags PATH for that.",
        "# The record is not complete: 3 events were not recorded.",
        "# Left out: *:token, read by dag/b: a name is none that Airflow gives, and could be read as a pattern.",
        "params={",
        "    'xcom_acl': {",
        "        '*': 'nobody',  # nobody read any other XCom",
        "        'a': {",
        "            'consumers': {'consumers': [",
        "                '\\u0430',  # read once, last 2026-09-21 14:13 UTC; the name holds letters outside ASCII",
        "            ]},",
        "            'token': [",
        "                'bi/daily',  # read once, last 2026-09-21 14:13 UTC; of another DAG; "
        "today's rules would refuse it (1 times)",
        "                'b',  # read 12 times, last 2026-09-21 14:13 UTC",
        "            ],",
        "        },",
        "    },",
        "}",
    ]


def declaring(*rules: Rule) -> DagFacts:
    """The DAG `a >> b >> c`, with calls of `exclusive`."""
    today = facts({})
    return replace(today, acl=replace(today.acl, rules=(*rules, *today.acl.rules)))


EXCLUSIVE = Rule("a", "token", ("b",), "exclusive() at dag.py:7", once=True)


def test_a_call_of_exclusive_stays_and_needs_no_param() -> None:
    suggestion = suggest(record(read("a", "token", ("dag", "b"))), declaring(EXCLUSIVE))

    assert suggestion.xcom_acl is None
    assert _as_python(suggestion, checked=True).splitlines()[2:] == [
        "# a:token is declared by exclusive() at dag.py:7. That call stays where it is.",
        "# It allows all that was read, so the DAG needs no param.",
    ]


def test_a_call_of_exclusive_stays_beside_a_param() -> None:
    today = declaring(EXCLUSIVE, Rule("a", "key", ("b",), "exclusive() at dag.py:8"))
    reads = (read("a", "token", ("dag", "b")), read("a", "key", ("dag", "b")), read("b", "rows", ("dag", "c")))

    suggestion = suggest(record(*reads), today)

    assert suggestion.xcom_acl == written(suggestion) == {"*": "nobody", "b": {"rows": ["c"]}}
    assert [line for line in _as_python(suggestion, checked=True).splitlines() if "exclusive" in line] == [
        "# a:key is declared by exclusive() at dag.py:8. That call stays where it is.",
        "# a:token is declared by exclusive() at dag.py:7. That call stays where it is.",
    ]


def test_a_reader_that_exclusive_refuses_is_left_out() -> None:
    entry = read("a", "token", ("dag", "c"), would_refuse=1)

    assert suggest(record(entry), declaring(EXCLUSIVE)).left_out == (
        (entry, "exclusive() at dag.py:7 is its rule, and refuses it"),
    )


IDS = st.sampled_from(["a", "b", "c"])
OWN_READS = st.builds(read, IDS, st.sampled_from(["token", "key"]), st.tuples(st.sampled_from(["dag", "bi"]), IDS))
CALLS = st.builds(
    Rule,
    IDS,
    st.sampled_from(["token", "key"]),
    st.lists(st.sampled_from(["b", "c", "bi/a"]), unique=True).map(tuple),
    st.just("exclusive() at dag.py:7"),
)


@given(
    st.lists(OWN_READS, max_size=6, unique_by=_pull),
    st.lists(CALLS, max_size=2, unique_by=lambda rule: (rule.producer, rule.key)),
)
def test_with_calls_of_exclusive_a_suggestion_is_valid_and_minimal(entries: list[Entry], calls: list[Rule]) -> None:
    """Every read is allowed by the param and the calls together, or left out. Without any one consumer, one is not."""
    today = declaring(*calls)
    suggestion = suggest(record(*entries), today)
    param = suggestion.xcom_acl or {}
    left_out = {_pull(entry) for entry, _ in suggestion.left_out}
    asked = {_pull(entry) for entry in entries if entry.reader != ("dag", entry.task_id)} - left_out

    def allowed(rules: Any) -> set[Any]:
        acl = parse(rules, dag_id="dag", task_ids=["a", "b", "c"], default_consumers="nobody")
        access = Access([replace(today, acl=replace(acl, rules=(*calls, *acl.rules)))])
        return {
            (task_id, key, reader)
            for task_id, key, reader in asked
            if reader is not None
            and access.can_pull(TaskName(*reader), XComName("dag", task_id, key)).verdict is Verdict.YES
        }

    assert allowed(param) == asked
    declared = {(rule.producer, rule.key) for rule in calls}
    for task_id, keys in param.items():
        for key, consumers in keys.items() if task_id != "*" else ():
            assert (task_id, key) not in declared  # Airflow refuses a DAG with two rules for one XCom
            for consumer in consumers:
                others: Any = [each for each in consumers if each != consumer] or "nobody"
                fewer: dict[str, Any] = {**keys, key: others}
                assert allowed({**param, task_id: fewer}) < asked


class TestUses:
    RULES: ClassVar = {"a": {"token": ["b", "bi/*"], "*": "downstream"}, "*": "nobody"}

    def found(self, *entries: Entry, **more: Any) -> list[tuple[str, int, str]]:
        return [
            (use.consumer, use.reads.number, use.verdict.value)
            for use in uses(facts(self.RULES), record(*entries, **more))
        ]

    def test_each_consumer_has_its_reads(self) -> None:
        assert self.found(
            read("a", "token", ("bi", "daily"), read=2),
            read("a", "token", ("bi", "weekly"), read=3),
            read("a", "other", ("dag", "c")),
            read("b", "token", ("dag", "c")),
        ) == [("b", 0, "no"), ("bi/*", 5, "yes"), ("downstream", 1, "yes")]

    def test_a_refused_pull_is_no_use(self) -> None:
        assert self.found(Entry("a", "token", ("dag", "b"), {"rule": Count(4, NOW)}))[0] == ("b", 0, "no")

    @pytest.mark.parametrize("more", [{"lost": Count(1, NOW)}, {"unreadable": 1}])
    def test_a_record_with_gaps_does_not_tell(self, more: dict[str, Any]) -> None:
        assert [verdict for _, _, verdict in self.found(**more)] == ["maybe"] * 3

    def test_without_reads_nothing_is_told(self) -> None:
        never = Observed("dag", NOW, None, ())

        for nothing in (None, never):
            assert {use.verdict for use in uses(facts(self.RULES), nothing)} == {Verdict.MAYBE}

    def test_each_read_is_decided_once_however_many_rules_there_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rules = {"a": {f"key{number}": ["b"] for number in range(200)}}
        reads = [read("a", f"key{number}", ("dag", "b")) for number in range(50)]
        asked: list[str] = []
        decide = Acl.rule_for

        def counted(acl: Acl, task_id: str, key: str) -> Rule:
            asked.append(key)
            return decide(acl, task_id, key)

        monkeypatch.setattr(Acl, "rule_for", counted)

        found = list(uses(facts(rules), record(*reads)))

        assert sum(use.verdict is Verdict.YES for use in found) == 50
        assert len(found) == 200
        assert len(asked) == 50
