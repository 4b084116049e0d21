"""Serialized DAGs: those that three versions of Airflow wrote of one DAG, and data that is no serialized DAG.

`recorded/` has one DAG as each version wrote it. It has arguments of all kinds, `expand`, mapped task groups, setup and
teardown. It has objects with template fields, too, and a field that is too long.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest

from exclusive_redis_xcom.access import Access, DagFacts, Pull, TaskName, Verdict, XComName
from exclusive_redis_xcom.access.code import code_of_text
from exclusive_redis_xcom.access.serialized import facts_of
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.errors import InvalidAcl

_RECORDED = Path(__file__).parent / "recorded"
_VERSIONS = ("3.1.8", "3.2.2", "3.3.2")


def _data(version: str = "3.3.2") -> Any:
    return json.loads((_RECORDED / f"serialized_{version}.json").read_text())


def _facts(data: Any, **options: Any) -> DagFacts:
    return facts_of(data, default_consumers="same_dag", **options)


@pytest.mark.parametrize("version", _VERSIONS)
def test_links_of_all_kinds_are_found(version: str) -> None:
    assert _facts(_data(version)).links == {
        ("extract", "return_value"): frozenset(
            ("exp", "exp2", "exp3", "exp5", "grp.inner", "load", "py", "py2", "sh2", "zipped")
        ),
        ("extract", "token"): frozenset(("sh",)),
        ("grp.inner", "return_value"): frozenset(("after",)),
        ("multi", "a"): frozenset(("exp", "load")),
        ("multi", "b"): frozenset(("load",)),
        ("multi", "env"): frozenset(("sh",)),
        ("multi", "it's"): frozenset(("quote",)),
        ("multi", "penv"): frozenset(("sh2",)),
        ("multi", "plain"): frozenset(("plain.inner",)),
        ("multi", "return_value"): frozenset(("exp4", "exp5", "kw.inner", "zipped")),
        ("multi", "w"): frozenset(("py",)),
        ("su", "return_value"): frozenset(("td",)),
    }


@pytest.mark.parametrize("version", _VERSIONS)
def test_arguments_are_told_from_templates(version: str) -> None:
    assert _facts(_data(version)).tasks["sh"].pulls == (
        Pull("everything", "extract", "token", "template"),
        Pull("everything", "multi", "env", "argument"),
    )


@pytest.mark.parametrize("version", _VERSIONS)
def test_what_a_field_does_not_show_is_maybe_and_not_no(version: str) -> None:
    facts = _facts(_data(version))
    access, xcom = Access([facts]), XComName("everything", "multi", "z")

    answers = {task_id: access.can_pull(TaskName("everything", task_id), xcom).verdict for task_id in facts.tasks}

    assert facts.unread == {"objs", "long"}
    assert {task_id for task_id, verdict in answers.items() if verdict is Verdict.MAYBE} == {"objs", "long"}
    assert {reader.name for reader in access.who_can(xcom)} == {
        "everything/multi",
        "everything/objs",
        "everything/long",
    }
    # A list of tasks does not depend on links.
    token = XComName("everything", "extract", "token")
    assert access.can_pull(TaskName("everything", "long"), token).verdict is Verdict.NO


@pytest.mark.parametrize("version", _VERSIONS)
def test_rules_and_edges(version: str) -> None:
    facts = _facts(_data(version))

    assert [(rule.producer, rule.key, rule.consumers, rule.once, rule.source) for rule in facts.acl.rules] == [
        ("extract", "token", ("load",), True, "xcom_acl['extract']['token']"),
        (None, "*", "linked", False, "xcom_acl['*'] (linked)"),
    ]
    assert facts.downstream["su"] == ("sh", "td")
    assert (facts.file, facts.path) == ("everything.py", None)


def test_a_fixed_param_is_read_from_its_constant() -> None:
    data = _data()
    param = data["dag"]["params"][0][1]
    param["schema"] = {"__type": "dict", "__var": {"const": param["default"]}}
    param["default"] = {"__type": "dict", "__var": {"*": "anyone"}}

    assert _facts(data).acl == _facts(_data()).acl


def test_other_forms_of_params_and_defaults_are_read() -> None:
    data = _data()
    data["dag"]["params"] = {"xcom_acl": {"__type": "dict", "__var": {"a": {"__type": "tuple", "__var": ["load"]}}}}
    data["client_defaults"] = {"tasks": {"do_xcom_push": False}}

    facts = _facts(data)

    assert [rule.consumers for rule in facts.acl.rules] == [("load",)]
    assert facts.tasks["extract"].returns is False
    data["dag"]["params"] = []
    assert _facts(data).acl.rules == ()


@pytest.mark.parametrize("text", ["@task(multiple_outputs=True)\ndef load(x): ...", "@task\ndef load(x): ..."])
def test_whether_a_mapped_task_has_multiple_outputs_is_in_its_code_alone(text: str) -> None:
    code = code_of_text(f"from airflow.sdk import task\n{text}\n")

    assert _facts(_data(), code=code).tasks["exp"].multiple_outputs is ("multiple" in text)
    assert _facts(_data()).tasks["exp"].multiple_outputs  # it may have them
    assert _facts(_data()).tasks["exp"].outputs is None


def test_an_override_may_set_multiple_outputs() -> None:
    code = code_of_text(
        "from airflow.sdk import task\n@task\ndef load(x): ...\nload.override(multiple_outputs=True).expand(x=[1])\n"
    )

    assert _facts(_data(), code=code).tasks["exp"].multiple_outputs


@pytest.mark.parametrize("data", [None, [], "text", {}, {"__version": 2, "dag": {}}, {"__version": 4, "dag": {}}])
def test_other_data_is_refused(data: Any) -> None:
    with pytest.raises(UndecidedError, match=r"This is no serialized DAG of Airflow 3\.1 to 3\.3"):
        _facts(data)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all parts of the data that are read."""
    found = [path] if path else []
    if isinstance(value, dict):
        for name, each in value.items():
            found += _paths(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            found += _paths(each, (*path, index))
    return found


@pytest.mark.parametrize("other", [None, 7, "x", [1], {"x": 1}], ids=repr)
def test_a_part_of_another_form_is_refused_or_read_and_never_crashes(other: Any) -> None:
    original = _data()
    known = _facts(original)
    dag_of_one_task = copy.deepcopy(original)
    undecided = 0
    for path in _paths(original):
        if path[0] == "__version":
            continue
        *parents, last = path
        data = copy.deepcopy(dag_of_one_task)
        part = data
        for name in parents:
            part = part[name]
        part[last] = other
        try:
            facts = _facts(data)
        except (UndecidedError, InvalidAcl):
            undecided += 1
            continue
        assert facts.tasks.keys() == known.tasks.keys() or "task_id" in path
    assert undecided > 50


def test_a_number_in_place_of_a_path_is_not_taken_for_an_open_file(tmp_path: Path) -> None:
    data = _data()
    with (tmp_path / "open.py").open("w+") as opened:
        data["dag"]["fileloc"] = opened.fileno()

        with pytest.raises(UndecidedError):
            _facts(data)

        os.fstat(opened.fileno())  # it is still open


def test_the_error_names_the_dag_and_the_remedy() -> None:
    data = _data()
    del data["dag"]["tasks"][0]["__var"]["task_id"]

    with pytest.raises(UndecidedError) as caught:
        _facts(data)

    assert str(caught.value).splitlines() == [
        "The serialized form of DAG 'everything' cannot be read.",
        "It has an unknown form (a part is missing). Let Airflow write it again: run `airflow dags reserialize`.",
    ]
