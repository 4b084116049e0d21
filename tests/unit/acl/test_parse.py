from __future__ import annotations

import ast
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl import POLICY_WORDS, Acl, Rule, parse
from exclusive_redis_xcom.errors import InvalidAcl

TASKS = ["extract", "load", "token"]


def acl_of(raw: Any) -> Acl:
    return parse(raw, dag_id="etl", task_ids=TASKS, default_consumers="same_dag")


def only_rule(raw: Any) -> Rule:
    (rule,) = acl_of(raw).rules
    return rule


def refusal(raw: Any) -> str:
    with pytest.raises(InvalidAcl) as caught:
        acl_of(raw)
    return str(caught.value)


def test_the_nested_form_names_producer_and_key() -> None:
    rule = only_rule({"extract": {"secret": ["load"]}})

    assert (rule.producer, rule.key, rule.consumers) == ("extract", "secret", ("load",))


def test_the_flat_form_names_a_key_of_any_task() -> None:
    rule = only_rule({"secret": ["load"]})

    assert (rule.producer, rule.key, rule.consumers) == (None, "secret", ("load",))


def test_a_rule_object_carries_ttl_and_same_run() -> None:
    rule = only_rule({"extract": {"secret": {"consumers": ["load"], "ttl_seconds": 60, "same_run": True}}})

    assert (rule.ttl, rule.same_run) == (timedelta(minutes=1), True)


def test_a_flat_rule_object_is_told_by_its_fields() -> None:
    rule = only_rule({"secret": {"consumers": "linked", "ttl_seconds": 60}})

    assert (rule.producer, rule.key, rule.consumers) == (None, "secret", "linked")


def test_keys_called_like_fields_are_keys_when_their_rules_are_objects() -> None:
    acl = acl_of({"extract": {"consumers": {"consumers": ["load"]}, "ttl_seconds": ["load"]}})

    assert {(rule.producer, rule.key) for rule in acl.rules} == {("extract", "consumers"), ("extract", "ttl_seconds")}


def test_a_star_with_a_dict_of_keys_is_a_producer_pattern() -> None:
    assert only_rule({"*": {"token": ["load"]}}).producer == "*"


@pytest.mark.parametrize("word", POLICY_WORDS)
def test_every_policy_word_may_stand_for_consumers(word: str) -> None:
    assert only_rule({"*": word}).consumers == word


def test_tuples_are_lists() -> None:
    assert only_rule({"secret": ("load", "other")}).consumers == ("load", "other")


def test_a_consumer_named_twice_is_one_consumer() -> None:
    assert only_rule({"secret": ["load", "load", "etl/load"]}).consumers == ("load",)


def test_an_empty_acl_has_no_rules() -> None:
    assert acl_of({}).rules == ()


