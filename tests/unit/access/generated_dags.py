"""DAG files that Hypothesis makes up: all ways in which tasks of Airflow 3 take XComs, and all kinds of rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

_HEAD = """
from __future__ import annotations
from typing import TypedDict
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, setup, task, task_group, teardown
import team

class Outputs(TypedDict):
    a: int
    b: int

def same(value):
    return value

def helper(ti, key="a"):
    ti.xcom_push(key=key, value=1)

"""

#: What each kind of task is: its decorator, its signature, and the line that returns something.
KINDS = {
    "plain": ("@task", "", "return [1]"),
    "silent": ("@task", "", "pass"),
    "typed": ("@task(multiple_outputs=True)", " -> Outputs", "return team.load()"),
    "literal": ("@task(multiple_outputs=True)", "", "return {'a': 1, 'c': 2}"),
    "computed": ("@task(multiple_outputs=True)", "", "return team.load()"),
    "setup": ("@setup", "", "return 1"),
    "teardown": ("@teardown", "", "pass"),
    "branch": ("@task.branch", "", "return None"),
}
#: The keys that `return_value` copies, for the kinds that return a dict; None if nobody knows. Nothing makes a
#: function return what its annotation says.
OUTPUTS: dict[str, tuple[str, ...] | None] = {"typed": None, "literal": ("a", "c"), "computed": None}
KEYS = ("return_value", "a", "b", "c", "secret")
BODIES = (
    "pass",
    "ti.xcom_push(key='secret', value=1)",
    "helper(ti)",
    "helper(ti, 'b')",
    "ti.xcom_push(key=str(1), value=1)",
    "team.run(ti)",
    "ti.xcom_pull(task_ids='t0', key='secret')",
    "ti.xcom_pull(task_ids=['t0', 't1'])",
    "ti.xcom_pull(task_ids=str(1), dag_id='d1')",
)

#: Those that may push any key, `return_value` too.
PUSHING_ANYTHING = ("ti.xcom_push(key=str(1), value=1)", "team.run(ti)")


@dataclass(frozen=True)
class Task:
    """A task of a made-up DAG."""

    number: int
    kind: str
    body: str
    arguments: tuple[str, ...]
    use: str

    @property
    def task_id(self) -> str:
        name = f"t{self.number}"
        return f"{name}.inner" if self.use == "group" else name


@dataclass(frozen=True)
class Made:
    """A made-up DAG file."""

    dag_id: str
    tasks: tuple[Task, ...]
    acl: dict[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> str:
        lines = [_HEAD, f"with DAG({self.dag_id!r}, schedule=None, params={{'xcom_acl': {self.acl!r}}}) as dag:"]
        for task in self.tasks:
            lines += [f"    {line}" for line in _lines(task)]
        return "\n".join(lines) + "\n"


def _lines(task: Task) -> list[str]:
    name, given = f"t{task.number}", ", ".join(task.arguments)
    if task.kind == "bash":
        return [f"{name} = BashOperator(task_id='{name}', bash_command='x', env={{'X': [{given}]}}).output"]
    if task.kind == "operator":
        return [
            f"def f{task.number}(*values, ti):",
            f"    {task.body}",
            f"{name} = PythonOperator(task_id='{name}', python_callable=f{task.number}, op_args=[{given}]).output",
        ]
    decorator, annotation, returned = KINDS[task.kind]
    function = f"{name}_function"
    lines = [
        decorator,
        f"def {function}(*values, x=None, y=None, ti=None){annotation}:",
        f"    {task.body}",
        f"    {returned}",
    ]
    override = f"{function}.override(task_id='{name}')"
    if task.use == "expand":
        lines.append(f"{name} = {override}.partial(y=[{given}]).expand(x=t0)")
    elif task.use == "expand_kwargs":
        lines.append(f"{name} = {override}.partial(y=[{given}]).expand_kwargs(t0.map(lambda value: {{'x': value}}))")
    elif task.use == "expand_list":
        lines.append(f"{name} = {override}.expand_kwargs([{{'x': t0}}, {{'x': 1}}])")
    elif task.use == "group":
        lines += [
            "@task_group",
            f"def g{task.number}(value):",
            f"    return {function}.override(task_id='inner')(value, {given})",
            f"{name} = g{task.number}.override(group_id='{name}').expand(value=t0)",
        ]
    else:
        lines.append(f"{name} = {override}({given})")
    return lines


def _argument(producer: int) -> st.SearchStrategy[str]:
    """Make an expression that takes an XCom of an earlier task."""
    name, key = f"t{producer}", st.sampled_from(KEYS[1:])
    return st.one_of(
        st.just(name),
        key.map(lambda key: f"{name}[{key!r}]"),
        key.map(lambda key: f"{{'k': ({name}[{key!r}], 1)}}"),
        st.sampled_from([f"{name}.map(same)", f"{name}.zip(t0)", f"{name}.concat(t0).map(same)"]),
        key.map(lambda key: f"\"{{{{ ti.xcom_pull(task_ids='t{producer}', key='{key}') }}}}\""),
        key.map(lambda key: f"f'v={{{name}[\"{key}\"]}}'"),
        st.just('\'{{ ti.xcom_pull(task_ids=params.x) }} {{ ti.xcom_pull("x", dag_id="d1") }}\''),
    )


@st.composite
def _tasks(draw: st.DrawFn) -> tuple[Task, ...]:
    made: list[Task] = []
    for number in range(draw(st.integers(2, 5))):
        kind = draw(st.sampled_from(["plain", *KINDS, "bash", "operator"])) if number else "plain"
        # An argument by key is for tasks of one instance; Airflow refuses others.
        producers = [each.number for each in made]
        count = draw(st.integers(0, 2)) if made else 0
        arguments = tuple(draw(st.sampled_from(producers).flatmap(_argument)) for _ in range(count))
        uses = ["call", "expand", "expand_kwargs", "expand_list", "group"]
        plain_use = kind in ("bash", "operator", "setup", "teardown", "branch") or not made
        use = "call" if plain_use else draw(st.sampled_from(uses))
        made.append(Task(number, kind, draw(st.sampled_from(BODIES)), arguments, use))
    return tuple(made)


@st.composite
def _rule(draw: st.DrawFn, task_ids: list[str]) -> Any:
    names = [*task_ids, "*", "t*", "*1", "*.inner", "d1/t0", "d1/*", "*/t1", "*/*", "elsewhere/t0"]
    consumers = draw(
        st.one_of(
            st.sampled_from(["same_dag", "linked", "downstream", "nobody", "anyone"]),
            st.lists(st.sampled_from(names), max_size=3, unique=True),
        )
    )
    if draw(st.booleans()):
        return consumers
    rule: dict[str, Any] = {"consumers": consumers}
    for name in ("once", "same_run"):
        if draw(st.booleans()):
            rule[name] = True
    if draw(st.booleans()):
        rule["ttl_seconds"] = draw(st.integers(1, 100))
    return rule


@st.composite
def made_dags(draw: st.DrawFn, dag_id: str) -> Made:
    """Make up a DAG file."""
    tasks = draw(_tasks())
    ids = [task.task_id for task in tasks]
    keys = st.sampled_from([*KEYS, "*", "s*"])
    acl: dict[str, Any] = {
        producer: draw(st.dictionaries(keys, _rule(ids), min_size=1, max_size=3))
        for producer in draw(st.lists(st.sampled_from([*ids, "*", "t*"]), max_size=3, unique=True))
    }
    for key in draw(st.lists(st.sampled_from([*KEYS, "s*"]), max_size=2, unique=True)):
        acl[key] = draw(_rule(ids))
    return Made(dag_id, tasks, acl)
