"""What templates push, and what else Airflow runs while it renders a task's fields: from objects and serialized."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task

from exclusive_redis_xcom.access import Pull, TaskFacts, parsed
from exclusive_redis_xcom.access.code import code_of_file
from exclusive_redis_xcom.access.serialized import facts_of

from .serializing import serialized

NOTHING: tuple[list[str], bool] = ([], False)
UNKNOWN: tuple[list[str], bool] = ([], True)


def nothing(*_: Any, **__: Any) -> None: ...


def one(folder: Path | None = None, dag: dict[str, Any] | None = None, **options: Any) -> DAG:
    with DAG("d", schedule=None, template_searchpath=str(folder or "/"), **(dag or {})) as made:
        PythonOperator(**{"task_id": "t", "python_callable": nothing, **options})
    return made


def both(dag: DAG, task_id: str = "t") -> tuple[TaskFacts, TaskFacts]:
    """What a task's object and its serialized form tell."""
    code = code_of_file(__file__)
    of_json = facts_of(serialized(dag), default_consumers="nobody", code=code)
    return parsed.facts_of(dag, default_consumers="nobody").tasks[task_id], of_json.tasks[task_id]


def told(facts: TaskFacts) -> tuple[list[str], bool]:
    return sorted(facts.keys), facts.computes_keys


@pytest.mark.parametrize(
    ("template", "pushed"),
    [
        ("{{ ti.xcom_push(key='token', value=1) }}", (["token"], False)),
        ("{{ task_instance.xcom_push('token', ds) }}", (["token"], False)),
        ("{{ ti['xcom_push'](key='token', value=1) }}", (["token"], False)),
        ("{% if ti.xcom_push(key='a', value=ti.xcom_push('b', 1)) %}{% endif %}", (["a", "b"], False)),
        ("{{ ti.xcom_push(key='a' ~ 'b', value=1) }}", (["ab"], False)),
        ("{{ ti.xcom_push(key='a' ~ ds, value=1) }}", UNKNOWN),
        ("{{ ti.xcom_push(*params.x) }}", UNKNOWN),
        ("{% set t = ti %}{{ t.xcom_push(key='a', value=1) }}", UNKNOWN),
        ("{% for t in [ti] %}{{ t.xcom_push('a', 1) }}{% endfor %}", UNKNOWN),
        ("{% set push = ti.xcom_push %}{{ push(key='a', value=1) }}", UNKNOWN),
        ("{{ (ti | attr('xcom_' ~ 'push'))('a', 1) }}", UNKNOWN),
        ("{{ ti['xcom_' ~ params.x]('a', 1) }}", UNKNOWN),
        ("{{ ti.get_template_context()['ti'].xcom_push('a', 1) }}", UNKNOWN),
        ("{{ [ti] | map('string') | list }}", UNKNOWN),
        ("{{ task.python_callable(1) }}", UNKNOWN),
        ("{{ ti.task.python_callable(1) }}", UNKNOWN),
        ("{{ mine() }} {{ ds | mine }}", UNKNOWN),
        ("{{ mine.more() }}", UNKNOWN),
        ("{{ macros.team.push() }}", UNKNOWN),
        ("{% include 'other.txt' %}", UNKNOWN),
        ("{% set f = task.python_callable %}{{ f(1) }}", UNKNOWN),
        ("{% set f = ti.task.python_callable %}{{ f(1) }}", UNKNOWN),
        ("{% for each in [mine] %}{{ each() }}{% endfor %}", UNKNOWN),
        ("{% set m = macros.team %}{{ m.push() }}", UNKNOWN),
        ("{% set range = mine %}{{ range() }}", UNKNOWN),
        ("{{ ([task] | map(attribute='python_callable') | first)(1) }}", UNKNOWN),
        ("{{ (mine if ds else ds)() }}", UNKNOWN),
        ("{{ [1] | map('mine') | list }}", UNKNOWN),
        ("{{ [1] | select('mine') | list }}", UNKNOWN),
        ("{{ [ds] | map('upper') | join(', ') }} {{ [1] | select('odd') | list }}", NOTHING),
        ("{{ ds.split('-').pop() }} {{ ', '.join([ds]) }}", NOTHING),
        ("{% for x in params.x %}{{ x.strip() }}{% endfor %}", NOTHING),
        ("{{ ti }} {{ ti.task_id }} {{ ti.task.owner }} {{ ti['try_number'] }}", NOTHING),
        ("{{ ti.get_dagrun() }} {{ logical_date.strftime('%Y') }} {{ var.value.get('x', 'y') }}", NOTHING),
        ("{{ macros.ds_add(ds, 1) }} {{ ds | upper }} {{ ts | ds_nodash }} {{ range(3) | join }}", NOTHING),
        ("{% macro own(x) %}{{ x }}{% endmacro %}{{ own(1) }}{% set n = ds.split('-') %}{{ n.pop() }}", NOTHING),
        ("{{ ti.xcom_pull(task_ids='t', key='token') }}", NOTHING),
        ("{{ broken", NOTHING),
        ("xcom_push", NOTHING),
    ],
)
@pytest.mark.parametrize("where", ["plain", "nested", "mapped", "index"])
def test_what_a_template_pushes_is_known_or_called_unknown(
    template: str, pushed: tuple[list[str], bool], where: str
) -> None:
    if where == "plain":
        dag = one(op_args=[template])
    elif where == "nested":
        dag = one(op_kwargs={"a": [{"b": (template,)}]})
    else:
        with DAG("d", schedule=None) as dag:

            @task(task_id="t", map_index_template=template if where == "index" else None)
            def mapped(value: Any, other: Any) -> None: ...

            mapped.partial(other=template if where == "mapped" else 1).expand(value=[1])

    of_object, of_json = both(dag)

    assert told(of_object) == pushed
    if template not in ("{{ broken", "xcom_push"):  # these may be the `repr` of a field with templates
        assert told(of_json) == pushed