def test_the_dags_star_is_a_policy_and_no_restriction_of_its_own() -> None:
    assert only_rule({"*": ["load"]}).restricted is False
    assert only_rule({"secret": ["load"]}).restricted is True


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        pytest.param(None, "it must be a dict, not None. Write a dict", id="none"),
        pytest.param([["load"]], "it must be a dict, not a list. Write a dict", id="a list"),
        pytest.param("linked", "Write a dict", id="a word"),
        pytest.param(
            {"secret": "load"},
            "'load' is not a policy word. Write a task in a list: ['load']. The policy words are 'same_dag', 'linked', "
            "'downstream', 'nobody', 'anyone'.",
            id="a bare task id",
        ),
        pytest.param({"secret": "linkd"}, "not a policy word. Did you mean 'linked'? The", id="a misspelt word"),
        pytest.param({"secret": "SAME_DAG"}, "word. Did you mean 'same_dag'? The", id="a word in capitals"),
        pytest.param(
            {"secret": None},
            "the consumers are None. Write a list of task ids, or one of 'same_dag', 'linked', 'downstream', 'nobody', "
            "'anyone'. An empty list means nobody.",
            id="no consumers",
        ),
        pytest.param({"secret": {"load"}}, "the consumers have the type set. Write a list", id="a set"),
        pytest.param({"secret": 1}, "the consumers have the type int. Write a list", id="a number"),
        pytest.param({"secret": [None]}, "must be text", id="a consumer that is none"),
        pytest.param({"secret": [["load"]]}, "must be text", id="a nested list"),
        pytest.param({"secret": [""]}, "is empty", id="an empty consumer"),
        pytest.param({"secret": ["/load"]}, "is empty", id="a consumer without a DAG before the slash"),
        pytest.param({"secret": ["dag/"]}, "is empty", id="a consumer without a task after the slash"),
        pytest.param({"secret": ["a/b/c"]}, "more than one '/'", id="a consumer with two slashes"),
        pytest.param({"secret": ["a**"]}, "Write '*'", id="a doubled star"),
        pytest.param({"secret": ["x" * 251]}, "251 characters", id="a long consumer"),
        pytest.param({"secret": ["\ud800"]}, "surrogate", id="half a surrogate pair"),
        pytest.param({"": ["load"]}, "the XCom key is empty. Write a name, or '*' for any.", id="an empty key"),
        pytest.param({1: ["load"]}, "must be text", id="a key that is a number"),
        pytest.param({"k" * 513: ["load"]}, "513 characters", id="a long key"),
        pytest.param({"": {"secret": ["load"]}}, "is empty", id="an empty producer"),
        pytest.param({"extract": {"": ["load"]}}, "is empty", id="an empty key of a producer"),
        pytest.param({"extract": {None: ["load"]}}, "must be text", id="a key of a producer that is none"),
        pytest.param(
            {"etl/extract": {"secret": ["load"]}},
            "the producer must be a task of this DAG. Write its id without the DAG's id.",
            id="a producer with its DAG",
        ),
        pytest.param({"extract": {}}, "no XCom key", id="a producer without keys"),
        pytest.param({"extract": {"secret": {}}}, "names no consumers", id="a rule object without consumers"),
        pytest.param({"extract": {"secret": {"ttl_seconds": 5}}}, "names no consumers", id="a rule with a TTL only"),
        pytest.param(
            {"secret": {"consumers": ["load"], "ttl": 5}},
            "a rule has no field 'ttl'. Did you mean 'ttl_seconds'? The fields are 'consumers', 'ttl_seconds', "
            "'same_run', 'once'.",
            id="an unknown field",
        ),
        pytest.param(
            {"*": {"consumers": ["load"], "ttl": 5}}, "a rule has no field 'ttl'.", id="an unknown field at the star"
        ),
        pytest.param(
            {"extract": {"secret": {"consumer": ["load"]}}},
            "a rule has no field 'consumer'. Did you mean 'consumers'? The",
            id="a misspelt field",
        ),
        pytest.param({"extract": {"secret": {"once": True}}}, "names no consumers", id="once without consumers"),
        pytest.param({"secret": {"consumers": ["load"], 1: 2}}, "no field 1.", id="a field that is a number"),
        pytest.param({"secret": {"consumers": "load"}}, "in a list: ['load']", id="a bare task id in a rule object"),
    ],
)
def test_what_is_not_an_acl_is_refused_with_a_fix(raw: Any, hint: str) -> None:
    text = refusal(raw)

    assert text.startswith("DAG 'etl', xcom_acl")
    assert len(text.splitlines()[0]) <= 100
    assert hint in " ".join(text.splitlines())


@pytest.mark.parametrize("seconds", [0, -1, True, 1.5, None, 10**12])
def test_a_ttl_is_a_positive_whole_number_of_seconds(seconds: Any) -> None:
    text = refusal({"secret": {"consumers": ["load"], "ttl_seconds": seconds}})

    assert text.splitlines() == [
        f"DAG 'etl', xcom_acl['secret']: ttl_seconds is {seconds}.",
        "Write a whole number from 1 to 3153600000.",
    ]


@pytest.mark.parametrize(
    ("seconds", "what"),
    [
        pytest.param("60", "'60'. Write a whole number of seconds without quotes: 60.", id="digits"),
        pytest.param(3600.0, "3600.0. Write a whole number of seconds: 3600.", id="a whole float"),
        pytest.param("1h", "'1h'. Write a whole number of seconds without quotes: 3600.", id="a duration"),
        pytest.param("soon", "'soon'. Write a whole number from 1 to 3153600000, without quotes.", id="text"),
        pytest.param("0h", "'0h'. Write a whole number from 1 to 3153600000, without quotes.", id="no time"),
        pytest.param("9999w", "'9999w'. Write a whole number from 1 to 3153600000, without quotes.", id="too long"),
        pytest.param([60], "a value of type list. Write a whole number from 1 to 3153600000.", id="a list"),
        pytest.param(10**5000, "a value of type int. Write a whole number from 1 to 3153600000.", id="a long number"),
    ],
)
def test_a_ttl_of_another_type_is_shown_with_a_bounded_length(seconds: Any, what: str) -> None:
    text = refusal({"secret": {"consumers": ["load"], "ttl_seconds": seconds}})

    assert " ".join(text.splitlines()).endswith(f": ttl_seconds is {what}")


@pytest.mark.parametrize("field", ["same_run", "once"])
@pytest.mark.parametrize("value", [0, 1, "yes", None])
def test_same_run_and_once_are_booleans(field: str, value: Any) -> None:
    text = refusal({"extract": {"secret": {"consumers": ["load"], field: value}}})

    assert text.endswith(f": {field} must be True or False, not {value!r}.")


