"""Who may read a copy of multiple outputs for certain: those whom every set of outputs lets read, in every order."""

from __future__ import annotations

import sys
from itertools import permutations
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.access import TaskFacts, TaskName, Verdict, XComName, parsed
from exclusive_redis_xcom.access.code import code_of_file
from exclusive_redis_xcom.access.serialized import facts_of
from exclusive_redis_xcom.acl import decide
from exclusive_redis_xcom.model import Coordinate, Principal

from .made import access, facts
from .serializing import serialized

WHOLE = XComName("d", "extract", "return_value")
AT = Coordinate("d", "run", "extract", "return_value")
READERS = ("a", "ab", "b", "a.b")
OTHERS = ("e/a", "e/b")


def made(rules: dict[str, Any], default: str = "same_dag") -> Any:
    extract = TaskFacts("extract", multiple_outputs=True)
    links = {("extract", "return_value"): frozenset({"a"}), ("extract", "k"): frozenset({"b"})}
    return access(facts("d", (extract, *READERS), rules, default=default, links=links), facts("e", ("a", "b")))


@pytest.mark.parametrize(
    ("rules", "default", "verdict"),
    [
        ({}, "same_dag", Verdict.YES),
        ({"extract": {"k": ["ab"]}}, "same_dag", Verdict.YES),
        ({"extract": {"k": ["a*"]}}, "same_dag", Verdict.YES),
        ({"extract": {"k": ["a*"], "l": ["ab"], "m": ["*b"]}}, "same_dag", Verdict.MAYBE),
        # No text can say "both", so a push of k and l lets nobody read the copy.
        ({"extract": {"k": ["a*"], "l": ["*b"]}}, "same_dag", Verdict.MAYBE),
        ({"extract": {"k": ["a*"], "l": ["*b", "ab"]}}, "same_dag", Verdict.YES),
        ({"extract": {"k": ["a"]}}, "same_dag", Verdict.MAYBE),
        # A key that no rule names has the default.
        ({"extract": {"r*": ["ab"]}}, "nobody", Verdict.MAYBE),
        ({"extract": {"r*": ["ab"], "*": ["ab"]}}, "nobody", Verdict.YES),
        ({"extract": {"k": []}, "*": "same_dag"}, "nobody", Verdict.MAYBE),
        ({"extract": {"return_value": ["ab"], "k": []}}, "nobody", Verdict.YES),
        ({}, "nobody", Verdict.NO),
        ({"extract": {"k": ["ab"]}}, "nobody", Verdict.NO),
    ],
)
def test_whoever_may_read_every_set_of_outputs_may_read_the_copy(
    rules: dict[str, Any], default: str, verdict: Verdict
) -> None:
    assert made(rules, default).can_pull(TaskName("d", "ab"), WHOLE).verdict is verdict


@pytest.mark.parametrize(("same_run", "verdict"), [(False, Verdict.YES), (True, Verdict.MAYBE)])
def test_an_output_for_one_run_makes_readers_of_other_dags_uncertain(same_run: bool, verdict: Verdict) -> None:
    dags = made({"extract": {"k": {"consumers": "anyone", "same_run": same_run}, "*": "anyone"}})

    assert dags.can_pull(TaskName("e", "a"), WHOLE).verdict is verdict
    assert dags.can_pull(TaskName("d", "a"), WHOLE).verdict is Verdict.YES


_consumers = st.one_of(
    st.sampled_from(["same_dag", "linked", "downstream", "nobody", "anyone"]),
    st.lists(
        st.sampled_from(["a", "b", "ab", "*", "a*", "*b", "a*b", "d/a", "d/*b", "e/*", "*/a", "*/*b"]), max_size=3
    ),
)


@given(
    st.dictionaries(st.sampled_from(["k", "l", "k*", "*m", "*"]), _consumers, max_size=4),
    st.sampled_from(["same_dag", "linked", "nobody", "anyone"]),
)
def test_yes_and_no_hold_for_every_set_of_outputs(of_extract: dict[str, Any], default: str) -> None:
    dags = made({"extract": of_extract} if of_extract else {}, default)
    dag = dags.dags["d"]
    pushed = [
        keys
        for number in range(4)
        for keys in permutations(["k", "l", "k2", "m", "else"], number)
        if keys == tuple(sorted(keys))
    ]
    in_force = [dag.acl.in_force(AT, dag.graph, keys) for keys in pushed]
    for name in (*(f"d/{reader}" for reader in READERS), *OTHERS):
        consumer = TaskName.parse(name)
        allowed = {decide(acl, AT, Principal(*consumer, "run", -1)).allowed for acl in in_force}
        verdict = dags.can_pull(consumer, WHOLE).verdict

        if verdict is not Verdict.MAYBE:
            assert allowed == {verdict is Verdict.YES}, consumer


_HEAD = """
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.python import PythonOperator
import json, team

class Own(PythonOperator):
    def execute(self, context):
        return {"other": super().execute(context)}

def dict_of(ti=None):
    return {"a": 1}

with DAG("d", schedule=None) as dag:
    @task(task_id="t", multiple_outputs=True)
"""


@pytest.mark.parametrize(
    ("lines", "outputs"),
    [
        (["def f(): return {'a': team.load()}", "f()"], ("a",)),
        (["def f(ti=None):", "    ti.xcom_push(key='b', value=1)", "    return {'a': 1}", "f()"], ("a",)),
        (["def f(ti=None):", "    ti.xcom_push(key='return_value', value=1)", "    return {'a': 1}", "f()"], None),
        (["def f(ti=None):", "    ti.xcom_push(key=json.loads(''), value=1)", "    return {'a': 1}", "f()"], None),
        (["def f(ti=None):", "    team.run(ti)", "    return {'a': 1}", "f()"], None),
        (["def f(x): return {'a': 1}", "f(\"{{ ti.xcom_push('return_value', 1) }}\")"], None),
        (["def f(x): return {'a': 1}", "f('{{ ds }}')"], ("a",)),
        (["def unused(): ...", "PythonOperator(task_id='t', python_callable=dict_of, multiple_outputs=True)"], ("a",)),
        (["def unused(): ...", "Own(task_id='t', python_callable=dict_of, multiple_outputs=True)"], None),
    ],
)
def test_outputs_are_known_where_nothing_else_can_push_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], outputs: tuple[str, ...] | None
) -> None:
    monkeypatch.setitem(sys.modules, "team", ModuleType("team"))
    file = tmp_path / "dag.py"
    file.write_text(_HEAD + "".join(f"    {line}\n" for line in lines))
    names: dict[str, Any] = {"__name__": "dag_of_this_test", "__file__": str(file)}
    exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102 - this test made the text
    of_json = facts_of(serialized(names["dag"]), default_consumers="nobody", code=code_of_file(str(file)))

    assert parsed.facts_of(names["dag"], default_consumers="nobody").tasks["t"].outputs == outputs
    assert of_json.tasks["t"].outputs == outputs