def test_filters_and_macros_of_a_dag_are_not_those_of_jinja() -> None:
    dag = one(
        dag={"user_defined_filters": {"upper": nothing}, "user_defined_macros": {"dict": nothing}},
        op_args=["{{ ds | upper }}"],
        op_kwargs={"x": "{{ dict() }}"},
    )

    assert told(both(dag)[0]) == UNKNOWN


def test_delimiters_of_the_dag_are_those_of_its_templates() -> None:
    options = {"jinja_environment_kwargs": {"variable_start_string": "<<", "variable_end_string": ">>"}}

    of_object, of_json = both(one(dag=options, op_args=["<< ti.xcom_push(key='token', value=1) >>"]))

    assert (told(of_object), told(of_json)) == ((["token"], False), UNKNOWN)


def test_template_files_are_read_where_they_are_here(tmp_path: Path) -> None:
    (tmp_path / "here.sql").write_text("{{ ti.xcom_push('token', 1) }}{{ ti.xcom_pull(task_ids='other', key='k') }}")

    here = both(one(tmp_path, op_kwargs={"query": "here.sql"}, templates_exts=[".sql"]))
    gone = both(one(tmp_path, op_kwargs={"query": "gone.sql"}, templates_exts=[".sql"]))

    assert [told(each) for each in here] == [(["token"], False), UNKNOWN]
    assert here[0].pulls == (Pull("d", "other", "k", "template"),)
    assert [told(each) for each in gone] == [UNKNOWN, UNKNOWN]


def test_a_pull_in_a_template_file_is_no_link_because_pushes_do_not_read_it(tmp_path: Path) -> None:
    (tmp_path / "here.sql").write_text("{{ ti.xcom_pull(task_ids='first', key='k') }}")
    dag = one(tmp_path, op_kwargs={"query": "here.sql"}, templates_exts=[".sql"])
    with dag:
        PythonOperator(task_id="first", python_callable=nothing) >> dag.get_task("t")

    facts = parsed.facts_of(dag, default_consumers="linked")

    assert facts.links == {}
    assert facts.tasks["t"].pulls == (Pull("d", "first", "k", "template"),)


