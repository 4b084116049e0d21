from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator, Param, chain, task
from airflow.sdk.definitions.param import ParamsDict, process_params

from exclusive_redis_xcom import exclusive
from exclusive_redis_xcom.acl import decide
from exclusive_redis_xcom.declaration import AclWarning, FrozenAcl, frozen_acl, frozen_acl_by_id
from exclusive_redis_xcom.declaration import freeze as freeze_any
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.model import Coordinate, Principal

ACL = {"extract": {"token": ["load"]}}
OPEN = {"xcom_acl": {"*": "anyone"}}
TOKEN = Coordinate("etl", "r1", "extract", "token")
STRANGER = Principal("etl", "report", "r1", -1)


def freeze(dag: DAG) -> FrozenAcl:
    return freeze_any(dag, default_consumers="same_dag")


def make_dag(params: Any = None, **kwargs: Any) -> DAG:
    with DAG("etl", params={"xcom_acl": ACL} if params is None else params, **kwargs) as dag:
        BaseOperator(task_id="extract") >> BaseOperator(task_id="load") >> BaseOperator(task_id="report")
    return dag


def may_read(frozen: FrozenAcl, who: Principal = STRANGER) -> bool:
    return decide(frozen.in_force(TOKEN), TOKEN, who).allowed


@pytest.fixture(name="dag")
def _dag() -> DAG:
    return make_dag()


def test_the_acl_of_the_dag_file_is_in_force(dag: DAG) -> None:
    frozen = freeze(dag)

    assert may_read(frozen, Principal("etl", "load", "r1", -1))
    assert not may_read(frozen)


def test_a_dag_without_an_acl_has_the_default_and_no_param() -> None:
    dag = make_dag(params={})

    frozen = freeze(dag)

    assert frozen.in_force(TOKEN).consumers == ("*",)
    assert "xcom_acl" not in dag.params


def test_the_param_becomes_a_constant(dag: DAG) -> None:
    freeze(dag)

    assert dag.params.get_param("xcom_acl").schema["const"] == ACL
    assert dag.params["xcom_acl"] == ACL


def test_a_param_object_keeps_its_description_and_schema() -> None:
    dag = make_dag({"xcom_acl": Param(ACL, description="who", type="object")})

    freeze(dag)

    param = dag.params.get_param("xcom_acl")
    assert (param.description, param.schema["type"], param.schema["const"]) == ("who", "object", ACL)


def test_tuples_become_what_a_trigger_sends_back() -> None:
    dag = make_dag({"xcom_acl": {"extract": {"token": ("load",)}}})
    freeze(dag)

    params = process_params(dag, dag.get_task("load"), {"xcom_acl": ACL}, suppress_exception=False)

    assert params["xcom_acl"] == ACL


@pytest.mark.parametrize("conf", [OPEN, {"xcom_acl": {}}, {"xcom_acl": None}])
@pytest.mark.parametrize("task_id", ["extract", "load"])
def test_a_run_whose_conf_has_other_rules_has_those_of_the_dag_file(
    dag: DAG, task_id: str, conf: dict[str, Any]
) -> None:
    frozen = freeze(dag)

    params = process_params(dag, dag.get_task(task_id), conf, suppress_exception=False)

    assert params["xcom_acl"] == ACL
    assert not may_read(frozen)
    assert dag.params["xcom_acl"] == ACL


def test_a_run_with_other_conf_starts(dag: DAG) -> None:
    freeze(dag)

    assert process_params(dag, dag.get_task("load"), {"x": 1}, suppress_exception=False)["xcom_acl"] == ACL


def test_a_param_added_after_the_tasks_is_closed_too() -> None:
    dag = make_dag(params={})
    dag.params["xcom_acl"] = ACL
    frozen = freeze(dag)

    assert process_params(dag, dag.get_task("load"), OPEN, suppress_exception=False)["xcom_acl"] == ACL
    assert not may_read(frozen)
    assert dag.params["xcom_acl"] == ACL


def test_a_task_attached_later_is_closed_too(dag: DAG) -> None:
    late = BaseOperator(task_id="late")
    late.dag = dag
    frozen = freeze(dag)

    assert process_params(dag, late, OPEN, suppress_exception=False)["xcom_acl"] == ACL
    assert not may_read(frozen)
    assert dag.params["xcom_acl"] == ACL


