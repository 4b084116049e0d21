"""The model of access answers as a pull would be decided, for every pair of tasks and every key.

A DAG file is made up, and run as Airflow runs it. The model reads its objects and its serialized form. What the model
says is compared with `acl.decide` on the rule that a push would store.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exclusive_redis_xcom.access import Access, DagFacts, TaskName, Verdict, XComName, facts_json, parsed
from exclusive_redis_xcom.access.serialized import facts_of
from exclusive_redis_xcom.acl import POLICY_WORDS, Acl, decide
from exclusive_redis_xcom.declaration import FrozenAcl, freeze
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.model import RETURN_KEY, Coordinate, Principal
from tests.unit.access.generated_dags import KEYS, OUTPUTS, PUSHING_ANYTHING, Made, Task, made_dags
from tests.unit.access.serializing import serialized

#: What a task whose outputs nobody knows may return.
_RETURNED: tuple[tuple[str, ...], ...] = (
    (),
    ("a",),
    ("a", "b"),
    ("secret",),
    ("c", "never named"),
    ("a", "b", "c", "secret", "never named"),
)

#: Each example runs and serializes DAG files, which takes a tenth of a second.
_settings = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)

pytestmark = pytest.mark.filterwarnings("ignore::exclusive_redis_xcom.declaration.AclWarning")


@pytest.fixture(autouse=True)
def team(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer a library of whoever writes the DAG files."""
    monkeypatch.setitem(sys.modules, "team", ModuleType("team"))


def _run(made: Made, folder: Path) -> Any:
    """Run a DAG file, and return its DAG."""
    file = folder / f"{made.dag_id}.py"
    file.write_text(made.source)
    names: dict[str, Any] = {"__name__": made.dag_id, "__file__": str(file)}
    exec(compile(made.source, str(file), "exec"), names)  # noqa: S102 - this test made the text
    return names["dag"]


def _facts(dags: list[tuple[Made, Any]], word: str) -> list[DagFacts]:
    return [facts_of(serialized(dag), default_consumers=word) for _, dag in dags]


def _refused(dag: Any, word: str) -> InvalidAcl | None:
    try:
        freeze(dag, default_consumers=word)
    except InvalidAcl as error:
        return error
    return None


@_settings
@given(made=made_dags("d0"), other=made_dags("d1"), word=st.sampled_from(POLICY_WORDS))
def test_the_model_says_what_a_pull_would_be_told(tmp_path: Path, made: Made, other: Made, word: str) -> None:
    dags = [(each, _run(each, tmp_path)) for each in (made, other)]
    refused = [error for _, dag in dags if (error := _refused(dag, word)) is not None]
    if refused:
        with pytest.raises(InvalidAcl) as caught:
            _facts(dags, word)
        assert str(caught.value) == str(refused[0])
        return

    of_objects = [parsed.facts_of(dag, default_consumers=word) for _, dag in dags]
    of_json = _facts(dags, word)

    assert of_json == of_objects
    assert [facts_json.from_json(facts_json.to_json(facts)) for facts in of_objects] == of_objects
    access = Access(of_json)
    for each, dag in dags:
        for task in each.tasks:
            for key in {*KEYS, *access.dags[each.dag_id].keys_of(task.task_id)}:
                _check(access, freeze(dag, default_consumers=word), task, XComName(each.dag_id, task.task_id, key))


def _check(access: Access, frozen: FrozenAcl, task: Task, xcom: XComName) -> None:
    coordinate = Coordinate(xcom.dag_id, "run", xcom.task_id, xcom.key)
    stored = [Acl.loads(acl.dumps()) for acl in _in_force(frozen, task, coordinate)]
    known = {reader.name: reader.verdict for reader in access.who_can(xcom)}
    for facts in access.dags.values():
        for task_id in facts.tasks:
            consumer = TaskName(facts.dag_id, task_id)
            answer = access.can_pull(consumer, xcom)
            principal = Principal(facts.dag_id, task_id, "run", -1)
            allowed = {decide(acl, coordinate, principal).allowed for acl in stored}
            if answer.verdict is Verdict.YES:
                assert allowed == {True}, (consumer, xcom, answer)
            elif answer.verdict is Verdict.NO:
                assert allowed == {False}, (consumer, xcom, answer)
            else:
                is_elsewhere = answer.rule is not None and answer.rule.same_run and consumer.dag_id != xcom.dag_id
                assert is_elsewhere or len(stored) > 1, (consumer, xcom, answer)
            assert known.get(str(consumer), Verdict.NO) is answer.verdict, (consumer, xcom, answer)


def _in_force(frozen: FrozenAcl, task: Task, coordinate: Coordinate) -> list[Acl]:
    """Return what a push may store, as `task/push.py` does it: several rules if nobody knows what the task returns."""
    if task.kind not in OUTPUTS or coordinate.key != RETURN_KEY:
        return [frozen.in_force(coordinate)]
    # Code that has the task instance may push the copy itself, with other keys.
    known = None if task.body in PUSHING_ANYTHING else OUTPUTS[task.kind]
    return [frozen.in_force(coordinate, keys) for keys in (_RETURNED if known is None else [known])]


@_settings
@given(made=made_dags("d0"))
def test_grants_name_every_key_that_may_be_known(tmp_path: Path, made: Made) -> None:
    dag = _run(made, tmp_path)
    if _refused(dag, "linked") is not None:
        return
    facts: DagFacts = parsed.facts_of(dag, default_consumers="linked")

    granted = {(grant.xcom.task_id, grant.xcom.key) for grant in Access([facts]).grants()}

    pushed = {"ti.xcom_push(key='secret', value=1)": "secret", "helper(ti)": "a", "helper(ti, 'b')": "b"}
    for task in made.tasks:
        if task.kind != "bash" and task.body in pushed:
            assert (task.task_id, pushed[task.body]) in granted
        if task.kind not in ("silent", "teardown", "operator"):
            assert (task.task_id, RETURN_KEY) in granted
