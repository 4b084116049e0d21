from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl import Acl, decide, parse
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.model import Coordinate, Principal
from tests.unit.acl.graphs import StubGraph

GRAPH = StubGraph(
    ("extract", "transform", "load", "report"),
    {
        ("extract", "token"): frozenset({"load"}),
        ("extract", "return_value"): frozenset({"transform"}),
    },
)
TOKEN = Coordinate("etl", "r1", "extract", "token")
WHOLE = Coordinate("etl", "r1", "extract", "return_value")


def acl_of(raw: Any, default: str = "same_dag") -> Acl:
    return parse(raw, dag_id="etl", task_ids=GRAPH.task_ids, default_consumers=default)


@pytest.mark.parametrize(
    ("word", "consumers"),
    [
        ("same_dag", ("*",)),
        ("anyone", ("*/*",)),
        ("nobody", ()),
        ("linked", ("load",)),
        ("downstream", ("load", "report", "transform")),
    ],
)
def test_a_policy_word_is_resolved_to_consumers(word: str, consumers: tuple[str, ...]) -> None:
    assert acl_of({"*": word}).in_force(TOKEN, GRAPH).consumers == consumers
    assert acl_of({}, default=word).in_force(TOKEN, GRAPH).consumers == consumers


def test_the_rule_in_force_keeps_ttl_same_run_and_source() -> None:
    acl = acl_of({"ext*": {"*": {"consumers": ["load"], "ttl_seconds": 60, "same_run": True}}})

    in_force = acl.in_force(TOKEN, GRAPH)

    assert in_force.ttl == timedelta(seconds=60)
    assert in_force.same_run is True
    assert in_force.source == "xcom_acl['ext*']['*']"
    assert in_force.consumers == ("load",)


@pytest.mark.parametrize("consumers", [["load"], "linked", "anyone"])
def test_the_rule_in_force_says_that_a_value_is_read_once(consumers: Any) -> None:
    in_force = acl_of({"extract": {"*": {"consumers": consumers, "once": True}}}).in_force(TOKEN, GRAPH)

    assert in_force.once is True
    assert Acl.loads(in_force.dumps()).once is True


@pytest.mark.parametrize(
    ("consumers", "text"),
    [
        (["load"], "'load'"),
        (["load", "bi/*"], "'load', 'bi/*'"),
        ("same_dag", "tasks of DAG 'etl'"),
        ([], "the producer itself"),
        ([f"t{number}" for number in range(20)], ", ".join(f"'t{number}'" for number in range(20))),
        ([f"t{number}" for number in range(21)], ", ".join(f"'t{number}'" for number in range(20)) + " and 1 more"),
    ],
)
def test_a_refusal_says_who_may_read(consumers: Any, text: str) -> None:
    in_force = acl_of({"extract": {"token": consumers}}).in_force(TOKEN, GRAPH)

    reason = decide(in_force, TOKEN, Principal("crm", "load", "r1", -1)).reason

    assert reason.endswith(f" allows only {text}")


def test_the_rule_in_force_is_for_exactly_its_xcom() -> None:
    (rule,) = acl_of({"e*": {"t*": ["load"]}}).in_force(TOKEN, GRAPH).rules

    assert (rule.producer, rule.key) == ("extract", "token")


def test_a_key_with_a_star_is_no_pattern_once_in_force() -> None:
    starred = Coordinate("etl", "r1", "extract", "*")
    in_force = acl_of({"*": "anyone"}).in_force(starred, GRAPH)

    assert decide(in_force, starred, Principal("etl", "load", "r1", -1)).allowed is True
    assert decide(in_force, TOKEN, Principal("etl", "load", "r1", -1)).allowed is False


def test_an_acl_in_force_for_another_xcom_refuses_even_the_producer() -> None:
    in_force = acl_of({"*": "anyone"}).in_force(TOKEN, GRAPH)

    assert decide(in_force, WHOLE, Principal("etl", "extract", "r1", -1)).allowed is False


def test_rules_without_a_ttl_take_the_one_given() -> None:
    in_force = acl_of({}).in_force(TOKEN, GRAPH, default_ttl=timedelta(days=7))

    assert in_force.ttl == timedelta(days=7)


def test_an_acl_with_several_rules_has_no_consumers_of_its_own() -> None:
    with pytest.raises(ValueError, match="call in_force first"):
        _ = acl_of({"a": ["load"], "b": ["load"]}).consumers