def test_copies_in_tasks_are_closed_too() -> None:
    with DAG("etl", params={"xcom_acl": {"*": "same_dag"}}) as dag:
        extract = BaseOperator(task_id="extract")
        mapped = BaseOperator.partial(task_id="load").expand(doc=["a", "b"])
        extract >> mapped
        exclusive(extract.output["token"], to=mapped)
    frozen = freeze(dag)

    for operator in dag.tasks:
        params = process_params(dag, operator, OPEN, suppress_exception=False)
        assert params["xcom_acl"] == {"*": "same_dag", "extract": {"token": {"consumers": ["load"]}}}
    assert not may_read(frozen)


def test_a_mapped_task_unmaps_with_the_constant() -> None:
    with DAG("etl", params={"xcom_acl": {"extract": {"token": ["load"]}}}) as dag:
        BaseOperator(task_id="extract") >> BaseOperator.partial(task_id="load").expand(doc=["a"])
    freeze(dag)

    unmapped = dag.get_task("load").unmap({"doc": "a"})

    assert dict(unmapped.params.items())["xcom_acl"].schema["const"] == ACL
    assert process_params(dag, unmapped, OPEN, suppress_exception=False)["xcom_acl"] == ACL


def test_what_the_author_does_to_the_dict_later_changes_nothing() -> None:
    raw = {"extract": {"token": ["load"]}}
    dag = make_dag({"xcom_acl": raw})
    frozen = freeze(dag)

    raw["extract"]["token"].append("report")

    assert not may_read(frozen)
    assert not may_read(freeze(dag))
    assert dag.params["xcom_acl"] == ACL


def test_freezing_twice_changes_nothing(dag: DAG) -> None:
    assert freeze(dag) is freeze(dag)


class CountedRules(dict[str, Any]):
    """Rules that count how often somebody goes through all of them. Airflow's copies for the tasks count along."""

    walks = 0

    def items(self) -> Any:
        CountedRules.walks += 1
        return super().items()


def walks_while_freezing(*, rules: int, tasks: int) -> int:
    acl = CountedRules({f"key_{i}": ["task_1"] for i in range(rules)})
    with DAG("etl", params={"xcom_acl": acl}) as dag:
        chain(*(BaseOperator(task_id=f"task_{i}") for i in range(tasks)))
    CountedRules.walks = 0

    freeze(dag)

    return CountedRules.walks


def test_neither_each_rule_nor_each_task_makes_freezing_go_through_all_rules() -> None:
    assert 0 < walks_while_freezing(rules=10, tasks=3) == walks_while_freezing(rules=50, tasks=20)


def test_a_task_with_an_acl_of_its_own_is_refused() -> None:
    with DAG("etl", params={"xcom_acl": ACL}) as dag:
        BaseOperator(task_id="extract") >> BaseOperator(task_id="load", params=dict(OPEN))

    with pytest.raises(InvalidAcl) as caught:
        freeze(dag)

    assert str(caught.value).splitlines() == [
        "DAG 'etl': task load has an 'xcom_acl' that is not the DAG's.",
        "Only the DAG may declare rules.",
        "Move the param of task 'load' to DAG(params={'xcom_acl': ...}).",
    ]


def test_a_task_with_an_acl_in_a_dag_without_one_is_refused() -> None:
    with DAG("etl") as dag:
        BaseOperator(task_id="extract", params=dict(OPEN))

    with pytest.raises(InvalidAcl, match="task extract has an"):
        freeze(dag)


def test_a_task_that_repeats_the_dags_acl_is_accepted() -> None:
    with DAG("etl", params={"xcom_acl": ACL}) as dag:
        BaseOperator(task_id="extract", params={"xcom_acl": ACL}) >> BaseOperator(task_id="load")

    freeze(dag)

    assert all("xcom_acl" not in ParamsDict(operator.params) for operator in dag.tasks)


def test_a_wrong_acl_is_refused_and_not_kept() -> None:
    with DAG("refused", params={"xcom_acl": {"extract": {"token": ["laod"]}}}) as dag:
        BaseOperator(task_id="extract")

    with pytest.raises(InvalidAcl, match="'laod'"):
        freeze(dag)
    assert frozen_acl_by_id("refused") is None


@pytest.mark.parametrize("value", [None, [], "linked", 5])
def test_a_param_that_is_no_dict_is_refused(value: Any) -> None:
    with pytest.raises(InvalidAcl, match="Write a dict"):
        freeze(make_dag({"xcom_acl": value}))


def unconnected() -> DAG:
    with DAG("etl", params={"xcom_acl": ACL}) as dag:
        BaseOperator(task_id="extract")
        BaseOperator(task_id="load")
    return dag


def test_a_doubtful_acl_warns_in_the_dag_processor() -> None:
    with pytest.warns(AclWarning, match="'load' is not downstream"):
        freeze(unconnected())


def test_a_doubtful_acl_does_not_warn_in_task_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "etl")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "load")

    freeze(unconnected())


