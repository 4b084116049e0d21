"""Each check on a DAG that has its mistake, and on one that has not."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk import DAG, task

from exclusive_redis_xcom import exclusive
from exclusive_redis_xcom.access.facts import DagFacts, Pull
from exclusive_redis_xcom.access.finding import Finding
from exclusive_redis_xcom.access.lint import CHECKS, Linted, lint
from exclusive_redis_xcom.access.loading import Refused
from exclusive_redis_xcom.access.parsed import facts_of, unchecked_facts_of
from exclusive_redis_xcom.declaration import AclWarning
from exclusive_redis_xcom.errors import InvalidAcl


def etl(acl: object = None, *, dag_id: str = "etl", key: str = "token") -> DAG:
    """A DAG with the tasks before, extract, load and aside. `load` takes an XCom as an argument."""
    with DAG(dag_id, schedule=None, params={} if acl is None else {"xcom_acl": acl}) as dag:

        @task
        def before() -> None: ...

        @task
        def extract() -> int:
            return 1

        @task
        def load(value: object) -> None: ...

        @task
        def aside() -> int:
            return 1

        extracted = extract()
        before() >> extracted
        load(extracted if key == "return_value" else extracted[key])
        aside()
    return dag


def checked(dag: DAG, word: str = "same_dag") -> DagFacts:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AclWarning)  # what it says is a finding, too
        return facts_of(dag, default_consumers=word)


def refused(dag: DAG) -> Refused:
    with pytest.raises(InvalidAcl) as caught:
        facts_of(dag, default_consumers="same_dag")
    try:
        facts = unchecked_facts_of(dag, default_consumers="same_dag")
    except InvalidAcl:
        facts = None
    error = caught.value
    return Refused(dag.dag_id, "test_checks.py", 7, __file__, str(error), error.fault, facts)


def shown(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.level, finding.message


def found(*dags: DagFacts, code: str, **others: Any) -> list[tuple[str, str, str]]:
    return [shown(each) for each in lint(Linted(dags, **others)) if each.code == code]


def test_a_dag_without_rules_has_no_findings() -> None:
    assert lint(Linted((checked(etl(key="rows")),))) == []


@pytest.mark.parametrize(
    ("acl", "code", "message", "remedy"),
    [
        (
            {"extract": {"token": ["laod"]}},
            "EX101",
            "xcom_acl['extract']['token']: the consumer 'laod' is not a task of this DAG.",
            "Did you mean 'load'? For a task of another DAG, write 'dag_id/laod'.",
        ),
        (
            {"exrtact": {"token": ["load"]}},
            "EX101",
            "xcom_acl['exrtact']['token']: the producer 'exrtact' is not a task of this DAG.",
            "Did you mean 'extract'?",
        ),
        (
            {"extract": {"token": ["before"]}},
            "EX102",
            "xcom_acl['extract']['token']: the consumer before can never run after its producer 'extract'.",
            "The consumer is upstream. Remove it from the rule, or reverse the dependency.",
        ),
        (
            {"extract": {"token": "load"}},
            "EX103",
            "xcom_acl['extract']['token']: 'load' is not a policy word.",
            "Write a task in a list: ['load']. The policy words are 'same_dag', 'linked', 'downstream', 'nobody', "
            "'anyone'.",
        ),
        (
            {"extract": {"token": ["linked"]}},
            "EX103",
            "xcom_acl['extract']['token']: 'linked' is a policy word, and a list names tasks.",
            "Write it without the list: 'linked'.",
        ),
        (
            {"extract": ["load"]},
            "EX104",
            "xcom_acl['extract']: it names a task and no XCom key.",
            "'extract' is a task of this DAG. But {'extract': ['load']} is a rule for the XCom key 'extract' of any "
            "task. It would not protect what the task pushes. For what the task returns, write {'extract': "
            "{'return_value': ['load']}}. For all its keys, write {'extract': {'*': ['load']}}. For the key 'extract' "
            "of any task, write {'*': {'extract': ['load']}}.",
        ),
        (
            {"extrct*": {"token": ["load"]}},
            "EX107",
            "xcom_acl['extrct*']['token']: the producer pattern 'extrct*' matches no task of this DAG.",
            "The DAG's tasks are 'aside', 'before', 'extract', 'load'.",
        ),
        (
            {"extract": {"token": {"consumers": ["load"], "ttl": 60}}},
            "EX108",
            "xcom_acl['extract']['token']: a rule has no field 'ttl'.",
            "Did you mean 'ttl_seconds'? The fields are 'consumers', 'ttl_seconds', 'same_run', 'once'.",
        ),
        ([], "EX108", "xcom_acl: it must be a dict, not a list.", None),
    ],
)
def test_a_dag_that_airflow_refuses_is_a_finding_with_its_place(
    acl: object, code: str, message: str, remedy: str | None
) -> None:
    (finding,) = lint(Linted((), (refused(etl(acl)),)))

    assert shown(finding) == (code, "error", message)
    assert finding.dag_id == "etl"
    assert finding.file == "test_checks.py"
    assert remedy is None or finding.remedy == remedy


def test_all_mistakes_of_a_refused_dag_are_found() -> None:
    acl = {"extract": {"a": ["laod"], "b": ["before"], "c": ["aside"]}}

    codes = [finding.code for finding in lint(Linted((), (refused(etl(acl)),)))]

    assert sorted(codes) == ["EX101", "EX102", "EX106"]


def test_a_refusal_that_no_rule_explains_is_a_finding_too() -> None:
    (finding,) = lint(Linted((), (refused(DAG("d", schedule=None, params={"xcom_alc": {}})),)))

    assert shown(finding) == ("EX108", "error", "the param 'xcom_alc' protects nothing. Did you mean 'xcom_acl'?")


@pytest.mark.parametrize(
    ("acl", "code", "level", "message"),
    [
        (
            {"extract": {"token": ["aside"]}},
            "EX106",
            "warning",
            "xcom_acl['extract']['token']: the consumer 'aside' is not downstream of its producer 'extract', so it may "
            "run before the value is pushed.",
        ),
        (
            {"extract": {"token": ["repotr_*"]}},
            "EX107",
            "warning",
            "xcom_acl['extract']['token']: the consumer pattern 'repotr_*' matches no task of this DAG.",
        ),
        (
            {"extract": {"token": ["bef*"]}},
            "EX102",
            "warning",
            "xcom_acl['extract']['token']: all tasks that the consumer pattern 'bef*' matches run before its producer "
            "'extract'.",
        ),
        (
            {"extr*": ["load"]},
            "EX104",
            "warning",
            "xcom_acl['extr*']: here 'extr*' is a pattern of XCom keys of any task, but it also matches tasks of this "
            "DAG.",
        ),
        (
            {"extract": {"token": "anyone"}},
            "EX111",
            "warning",
            "xcom_acl['extract']['token']: the word 'anyone' lets tasks of all DAGs read.",
        ),
        (
            {"extract": {"token": ["load", "*/*"]}},
            "EX111",
            "warning",
            "xcom_acl['extract']['token']: the consumer '*/*' is in every DAG.",
        ),
        (
            {"extract": {"token": {"consumers": ["load", "extract"], "once": True}}},
            "EX112",
            "note",
            "xcom_acl['extract']['token']: only the first of 2 consumers to pull the value gets it.",
        ),
        (
            {"extract": {"token": {"consumers": ["lo*"], "once": True}}},
            "EX112",
            "warning",
            "xcom_acl['extract']['token']: the value is read once, and a pattern may name several tasks.",
        ),
        (
            {"extract": {"token": {"consumers": "downstream", "once": True}}},
            "EX112",
            "warning",
            "xcom_acl['extract']['token']: the value is read once, and 'downstream' may be several tasks.",
        ),
        (
            {"extract": {"token": ["nowhere/x"]}},
            "EX113",
            "warning",
            "xcom_acl['extract']['token']: there is no DAG of the consumer 'nowhere/x'.",
        ),
        (
            {"extract": {"token": ["now*/x"]}},
            "EX113",
            "warning",
            "xcom_acl['extract']['token']: no DAG matches the consumer 'now*/x'.",
        ),
        (
            {"extract": {"token": ["other/laod"]}},
            "EX101",
            "error",
            "xcom_acl['extract']['token']: the consumer 'other/laod' does not exist: DAG 'other' has no task 'laod'.",
        ),
        (
            {"extract": {"token": ["oth*/laod"]}},
            "EX101",
            "error",
            "xcom_acl['extract']['token']: the consumer 'oth*/laod' does not exist: no DAG that matches has such a "
            "task.",
        ),
        (
            {"extract": {"token": ["other/laod*"]}},
            "EX107",
            "warning",
            "xcom_acl['extract']['token']: no task matches the consumer 'other/laod*'.",
        ),
    ],
)
def test_a_rule_that_looks_wrong_is_a_finding(acl: object, code: str, level: str, message: str) -> None:
    others = checked(etl(dag_id="other", key="rows"))

    assert found(checked(etl(acl)), others, code=code) == [(code, level, message)]


@pytest.mark.parametrize(
    "acl",
    [
        {"extract": {"token": ["load"]}},
        {"extract": {"token": ["l*"]}},
        {"extract": {"token": ["other/load", "other/*", "oth*/l*"]}},
        {"extract": {"token": {"consumers": ["load"], "once": True}}},
        {"extract": {"token": {"consumers": "nobody", "once": True}}},
        {"*": "linked"},
        {"extract": {"*": "downstream"}},
    ],
)
def test_a_sound_rule_is_no_finding(acl: object) -> None:
    dags = (checked(etl(acl, key="rows")), checked(etl(dag_id="other", key="rows")))

    assert [finding for finding in lint(Linted(dags)) if finding.code not in ("EX121", "EX122")] == []


@pytest.mark.parametrize(
    "others", [{"whole": False}, {"errors": {"/dags/broken.py": "NameError: x"}}], ids=["single file", "broken file"]
)
def test_a_dag_that_may_be_elsewhere_is_only_a_note(others: Mapping[str, Any]) -> None:
    facts = checked(etl({"extract": {"token": ["nowhere/x"]}}))

    assert [level for _, level, _ in found(facts, code="EX113", **others)] == ["note"]


def test_a_refused_dag_is_there_all_the_same() -> None:
    facts = checked(etl({"extract": {"token": ["other/load"]}}))
    other = refused(etl({"extract": {"token": ["laod"]}}, dag_id="other"))

    assert found(facts, code="EX113", refused=(other,)) == []


def test_a_setting_that_lets_everybody_read_is_a_finding_of_each_dag_without_a_policy() -> None:
    dags = (checked(etl(), "anyone"), checked(etl({"*": "linked"}, dag_id="closed"), "anyone"))

    assert found(*dags, code="EX111") == [
        ("EX111", "warning", "default_consumers is 'anyone', so tasks of all DAGs read each XCom without a rule.")
    ]


@pytest.mark.parametrize(
    ("acl", "word", "message"),
    [
        (None, "same_dag", "only default_consumers (same_dag) is about it"),
        (None, "linked", "only default_consumers (linked) is about it"),
        ({"*": "same_dag"}, "nobody", "only xcom_acl['*'] (same_dag) is about it"),
        ({"extract": {"token": ["load"]}}, "same_dag", None),
        ({"token": ["load"]}, "same_dag", None),
        ({"*": "linked"}, "same_dag", None),
        ({"*": ["load"]}, "same_dag", None),
        (None, "nobody", None),
    ],
)
def test_a_secret_needs_a_rule(acl: object, word: str, message: str | None) -> None:
    expected = [("EX114", "warning", f"the key 'token' of extract is named like a secret, and {message}.")]

    assert found(checked(etl(acl), word), code="EX114") == (expected if message else [])


@pytest.mark.parametrize(("key", "level"), [("rows", "note"), ("token", "warning")])
def test_a_restricted_value_that_is_an_argument_is_a_finding(key: str, level: str) -> None:
    message = f"load takes the restricted key '{key}' of extract as an argument or template."

    assert found(checked(etl({"extract": {key: ["load"]}}, key=key)), code="EX121") == [("EX121", level, message)]
    assert found(checked(etl({"*": "linked"}, key=key)), code="EX121") == []


def pulling(facts: DagFacts, *pulls: Pull) -> DagFacts:
    """The same DAG, where the code of `aside` has these pulls."""
    return replace(facts, tasks={**facts.tasks, "aside": replace(facts.tasks["aside"], pulls=pulls)})


def test_a_pull_that_no_rule_allows_is_an_error_at_its_line() -> None:
    facts = pulling(checked(etl({"extract": {"token": ["load"]}})), Pull("etl", "extract", "token", "code", 42))

    (finding,) = [each for each in lint(Linted((facts,))) if each.code == "EX122"]

    # The line of the rule is not what is tested here.
    assert re.sub(r":\d+", "", finding.message) == (
        "aside pulls 'token' of extract, and may not: "
        "xcom_acl['extract']['token'] at test_checks.py allows only 'load'."
    )
    assert (finding.level, finding.file, finding.line) == ("error", "test_checks.py", 42)


def test_a_pull_from_another_dag_is_checked_by_that_dag_s_rules() -> None:
    other = checked(etl({"extract": {"token": ["etl/aside"]}}, dag_id="other", key="rows"))
    facts = pulling(
        checked(etl(key="rows")),
        Pull("other", "extract", "token", "code", 1),
        Pull("other", "aside", "return_value", "code", 2),
        Pull("elsewhere", "x", "y", "code", 3),
    )

    assert found(facts, other, code="EX122") == [
        (
            "EX122",
            "error",
            "aside pulls 'return_value' of other/aside, and may not: default_consumers (same_dag) allows only tasks of "
            "DAG 'other'.",
        )
    ]


@pytest.mark.parametrize(
    "pull",
    [
        Pull("etl", None, "token", "code"),
        Pull("etl", "extract", None, "code"),
        Pull("etl", "aside", "token", "code"),
        Pull("etl", "extract", "skipmixin_key", "code"),
    ],
    ids=["computed task", "computed key", "its own", "Airflow's own"],
)
def test_what_may_be_allowed_is_no_finding(pull: Pull) -> None:
    facts = pulling(checked(etl({"*": "nobody"}, key="rows")), pull)

    assert [each for each in lint(Linted((facts,))) if "aside" in each.subject] == []


def test_a_pull_from_a_task_that_does_not_exist_is_a_warning() -> None:
    facts = pulling(checked(etl(key="rows")), Pull("etl", "exrtact", None, "code", 5))

    assert found(facts, code="EX123") == [
        ("EX123", "warning", "aside pulls from 'exrtact', which is no task of DAG 'etl'.")
    ]


def test_pulls_of_task_code_are_read_from_the_code() -> None:
    with DAG("coded", schedule=None, params={"xcom_acl": {"push": {"api_key": ["load"]}}}) as dag:

        @task
        def push(ti: Any = None) -> None:
            ti.xcom_push(key="api_key", value="")
            ti.xcom_push(key="db_password", value="")

        @task
        def load(ti: Any = None) -> None:
            ti.xcom_pull(task_ids="push", key="api_key")

        @task
        def spy(ti: Any = None) -> None:
            ti.xcom_pull(task_ids="push", key="api_key")

        push() >> [load(), spy()]

    findings = lint(Linted((checked(dag),)))

    assert [(finding.code, finding.subject) for finding in findings] == [
        ("EX114", "push:db_password"),
        ("EX122", "spy pulls coded/push:api_key"),
    ]
    assert findings[1].line == spy.function.__code__.co_firstlineno + 2


def test_a_rule_by_exclusive_is_named_by_its_xcom_and_found_at_its_call() -> None:
    with DAG("called", schedule=None) as dag:

        @task
        def extract() -> int:
            return 1

        @task
        def load() -> None: ...

        line = sys._getframe().f_lineno + 1
        exclusive(extract(), to=load())
    (finding,) = lint(Linted((checked(dag),)))

    assert finding.message == (
        "exclusive() for 'return_value' of extract: the consumer 'load' is not downstream of its producer 'extract', "
        "so it may run before the value is pushed."
    )
    assert finding.subject == "exclusive() for 'return_value' of extract -> load"
    assert (finding.file, finding.line) == ("test_checks.py", line)


TWICE = """
from airflow.sdk import DAG
ACL = {
    "extract": {"token": ["load"],
                "token": ["audit"]},
    "extract": {"rows": ["load"]},
    other: {"a": 1},
}
with DAG("etl", params={"xcom_acl": %s}): ...
unrelated = {"a": 1, "a": 2}
"""


@pytest.mark.parametrize("value", ["ACL", "Param(ACL)"])
def test_an_entry_that_stands_twice_is_found_in_the_text(value: str) -> None:
    facts = replace(checked(etl(key="rows")), file="etl.py", path="/dags/etl.py")

    findings = lint(Linted((facts,), texts={"/dags/etl.py": TWICE % value}))

    assert [(each.code, each.dag_id, each.file, each.line, each.message) for each in findings] == [
        (
            "EX105",
            "etl",
            "etl.py",
            5,
            "xcom_acl['extract']['token'] stands at line 4, too, and only the last entry counts.",
        ),
        ("EX105", "etl", "etl.py", 6, "xcom_acl['extract'] stands at line 4, too, and only the last entry counts."),
    ]


@pytest.mark.parametrize("text", ["def (xcom_acl", "xcom_acl = '\0'", "{'xcom_acl': " + "(" * 500, ""])
def test_a_text_that_is_no_python_has_no_entries(text: str) -> None:
    assert lint(Linted((checked(etl(key="rows")),), texts={__file__: text})) == []


def exclusive_error(make: Callable[[], object]) -> str:
    with pytest.raises(InvalidAcl) as caught:
        make()
    return f"Traceback (most recent call last):\n  ...\nexclusive_redis_xcom.errors.InvalidAcl: {caught.value}\n"


def test_two_rules_by_exclusive_are_found_in_the_import_error() -> None:
    def params_too() -> None:
        with DAG("etl", schedule=None, params={"xcom_acl": {"extract": {"return_value": []}}}):

            @task
            def extract() -> None: ...

            exclusive(extract(), to=[])

    def contradicting() -> None:
        with DAG("etl", schedule=None):

            @task
            def extract() -> None: ...

            exclusive(exclusive(extract(), to=[], once=True), to=[])

    findings = lint(Linted((), errors={"/a.py": exclusive_error(params_too), "/b.py": exclusive_error(contradicting)}))

    assert [(each.code, each.dag_id, each.file, each.message) for each in findings] == [
        (
            "EX105",
            "etl",
            __file__,
            "exclusive() for 'return_value' of extract: the DAG's params hold a rule for this XCom too.",
        ),
        ("EX105", "etl", __file__, "exclusive() for 'return_value' of extract: an earlier call sets another once."),
    ]
    assert all(finding.line is not None for finding in findings)


def test_another_mistake_in_a_call_of_exclusive_is_a_wrong_access_list() -> None:
    def none() -> None:
        exclusive(None, to=[])

    (finding,) = lint(Linted((), errors={"/a.py": exclusive_error(none)}))

    assert (finding.code, finding.file) == ("EX108", "/a.py")
    assert finding.message == "exclusive(): its first argument is None."


def test_a_file_that_cannot_be_loaded_is_an_error() -> None:
    (finding,) = lint(Linted((), errors={"/a.py": "Traceback...\nNameError: name 'x' is not defined\n"}))

    assert (finding.code, finding.level, finding.file) == ("EX190", "error", "/a.py")
    assert finding.message == "the file cannot be loaded: NameError: name 'x' is not defined."


def test_findings_are_sorted_by_place() -> None:
    facts = checked(etl({"extract": {"token": ["*/*"], "other": ["load", "nowhere/x"]}, "*": "anyone"}))

    places = [(each.file, each.line or 0, each.code) for each in lint(Linted((facts,)))]

    assert places == sorted(places)
    assert len(places) > 3


def test_ids_that_hold_anything_make_one_line_each() -> None:
    hostile = "a\n::error::b\x1b[31m" + "x" * 10_000
    facts = pulling(checked(etl({"*": "nobody"}, key="rows")), Pull("etl", "extract", hostile, "code", 1))

    (finding,) = [each for each in lint(Linted((facts,))) if each.code == "EX122" and "aside" in each.subject]

    assert finding.message.isprintable()
    assert len(finding.message) < 600


def test_every_check_has_all_its_texts() -> None:
    names = [check.name for check in CHECKS.values()]

    assert len(set(names)) == len(names)
    for code, check in CHECKS.items():
        assert re.fullmatch(r"EX1\d\d", code)
        assert code == check.code
        for text in (check.what, check.why, check.fix):
            assert text.endswith(".")
        assert check.example or code == "EX190"