@pytest.mark.parametrize(
    ("raw", "restricted"),
    [({}, False), ({"*": ["load"]}, False), ({"token": ["load"]}, True), ({"*": {"token": ["load"]}}, True)],
)
def test_restricted_tells_an_entry_of_its_own_from_a_policy(raw: dict[str, Any], restricted: bool) -> None:
    assert acl_of(raw).in_force(TOKEN, GRAPH).restricted is restricted


# return_value of multiple outputs: a copy of every key


def whole(raw: Any, keys: list[str], default: str = "same_dag", ttl: timedelta | None = None) -> Acl:
    return acl_of(raw, default).in_force(WHOLE, GRAPH, output_keys=keys, default_ttl=ttl)


def test_return_value_of_multiple_outputs_goes_to_those_who_may_read_every_key() -> None:
    raw = {"extract": {"a": ["load", "report"], "b": ["report", "transform"]}}

    assert whole(raw, ["a", "b"]).consumers == ("report",)


def test_a_key_without_a_rule_counts_with_the_default() -> None:
    assert whole({"extract": {"a": ["load"]}}, ["a", "b"], default="nobody").consumers == ()


def test_the_rule_that_covers_return_value_by_pattern_counts_too() -> None:
    assert whole({"extract": {"a": ["load", "report"], "*": ["report"]}}, ["a"]).consumers == ("report",)


def test_a_rule_of_its_own_decides_return_value_alone() -> None:
    raw = {"extract": {"a": ["load"], "return_value": ["report"]}}

    assert whole(raw, ["a"]).consumers == ("report",)


def test_a_flat_rule_for_return_value_is_its_own_too() -> None:
    assert whole({"a": ["load"], "return_value": ["report"]}, ["a"]).consumers == ("report",)


def test_the_shortest_ttl_and_the_strictest_run_count() -> None:
    raw = {
        "extract": {
            "a": {"consumers": ["load"], "ttl_seconds": 60, "same_run": True},
            "b": {"consumers": ["load"], "ttl_seconds": 30},
        }
    }

    in_force = whole(raw, ["a", "b"])

    assert in_force.ttl == timedelta(seconds=30)
    assert in_force.same_run is True


@pytest.mark.parametrize("key", ["a", "b", "*"])
def test_the_whole_is_read_once_if_any_output_is(key: str) -> None:
    raw = {"extract": {key: {"consumers": ["load"], "once": True}}}

    assert whole(raw, ["a", "b"]).once is True
    assert whole(raw, ["c"]).once is (key == "*")


def test_a_rule_of_its_own_says_for_return_value_alone_whether_it_is_read_once() -> None:
    raw = {"extract": {"a": {"consumers": ["load"], "once": True}, "return_value": ["report"]}}

    assert whole(raw, ["a"]).once is False


def test_the_default_ttl_counts_for_keys_without_one() -> None:
    raw = {"extract": {"a": {"consumers": ["load"], "ttl_seconds": 3600}}}

    assert whole(raw, ["a", "b"], ttl=timedelta(seconds=60)).ttl == timedelta(seconds=60)


def test_the_default_ttl_counts_where_only_the_whole_has_one() -> None:
    raw = {"extract": {"a": ["load"]}, "*": {"consumers": ["load"], "ttl_seconds": 3600}}

    assert whole(raw, ["a"], ttl=timedelta(seconds=60)).ttl == timedelta(seconds=60)


def test_under_linked_each_key_has_its_own_links() -> None:
    raw = {"extract": {"token": "linked", "*": ["load", "report", "transform"]}}

    assert whole(raw, ["token"]).consumers == ("load", "transform")


def test_the_source_says_that_it_is_an_intersection() -> None:
    raw = {"extract": {"a": ["load"]}}

    assert whole(raw, ["a"]).source == (
        "multiple_outputs, intersection of default_consumers (same_dag), xcom_acl['extract']['a']"
    )


def test_a_secret_among_the_keys_makes_the_whole_restricted() -> None:
    assert whole({"extract": {"a": ["load"]}}, ["a", "b"]).restricted is True
    assert whole({}, ["a", "b"]).restricted is False


def test_without_keys_return_value_has_its_own_rule() -> None:
    in_force = whole({"*": ["load"]}, [])

    assert (in_force.consumers, in_force.source) == (("load",), "xcom_acl['*']")


@pytest.mark.parametrize(
    ("keys", "named"), [("abcd", "['d']"), ("abcde", "['d'] and 1 more"), ("abcdefg", "['d'] and 3 more")]
)
def test_the_source_names_five_rules_and_counts_the_others(keys: str, named: str) -> None:
    raw = {"extract": {key: ["load"] for key in keys}}
    in_force = acl_of({**raw, "*": ["load"]}).in_force(WHOLE, GRAPH, output_keys=list(keys))

    assert in_force.source.startswith("multiple_outputs, intersection of xcom_acl['*'], ")
    assert in_force.source.endswith(named)