def test_a_frozen_dag_is_found_by_object_and_by_id(dag: DAG) -> None:
    frozen = freeze(dag)

    assert frozen_acl(dag) is frozen
    assert frozen_acl_by_id("etl") is frozen
    assert frozen_acl_by_id("unknown") is None


def test_an_equal_dag_is_another_dag(dag: DAG) -> None:
    frozen = freeze(dag)

    assert frozen_acl(make_dag(), default_consumers="same_dag") is not frozen


def test_the_run_conf_does_not_matter_once_frozen(dag: DAG) -> None:
    frozen = freeze(dag)

    assert frozen_acl(dag, OPEN) is frozen


def test_a_kept_acl_does_not_keep_its_dag() -> None:
    dag = make_dag()
    freeze(dag)
    gone = weakref.ref(dag)
    del dag
    gc.collect()

    assert gone() is None


# dag.test() runs a DAG object that the policy has not seen


def test_a_dag_that_the_policy_has_not_seen_is_read_and_left_as_it_is(dag: DAG) -> None:
    frozen = frozen_acl(dag, {"x": 1}, default_consumers="same_dag")

    assert not may_read(frozen)
    assert frozen_acl(dag) is frozen
    assert dag.params.get_param("xcom_acl").schema == {}


def test_an_unseen_dag_is_refused_for_good_when_its_params_may_be_polluted() -> None:
    dag = make_dag(params={})
    dag.params["xcom_acl"] = ACL
    process_params(dag, dag.get_task("extract"), OPEN, suppress_exception=False)
    assert dag.params["xcom_acl"] == OPEN["xcom_acl"], "the hole that this is about"

    for conf in (OPEN, {}):
        with pytest.raises(InvalidAcl) as caught:
            frozen_acl(dag, conf, default_consumers="same_dag")
        assert str(caught.value).splitlines() == [
            "DAG 'etl': its rules are unknown, because this run's conf may have replaced them.",
            "The conf holds 'xcom_acl'. No policy has fixed the param of this DAG object, as under dag.test().",
            "Leave 'xcom_acl' out of run_conf, and start a new process.",
        ]


def test_an_unseen_dag_whose_tasks_have_copies_is_read_whatever_the_run_conf_says(dag: DAG) -> None:
    for task_id in ("extract", "load"):
        process_params(dag, dag.get_task(task_id), OPEN, suppress_exception=False)

    assert not may_read(frozen_acl(dag, OPEN, default_consumers="same_dag"))


def test_an_unseen_dag_whose_value_is_not_the_run_confs_is_read() -> None:
    dag = make_dag(params={})
    dag.params["xcom_acl"] = ACL

    assert not may_read(frozen_acl(dag, OPEN, default_consumers="same_dag"))


def test_an_unseen_dag_without_an_acl_cannot_be_polluted() -> None:
    dag = make_dag(params={})
    process_params(dag, dag.get_task("extract"), OPEN, suppress_exception=False)

    assert frozen_acl(dag, OPEN, default_consumers="nobody").in_force(TOKEN).consumers == ()


def test_an_unseen_dag_takes_the_default_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__DEFAULT_CONSUMERS", "nobody")
    from exclusive_redis_xcom import settings

    clear = getattr(settings.load_settings, "cache_clear", lambda: None)
    clear()
    try:
        assert frozen_acl(make_dag(params={})).acl.default == "nobody"
    finally:
        clear()


def test_a_linked_rule_is_resolved_against_the_dags_code() -> None:
    with DAG("etl", params={"xcom_acl": {"*": "linked"}}) as dag:

        @task
        def extract() -> str:
            return "x"

        @task
        def load(value: str) -> None: ...

        load(extract()) >> BaseOperator(task_id="report")

    frozen = freeze(dag)

    assert frozen.in_force(Coordinate("etl", "r1", "extract", "return_value")).consumers == ("load",)


def test_links_are_those_of_the_dag_file_whatever_rendering_puts_into_shared_objects() -> None:
    from airflow.providers.standard.operators.python import PythonOperator

    class Shared:
        template_fields = ("note",)
        note = "{{ params.note }}"

    shared = Shared()
    with DAG("d", params={"xcom_acl": {"*": "linked"}}) as dag:
        PythonOperator(task_id="extract", python_callable=print, op_args=[shared])
        PythonOperator(task_id="spy", python_callable=print, op_args=[shared])
    frozen = freeze(dag)

    shared.note = "{{ ti.xcom_pull(task_ids='extract', key='token') }}"  # as Airflow renders it, from a run's conf

    assert frozen.in_force(Coordinate("d", "r", "extract", "token")).consumers == ()
