from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseOperator, TaskGroup, task, task_group

from exclusive_redis_xcom.declaration import AirflowDagGraph


class Push(BaseOperator):
    pass


class Take(BaseOperator):
    template_fields = ("value",)

    def __init__(self, *, value: Any = None, untemplated: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = value
        self.untemplated = untemplated


class Nested:
    template_fields = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner


@task
def consume(value: Any) -> None: ...


@task
def consume_two(one: Any, two: Any) -> None: ...


@task(multiple_outputs=True)
def many() -> dict[str, int]:
    return {"a": 1, "b": 2}


def linked_in(build: Callable[[Any], object], key: str = "return_value", **dag_args: Any) -> frozenset[str]:
    """The tasks linked to `key` of task `p`, where `build` adds the rest of the DAG to the producer."""
    with DAG("d", **dag_args) as dag:
        build(Push(task_id="p"))
    return AirflowDagGraph(dag).linked_to("p", key)


def test_upstream_and_downstream_are_transitive() -> None:
    with DAG("d") as dag:
        a, b, c, other = (Push(task_id=task_id) for task_id in ("a", "b", "c", "other"))
        a >> b >> c
    graph = AirflowDagGraph(dag)

    assert graph.downstream_of("a") == {"b", "c"}
    assert graph.upstream_of("c") == {"a", "b"}
    assert graph.downstream_of(other.task_id) == graph.upstream_of(other.task_id) == frozenset()


def test_edges_of_a_task_group_are_edges_of_its_tasks() -> None:
    with DAG("d") as dag:
        before = Push(task_id="before")
        with TaskGroup("group") as group:
            Push(task_id="a") >> Push(task_id="b")
        before >> group >> Push(task_id="after")
    graph = AirflowDagGraph(dag)

    assert graph.downstream_of("before") == {"group.a", "group.b", "after"}
    assert graph.upstream_of("after") == {"before", "group.a", "group.b"}


def test_of_an_unknown_task_nothing_is_known() -> None:
    with DAG("d") as dag:
        Push(task_id="a")
    graph = AirflowDagGraph(dag)

    assert graph.downstream_of("x") == graph.upstream_of("x") == graph.linked_to("x", "return_value") == frozenset()


LINKS: dict[str, Callable[[Any], object]] = {
    "a TaskFlow argument": lambda p: consume.override(task_id="c")(p.output),
    "a TaskFlow keyword argument": lambda p: consume.override(task_id="c")(value=p.output),
    "an argument inside a list": lambda p: consume.override(task_id="c")([1, [p.output]]),
    "an argument inside a dict": lambda p: consume.override(task_id="c")({"k": (p.output,)}),
    "a template field": lambda p: Take(task_id="c", value=p.output),
    "a template field inside a list": lambda p: Take(task_id="c", value=[{"k": p.output}]),
    "an object with template fields of its own": lambda p: Take(task_id="c", value=Nested([p.output])),
    "an f-string": lambda p: Take(task_id="c", value=f"curl {p.output}"),
    "expand": lambda p: consume.override(task_id="c").expand(value=p.output),
    "a list given to expand": lambda p: consume.override(task_id="c").expand(value=[p.output, 1]),
    "partial of a TaskFlow task": lambda p: consume_two.override(task_id="c").partial(one=p.output).expand(two=[1]),
    "partial of an operator": lambda p: Take.partial(task_id="c", value=p.output).expand(untemplated=[1]),
    "expand of an operator": lambda p: Take.partial(task_id="c").expand(value=p.output),
    "expand_kwargs": lambda p: Take.partial(task_id="c").expand_kwargs(p.output),
    "map": lambda p: consume.override(task_id="c").expand(value=p.output.map(str)),
    "zip": lambda p: consume.override(task_id="c").expand(value=Push(task_id="q").output.zip(p.output)),
    "concat": lambda p: consume.override(task_id="c").expand(value=Push(task_id="q").output.concat(p.output)),
    "a Jinja pull by ti": lambda p: Take(task_id="c", value="{{ ti.xcom_pull(task_ids='p') }}"),
    "a Jinja pull by task_instance": lambda p: Take(task_id="c", value="{{ task_instance.xcom_pull('p') }}"),
    "a Jinja pull of several tasks": lambda p: Take(task_id="c", value="{{ ti.xcom_pull(task_ids=['p', 'q']) }}"),
    "a Jinja pull by a tuple of tasks": lambda p: Take(task_id="c", value="{{ ti.xcom_pull(('q', 'p')) }}"),
    "a Jinja pull that names this DAG": lambda p: Take(task_id="c", value="{{ ti.xcom_pull('p', dag_id='d') }}"),
    "a Jinja pull in a filter": lambda p: Take(task_id="c", value="{{ ti.xcom_pull('p')['x'] | upper }}"),
    "a Jinja pull in a condition": lambda p: Take(task_id="c", value="{% if ti.xcom_pull('p') %}x{% endif %}"),
    "a Jinja pull of a mapped operator": lambda p: Take.partial(task_id="c", value="{{ ti.xcom_pull('p') }}").expand(
        untemplated=[1]
    ),
    "a Jinja pull in a bash command": lambda p: BashOperator(task_id="c", bash_command="echo {{ ti.xcom_pull('p') }}"),
    "a Jinja pull in an environment": lambda p: BashOperator(
        task_id="c", bash_command="env", env={"X": "{{ ti.xcom_pull('p') }}"}
    ),
}


@pytest.mark.parametrize("build", LINKS.values(), ids=LINKS.keys())
def test_a_task_is_linked_by(build: Callable[[Any], object]) -> None:
    assert linked_in(build) == {"c"}


NO_LINKS: dict[str, Callable[[Any], object]] = {
    "an edge alone": lambda p: p >> Push(task_id="c"),
    "another key": lambda p: Take(task_id="c", value=p.output["other"]),
    "another task": lambda p: Take(task_id="c", value=Push(task_id="q").output),
    "a Jinja pull of another DAG": lambda p: Take(task_id="c", value="{{ ti.xcom_pull('p', dag_id='other') }}"),
    "a Jinja pull of another key": lambda p: Take(task_id="c", value="{{ ti.xcom_pull('p', key='other') }}"),
    "a Jinja pull whose task is computed": lambda p: Take(task_id="c", value="{{ ti.xcom_pull(params.task) }}"),
    "a Jinja pull whose key is computed": lambda p: Take(task_id="c", value="{{ ti.xcom_pull('p', key=params.k) }}"),
    "a Jinja pull whose DAG is computed": lambda p: Take(task_id="c", value="{{ ti.xcom_pull('p', params.dag) }}"),
    "a Jinja pull with unpacked arguments": lambda p: Take(task_id="c", value="{{ ti.xcom_pull('p', **params) }}"),
    "a Jinja pull without a task": lambda p: Take(task_id="c", value="{{ ti.xcom_pull(key='return_value') }}"),
    "xcom_pull of something else": lambda p: Take(task_id="c", value="{{ mine.xcom_pull('p') }}"),
    "a Jinja comment": lambda p: Take(task_id="c", value="{# ti.xcom_pull('p') #}"),
    "text without Jinja": lambda p: Take(task_id="c", value="ti.xcom_pull('p')"),
    "a broken template": lambda p: Take(task_id="c", value="{{ ti.xcom_pull('p' }}"),
    "a field that is no template": lambda p: Take(task_id="c", untemplated="{{ ti.xcom_pull('p') }}"),
}


@pytest.mark.parametrize("build", NO_LINKS.values(), ids=NO_LINKS.keys())
def test_a_task_is_not_linked_by(build: Callable[[Any], object]) -> None:
    assert linked_in(build) == frozenset()


def test_the_arguments_of_a_mapped_task_group_link_the_tasks_that_take_them() -> None:
    def build(producer: Any) -> None:
        @task_group(group_id="g")
        def group(value: Any) -> None:
            consume.override(task_id="takes")(value)
            Push(task_id="does_not")

        group.expand(value=producer.output)

    assert linked_in(build) == {"g.takes"}


def test_a_key_of_multiple_outputs_is_linked_apart_from_the_whole() -> None:
    with DAG("d") as dag:
        result = many()
        Take(task_id="one", value=result["a"])
        Take(task_id="all", value=result)
    graph = AirflowDagGraph(dag)

    assert graph.linked_to("many", "a") == {"one"}
    assert graph.linked_to("many", "return_value") == {"all"}


def test_the_dags_own_delimiters_are_understood() -> None:
    linked = linked_in(
        lambda _: Take(task_id="c", value="[[ ti.xcom_pull('p') ]]"),
        jinja_environment_kwargs={"variable_start_string": "[[", "variable_end_string": "]]"},
    )

    assert linked == {"c"}


def test_values_that_contain_themselves_end() -> None:
    nested = Nested(None)
    with DAG("d") as dag:
        Push(task_id="p")
        Take(task_id="c", value=nested)
    nested.inner = [nested, {"k": nested}]

    assert AirflowDagGraph(dag).linked_to("p", "return_value") == frozenset()


def test_the_graph_does_not_keep_its_dag_alive() -> None:
    with DAG("d") as dag:
        Take(task_id="c", value=Push(task_id="p").output)
    graph = AirflowDagGraph(dag)
    del dag
    gc.collect()

    assert graph.linked_to("p", "return_value") == frozenset()
    assert graph.downstream_of("p") == {"c"}
