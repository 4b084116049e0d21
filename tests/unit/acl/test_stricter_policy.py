"""The field `report_consumers`, which only the rule object of `"*"` may have."""

from __future__ import annotations

from typing import Any

import pytest

from exclusive_redis_xcom.acl import Acl, parse
from exclusive_redis_xcom.errors import InvalidAcl


def parsed(raw: Any) -> Acl:
    return parse(raw, dag_id="dag", task_ids=["a", "b"], default_consumers="same_dag")


@pytest.mark.parametrize("word", ["linked", "downstream", "nobody"])
def test_the_policy_may_name_a_stricter_word(word: str) -> None:
    (rule,) = parsed({"*": {"consumers": "same_dag", "report_consumers": word}}).rules

    assert (rule.consumers, rule.report_consumers, rule.restricted) == ("same_dag", word, False)


def test_other_rules_name_none() -> None:
    assert [rule.report_consumers for rule in parsed({"*": "same_dag", "a": {"key": ["b"]}}).rules] == [None, None]


def test_keys_of_these_names_stay_keys() -> None:
    (rule,) = parsed({"a": {"report_consumers": ["b"]}}).rules

    assert (rule.producer, rule.key, rule.consumers) == ("a", "report_consumers", ("b",))


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        (
            {"a": {"key": {"consumers": ["b"], "report_consumers": "linked"}}},
            [
                "DAG 'dag', xcom_acl['a']['key']: a rule has no field 'report_consumers'.",
                "Did you mean 'consumers'? The fields are 'consumers', 'ttl_seconds', 'same_run', 'once'.",
                "Only the rule object of '*' may have report_consumers.",
            ],
        ),
        (
            {"*": {"consumers": "same_dag", "report_consumers": "anyone"}},
            [
                "DAG 'dag', xcom_acl['*']: report_consumers is 'anyone'.",
                "The words are 'linked', 'downstream', 'nobody'.",
            ],
        ),
        (
            {"*": {"consumers": "same_dag", "report_consumers": ["b"]}},
            [
                "DAG 'dag', xcom_acl['*']: report_consumers is a value of type list.",
                "The words are 'linked', 'downstream', 'nobody'.",
            ],
        ),
    ],
)
def test_what_is_refused(raw: Any, lines: list[str]) -> None:
    with pytest.raises(InvalidAcl) as caught:
        parsed(raw)

    assert str(caught.value).splitlines() == lines