@pytest.mark.parametrize("consumers", [["load"], "same_dag", "linked", []])
@pytest.mark.parametrize("once", [True, False])
def test_a_rule_object_says_whether_a_value_is_read_once(consumers: Any, once: bool) -> None:
    acl = acl_of({"extract": {"secret": {"consumers": consumers, "once": once}}})

    assert acl.rule_for("extract", "secret").once is once


def test_without_a_word_of_it_a_value_is_read_as_often_as_wanted() -> None:
    assert acl_of({"secret": ["load"]}).rule_for("extract", "secret").once is False
    assert acl_of({}).rule_for("extract", "secret").once is False


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (["load"], "['load']"),
        (("load",), "['load']"),
        ("load", "['load']"),
        ("nobody", "'nobody'"),
        ({"consumers": ["load"], "once": True}, "{'consumers': ['load'], 'once': True}"),
        (["load"] * 100, "['consumer_task']"),
        (None, "['consumer_task']"),
    ],
)
def test_a_rule_directly_under_a_task_would_not_protect_it_and_is_refused(rule: Any, said: str) -> None:
    text = refusal({"extract": rule})

    hint = f" For a key named 'consumers', write {{'extract': {{'consumers': {said}}}}}."
    assert text.splitlines() == [
        "DAG 'etl', xcom_acl['extract']: it names a task and no XCom key.",
        f"'extract' is a task of this DAG. But {{'extract': {said}}} is a rule for the XCom key 'extract' of any task. "
        "It would not protect what the task pushes.",
        f"For what the task returns, write {{'extract': {{'return_value': {said}}}}}. For all its keys, write "
        f"{{'extract': {{'*': {said}}}}}. For the key 'extract' of any task, write {{'*': {{'extract': {said}}}}}."
        f"{hint if isinstance(rule, dict) else ''}",
    ]


@pytest.mark.parametrize("rule", [["load"], "load", "nobody", {"consumers": ["load"], "once": True}])
def test_the_advice_for_a_rule_directly_under_a_task_is_accepted(rule: Any) -> None:
    advice = refusal({"extract": rule}).splitlines()[2]

    offered = re.findall(r"write (\{.*?\})(?=\.(?: |$))", advice)
    assert len(offered) == (4 if isinstance(rule, dict) else 3)
    for text in offered:
        acl_of(ast.literal_eval(text))


def test_long_ids_leave_room_for_the_decision_and_stand_whole_at_the_end() -> None:
    key = "k" * 300

    lines = refusal({"extract": {key: {"consumers": ["load"], "once": "yes"}}}).splitlines()

    assert len(lines[0]) <= 100
    assert lines[0].endswith(": once must be True or False, not 'yes'.")
    assert lines[-1] == f"DAG 'etl', xcom_acl['extract']['{key}']."


def test_an_unknown_default_is_refused() -> None:
    with pytest.raises(InvalidAcl, match="same_dag, linked, downstream, nobody, anyone"):
        parse({}, dag_id="etl", task_ids=[], default_consumers="everyone")


def test_too_many_rules_are_refused() -> None:
    assert "10000 rules" in refusal({f"key_{number}": ["load"] for number in range(10_001)})
    assert "10000 rules" in refusal({"extract": {f"key_{number}": ["load"] for number in range(10_001)}})


def test_too_many_consumers_are_refused() -> None:
    assert "1000 consumers" in refusal({"secret": [f"task_{number}" for number in range(1001)]})


def test_a_long_name_is_not_repeated_in_the_text_in_full() -> None:
    assert len(refusal({"k" * 100_000: ["load"]})) < 2000


def test_a_large_acl_is_read_and_asked_in_good_time() -> None:
    raw = {f"prefix_{number}_*": ["load"] for number in range(10_000)}
    started = time.perf_counter()

    assert acl_of(raw).rule_for("extract", "prefix_9999_x").key == "prefix_9999_*"

    assert time.perf_counter() - started < 20


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(POLICY_WORDS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["extract", "*", "consumers", "ttl_seconds", "same_run", "once"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_an_acl_or_refused(raw: Any) -> None:
    try:
        acl = acl_of(raw)
    except InvalidAcl:
        return
    assert isinstance(acl, Acl)


@given(st.permutations([("*oken", "a"), ("toke*", "b"), ("t*ken", "c"), ("tok*n", "d"), ("*", "e"), ("token2", "f")]))
def test_the_order_of_entries_changes_nothing(entries: list[tuple[str, str]]) -> None:
    shuffled = acl_of({key: [consumer] for key, consumer in entries})
    straight = acl_of({key: [consumer] for key, consumer in sorted(entries)})

    assert shuffled == straight