def test_under_linked_a_task_that_takes_the_whole_dict_takes_its_keys() -> None:
    assert whole({}, ["token"], default="linked").consumers == ("transform",)


class Shouting(str):
    """A text that answers comparisons as its author likes."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize("further", [0, 20])
def test_output_keys_of_a_subclass_of_str_are_compared_as_text(further: int) -> None:
    raw = {"extract": {"token": ["load"], **{f"key_{number}": ["report"] for number in range(further)}}}

    assert acl_of(raw).in_force(WHOLE, GRAPH, output_keys=[Shouting("token")]).consumers == ("load",)


def test_output_keys_change_nothing_for_other_keys() -> None:
    acl = acl_of({"extract": {"a": "nobody"}})

    assert acl.in_force(TOKEN, GRAPH, output_keys=["a"]).consumers == ("*",)


@pytest.mark.parametrize(
    ("left", "right", "both"),
    [
        (["*"], ["load"], ("load",)),
        (["load"], ["*"], ("load",)),
        (["*/*"], ["*"], ("*",)),
        (["*"], ["bi/*"], ()),
        (["*/load"], ["load", "bi/load", "bi/x"], ("load", "bi/load")),
        (["group.*"], ["group.a*", "other"], ("group.a*",)),
        (["group.*"], ["*.a"], ()),
        (["load", "report"], ["report", "load"], ("load", "report")),
        ([], ["*"], ()),
    ],
)
def test_the_intersection_of_two_lists(left: list[str], right: list[str], both: tuple[str, ...]) -> None:
    acl = parse({"producer": {"a": left, "*": right}}, dag_id="etl", task_ids=["producer"], default_consumers="nobody")

    assert acl.in_force(Coordinate("etl", "r", "producer", "return_value"), GRAPH, ["a"]).consumers in (
        both,
        both[::-1],
    )


# What is in force grants nothing that the whole ACL denies

ids = st.sampled_from(["extract", "transform", "load", "report"])
id_patterns = st.sampled_from(["extract", "load", "ex*", "*t", "*", "*a*"])
keys = st.sampled_from(["a", "b", "return_value", "a*", "*", "*e"])
consumers = st.lists(st.sampled_from(["load", "report", "l*", "*", "*/*", "bi/load", "bi/*", "*/l*"]), max_size=3)
fixed_words = st.sampled_from(["same_dag", "nobody", "anyone"])
rules = (
    consumers
    | fixed_words
    | st.fixed_dictionaries({"consumers": consumers, "same_run": st.booleans(), "once": st.booleans()})
)
acls = st.dictionaries(id_patterns, st.dictionaries(keys, rules, min_size=1, max_size=3), max_size=4)
principals = st.builds(Principal, st.sampled_from(["etl", "bi"]), ids, st.sampled_from(["r1", "r2", None]), st.just(-1))


@given(acls, fixed_words, ids, st.sampled_from(["a", "b", "return_value"]), principals)
def test_in_force_decides_as_the_whole_acl(
    raw: Any, default: str, producer: str, key: str, principal: Principal
) -> None:
    acl = acl_of(raw, default)
    coordinate = Coordinate("etl", "r1", producer, key)

    in_force = decide(acl.in_force(coordinate, GRAPH), coordinate, principal)

    assert in_force.allowed is decide(acl, coordinate, principal).allowed


@given(acls, fixed_words, st.lists(st.sampled_from(["a", "b", "c"]), unique=True, min_size=1), principals)
def test_return_value_goes_to_nobody_who_may_not_read_every_key(
    raw: Any, default: str, output_keys: list[str], principal: Principal
) -> None:
    acl = acl_of(raw, default)
    in_force = acl.in_force(WHOLE, GRAPH, output_keys)

    if decide(in_force, WHOLE, principal).allowed and acl.rule_for("extract", "return_value").key != "return_value":
        for key in [*output_keys, "return_value"]:
            assert decide(acl, Coordinate("etl", "r1", "extract", key), principal).allowed


@given(acls, fixed_words, ids, st.text(max_size=5))
def test_loads_returns_what_dumps_wrote(raw: Any, default: str, producer: str, key: str) -> None:
    in_force = acl_of(raw, default).in_force(Coordinate("etl", "r1", producer, key), GRAPH)

    assert Acl.loads(in_force.dumps()) == in_force


def test_a_whole_acl_cannot_be_dumped() -> None:
    with pytest.raises(InvalidAcl, match="in_force"):
        acl_of({"token": ["load"]}).dumps()
