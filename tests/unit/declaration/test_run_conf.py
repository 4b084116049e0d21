"""What a run's conf says of `xcom_acl`, as the task's process and the server that makes the run see it."""

from __future__ import annotations

import copy
import logging
import pickle
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator, Param
from airflow.sdk.definitions.param import ParamsDict, process_params

from exclusive_redis_xcom import exclusive
from exclusive_redis_xcom.declaration import freeze, frozen_acl
from exclusive_redis_xcom.declaration.fixed import AclParam, fixed_schema

ACL = {"extract": {"token": ["load"]}}
OLD: dict[str, Any] = {"xcom_acl": {"extract": {"token": []}}}

REFUSED = """\
Invalid input for param xcom_acl: 'the value that is fixed in the DAG file' was expected

Failed validating 'const' in schema['else']:
    {'const': 'the value that is fixed in the DAG file',
     'remedy': 'Leave xcom_acl out of the conf, or change the DAG file.'}

On instance:
"""


def make_dag(dag_id: str, params: dict[str, Any] | None = None, *, frozen: bool = True) -> DAG:
    with DAG(dag_id, params={"xcom_acl": ACL} if params is None else params) as dag:
        BaseOperator(task_id="extract") >> BaseOperator(task_id="load")
    if frozen:
        freeze(dag, default_consumers="same_dag")
    return dag


def resolved(dag: DAG, conf: dict[str, Any]) -> Any:
    return process_params(dag, dag.get_task("load"), conf, suppress_exception=False)["xcom_acl"]


def test_the_log_says_once_that_a_run_has_other_rules(caplog: pytest.LogCaptureFixture) -> None:
    dag = make_dag("old_run")

    assert [resolved(dag, OLD) for _ in range(3)] == [ACL] * 3
    frozen_acl(dag, OLD)

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            "DAG 'old_run': This run's conf holds other rules in 'xcom_acl' than the DAG file. They are ignored. "
            "The rules of the DAG file hold.",
        )
    ]


def test_the_log_says_nothing_where_the_run_has_the_same_rules(caplog: pytest.LogCaptureFixture) -> None:
    dag = make_dag("same_run")

    assert resolved(dag, {"xcom_acl": copy.deepcopy(ACL)}) == ACL
    frozen_acl(dag, {"xcom_acl": copy.deepcopy(ACL)})

    assert caplog.records == []


def test_the_log_says_that_rules_in_a_run_protect_nothing_where_the_dag_file_has_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dag = make_dag("no_rules", {})

    for _ in range(2):
        assert frozen_acl(dag, OLD).acl.rules == ()

    assert [record.getMessage() for record in caplog.records] == [
        "DAG 'no_rules': This run's conf holds 'xcom_acl'. It is ignored, and the DAG file declares no rules. "
        "Declare rules in the DAG file."
    ]


def test_other_params_of_the_run_are_the_runs() -> None:
    dag = make_dag("others", {"xcom_acl": ACL, "unit": "km"})

    params = process_params(dag, dag.get_task("load"), {**OLD, "unit": "mile"}, suppress_exception=False)

    assert params == {"xcom_acl": ACL, "unit": "mile"}


def test_params_of_airflow_tasks_test_change_nothing() -> None:
    """`airflow tasks test --task-params` writes them into the task's params."""
    dag = make_dag("tasks_test")
    task = dag.get_task("load")
    task.params = ParamsDict(task.params)
    task.params.update(OLD)

    assert frozen_acl(dag, {}).acl.rules[0].consumers == ("load",)


# Where a run is made, Airflow has the serialized DAG


def made_run(dag: DAG, conf: dict[str, Any]) -> Any:
    """Validate a conf as Airflow does it before it makes a run (`create_dagrun`)."""
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialization
    except ImportError:  # Airflow 3.1
        from airflow.serialization.serialized_objects import SerializedDAG as Serialization
    params = Serialization.from_dict(Serialization.to_dict(dag)).params
    if hasattr(params, "deep_merge"):
        return params.deep_merge(conf).validate()
    merged = copy.deepcopy(params)  # Airflow 3.1
    merged.update(conf)
    return merged.validate()


@pytest.mark.parametrize("value", [{}, {"*": "anyone"}, None, [], ["load"], "anyone", 1])
def test_a_run_with_other_rules_is_refused_when_it_is_made(value: Any) -> None:
    with pytest.raises(Exception, match="xcom_acl") as refused:
        made_run(make_dag("refused"), {"xcom_acl": value})

    assert str(refused.value) == f"{REFUSED}    {value!r}"


def test_the_text_of_the_refusal_is_no_value_that_a_run_may_have() -> None:
    with pytest.raises(Exception, match="was expected"):
        made_run(make_dag("text"), {"xcom_acl": "the value that is fixed in the DAG file"})


@pytest.mark.parametrize("conf", [{}, {"xcom_acl": ACL}, {"x": 1}])
def test_a_run_as_the_trigger_form_makes_it_is_accepted(conf: dict[str, Any]) -> None:
    assert made_run(make_dag("accepted"), conf)["xcom_acl"] == ACL


@pytest.mark.parametrize(
    "schema",
    [{"type": "object"}, {"title": "Rules"}, {"if": {"type": "string"}, "then": False, "else": {"type": "object"}}],
)
def test_an_authors_own_schema_does_not_get_in_the_way(schema: dict[str, Any]) -> None:
    dag = make_dag("schema", {"xcom_acl": Param(ACL, schema=schema)})

    assert made_run(dag, {"xcom_acl": ACL})["xcom_acl"] == ACL
    with pytest.raises(Exception, match="was expected") as refused:
        made_run(dag, {"xcom_acl": []})
    assert str(refused.value) == f"{REFUSED}    []"


# Copies


def fixed(dag_id: str = "copies") -> AclParam:
    return AclParam(dag_id, ACL, None, fixed_schema(ACL, {}), fixed=True)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_keeps_its_value_too(copied: Any) -> None:
    param = copied(fixed())

    assert param.resolve(OLD["xcom_acl"]) == ACL
    assert param.value == ACL


def test_a_deep_copy_shares_nothing() -> None:
    param = fixed()

    copy.deepcopy(param).value["extract"]["token"].append("report")

    assert param.value == {"extract": {"token": ["load"]}}


def test_it_is_pickled_as_airflows_own_param() -> None:
    param = pickle.loads(pickle.dumps(fixed()))  # noqa: S301 - our own bytes

    assert type(param) is Param
    assert (param.value, param.schema["const"]) == (ACL, ACL)


def test_a_dag_file_may_still_change_what_exclusive_has_written() -> None:
    with DAG("changed") as dag:
        extract = BaseOperator(task_id="extract")
        load = BaseOperator(task_id="load")
        extract >> load
        exclusive(extract, to=[])

    dag.params["xcom_acl"] = ACL

    assert freeze(dag, default_consumers="same_dag").acl.rules[0].consumers == ("load",)