def rendering(context: Any, jinja_env: Any) -> list[str]:
    context["ti"].xcom_push(key="token", value=1)
    return []


def test_a_function_in_place_of_a_field_has_the_context() -> None:
    of_object, of_json = both(one(op_args=rendering))

    assert (told(of_object), told(of_json)) == ((["token"], False), UNKNOWN)


class Resolved:
    """Airflow calls `resolve` of whatever has it, with the context."""

    def resolve(self, context: Any) -> None:
        context["ti"].xcom_push(key="token", value=1)


class Fields:
    """Airflow renders the fields of such an object, too."""

    template_fields = ("query", "function")

    def __init__(self, query: str, function: Any = None) -> None:
        self.query = query
        self.function = function


@pytest.mark.parametrize(
    ("value", "pushed"),
    [
        (Resolved(), UNKNOWN),
        (Fields("{{ ti.xcom_push('token', 1) }}"), (["token"], False)),
        (Fields("", rendering), (["token"], False)),
        (Fields("plain"), NOTHING),
        (Path("plain"), NOTHING),
        (rendering, NOTHING),  # an argument, and no field
    ],
)
def test_objects_among_the_arguments(value: Any, pushed: tuple[list[str], bool]) -> None:
    dag = one(op_kwargs={"value": [value]})

    assert told(parsed.facts_of(dag, default_consumers="nobody").tasks["t"]) == pushed


def doubled(value: Any) -> Any:
    return value * 2


def pushing(value: Any) -> Any:
    from airflow.sdk import get_current_context

    get_current_context()["ti"].xcom_push(key="token", value=value)
    return value


@pytest.mark.parametrize(("function", "pushed"), [(doubled, NOTHING), (pushing, (["token"], False))])
def test_functions_of_map_run_in_the_consumer(function: Any, pushed: tuple[list[str], bool]) -> None:
    with DAG("d", schedule=None) as dag:

        @task
        def first() -> list[int]:
            return [1]

        @task(task_id="t")
        def mapped(value: Any) -> None: ...

        mapped.expand(value=first().concat(first()).map(function).zip(first()))

    assert [told(each) for each in both(dag)] == [pushed, pushed]


def test_a_lambda_of_map_is_known_where_no_lambda_of_the_file_pushes(tmp_path: Path) -> None:
    head = "from airflow.sdk import DAG, task, get_current_context\nwith DAG('d', schedule=None) as dag:\n"
    head += "    @task\n    def first(): return [1]\n    @task(task_id='t')\n    def mapped(value): ...\n"
    push = "get_current_context()['ti'].xcom_push(key='k', value=v)"
    for number, (body, pushed) in enumerate([("str(v) + 'x'", NOTHING), (push, UNKNOWN)]):
        file = tmp_path / f"dag_{number}.py"
        file.write_text(f"{head}    mapped.expand(value=first().map(lambda v: {body}))\n")
        names: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102 - this test made the text
        code = code_of_file(str(file))

        of_json = facts_of(serialized(names["dag"]), default_consumers="nobody", code=code).tasks["t"]

        assert told(parsed.facts_of(names["dag"], default_consumers="nobody").tasks["t"]) == pushed
        assert told(of_json) == pushed


def test_an_operator_that_is_not_what_its_class_says_may_push_anything() -> None:
    patched = one()
    patched.get_task("t").execute = nothing
    false_name = type("PythonOperator", (PythonOperator,), {"__module__": PythonOperator.__module__})
    with DAG("d", schedule=None) as named:
        false_name(task_id="t", python_callable=nothing)

    for dag in (patched, named):
        assert told(parsed.facts_of(dag, default_consumers="nobody").tasks["t"]) == UNKNOWN
