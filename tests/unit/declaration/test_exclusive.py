from __future__ import annotations

import copy
import json
import sys
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator, Param, TaskGroup, task

from exclusive_redis_xcom import exclusive
from exclusive_redis_xcom.declaration import FrozenAcl
from exclusive_redis_xcom.declaration import freeze as freeze_any
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.model import Coordinate


@task
def extract() -> str:
    return "x"


@task(multiple_outputs=True)
def many() -> dict[str, str]:
    return {"a": "x"}


@task
def load(value: Any = None) -> None: ...


def freeze(dag: DAG) -> FrozenAcl:
    return freeze_any(dag, default_consumers="same_dag")


def consumers(dag: DAG, task_id: str, key: str = "return_value") -> tuple[str, ...]:
    return freeze(dag).in_force(Coordinate(dag.dag_id, "r1", task_id, key)).consumers


HERE = __file__


def error_of(caught: pytest.ExceptionInfo[InvalidAcl], line: int) -> list[str]:
    """The lines of an error without the second one, which names the call that stands on this line of this file."""
    decision, place, *further = str(caught.value).splitlines()
    assert place.startswith(f"The call is at {HERE}:{line}.")
    assert len(decision) <= 100
    return [decision, *further]


def line() -> int:
    """The line from which this is called."""
    return sys._getframe(1).f_lineno


def test_it_returns_the_xcom_so_that_it_can_stand_inside_a_call() -> None:
    with DAG("etl") as dag:
        result = extract()
        assert exclusive(result, to="load") is result
        load(result)

    assert consumers(dag, "extract") == ("load",)


def test_the_rule_lands_in_the_dags_params() -> None:
    with DAG("etl") as dag:
        exclusive(extract(), to="load", ttl=timedelta(minutes=1), same_run=True, once=True)

    assert dag.params["xcom_acl"] == {
        "extract": {"return_value": {"consumers": ["load"], "ttl_seconds": 60, "same_run": True, "once": True}}
    }


def test_an_operator_means_its_return_value() -> None:
    with DAG("etl") as dag:
        first = BaseOperator(task_id="first")
        first >> exclusive(BaseOperator(task_id="second"), to=BaseOperator(task_id="third"))

    assert dag.params["xcom_acl"] == {"second": {"return_value": {"consumers": ["third"]}}}


def test_a_key_of_an_operators_output_is_declared_alone() -> None:
    with DAG("etl") as dag:
        producer, consumer = BaseOperator(task_id="p"), BaseOperator(task_id="c")
        producer >> consumer
        exclusive(producer.output["token"], to=consumer)

    assert consumers(dag, "p", "token") == ("c",)
    assert consumers(dag, "p") == ("*",)


def test_a_key_of_multiple_outputs_is_declared_alone() -> None:
    with DAG("etl") as dag:
        result = many()
        exclusive(result["a"], to=load(result["a"]))

    assert consumers(dag, "many", "a") == ("load",)


def test_a_key_called_consumers_is_a_key() -> None:
    with DAG("etl") as dag:
        result = many()
        exclusive(result["consumers"], to=load(result["consumers"]))

    assert consumers(dag, "many", "consumers") == ("load",)


def test_consumers_may_be_operators_xcoms_mapped_operators_groups_and_texts() -> None:
    with DAG("etl") as dag:
        producer = BaseOperator(task_id="p")
        operator = BaseOperator(task_id="operator")
        xcom = load.override(task_id="xcom")()
        mapped = BaseOperator.partial(task_id="mapped").expand(doc=["a"])
        mapped_xcom = load.override(task_id="mapped_xcom").expand(value=[1])
        with TaskGroup("group") as group:
            BaseOperator(task_id="a")
            with TaskGroup("inner"):
                BaseOperator(task_id="b")
        text = BaseOperator(task_id="text")
        producer >> [operator, xcom, mapped, mapped_xcom, group, text]
        exclusive(producer, to=[operator, xcom, mapped, mapped_xcom, group, "text", "bi/*"])

    assert consumers(dag, "p") == (
        "operator",
        "xcom",
        "mapped",
        "mapped_xcom",
        "group.a",
        "group.inner.b",
        "text",
        "bi/*",
    )


def test_an_operator_of_another_dag_is_named_with_its_dag() -> None:
    with DAG("bi"):
        report = BaseOperator(task_id="report")
    with DAG("etl") as dag:
        exclusive(BaseOperator(task_id="p"), to=report)

    assert consumers(dag, "p") == ("bi/report",)


def test_a_renamed_task_is_followed() -> None:
    with DAG("etl") as dag:
        result = extract.override(task_id="another_name")()
        exclusive(result, to=load.override(task_id="other_consumer")(result))

    assert consumers(dag, "another_name") == ("other_consumer",)


def test_a_task_in_a_group_is_named_with_it() -> None:
    with DAG("etl") as dag, TaskGroup("g"):
        result = extract()
        exclusive(result, to=load(result))

    assert consumers(dag, "g.extract") == ("g.load",)


def test_an_empty_list_means_nobody() -> None:
    with DAG("etl") as dag:
        exclusive(extract(), to=[])

    assert consumers(dag, "extract") == ()


def test_several_calls_add_up() -> None:
    with DAG("etl") as dag:
        result = extract()
        one, two = load.override(task_id="one")(result), load.override(task_id="two")(result)
        exclusive(exclusive(result, to=one, same_run=True, once=True), to=[one, two], same_run=True, once=True)

    in_force = freeze(dag).in_force(Coordinate("etl", "r1", "extract", "return_value"))
    assert (in_force.consumers, in_force.same_run, in_force.once) == (("one", "two"), True, True)


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ({"ttl": timedelta(seconds=1)}, {"ttl": timedelta(seconds=2)}, "ttl"),
        ({"ttl": timedelta(seconds=1)}, {}, "ttl"),
        ({}, {"same_run": True}, "same_run"),
        ({"once": True}, {}, "once"),
    ],
)
def test_several_calls_that_disagree_are_refused(first: Any, second: Any, field: str) -> None:
    with DAG("etl"):
        result = exclusive(extract(), to="load", **first)
        earlier = line() - 1

        with pytest.raises(InvalidAcl) as caught:
            exclusive(result, to="report", **second)

    assert error_of(caught, line() - 2) == [
        f"exclusive() for 'return_value' of extract: an earlier call sets another {field}.",
        f"The earlier call is at {HERE}:{earlier}. Set the same in each call.",
    ]


def test_a_rule_that_the_params_hold_already_is_refused() -> None:
    with (
        DAG("etl", params={"xcom_acl": {"extract": {"return_value": {"consumers": ["load"]}}}}),
        pytest.raises(InvalidAcl) as caught,
    ):
        exclusive(extract(), to="load")

    assert error_of(caught, line() - 2) == [
        "exclusive() for 'return_value' of extract: the DAG's params hold a rule for this XCom too.",
        "Remove this call, or remove xcom_acl['extract']['return_value'] from the params.",
    ]


def test_a_flat_rule_under_the_tasks_name_is_refused() -> None:
    with (
        DAG("etl", params={"xcom_acl": {"extract": ["load"]}}),
        pytest.raises(InvalidAcl) as caught,
    ):
        exclusive(extract(), to="load")

    assert error_of(caught, line() - 2) == [
        "exclusive() for 'return_value' of extract: the DAG's params have a rule in the task's name.",
        "xcom_acl['extract'] there is no dict of the task's XCom keys. Make it one, or remove it.",
    ]


def test_rules_of_other_xcoms_in_the_params_stay() -> None:
    with DAG("etl", params={"xcom_acl": Param({"*": "nobody", "extract": {"k": ["load"]}}, description="mine")}) as dag:
        result = extract()
        exclusive(result, to=load(result))

    assert consumers(dag, "extract", "k") == ("load",)
    assert consumers(dag, "load", "any") == ()
    assert dag.params.get_param("xcom_acl").description == "mine"


def test_one_dict_given_to_two_dags_is_not_written_to() -> None:
    shared = {"xcom_acl": {"*": "nobody"}}
    with DAG("one", params=shared):
        exclusive(extract(), to="load")
    with DAG("two", params=shared) as two:
        extract()

    assert two.params["xcom_acl"] == {"*": "nobody"}
    assert shared == {"xcom_acl": {"*": "nobody"}}


@pytest.mark.parametrize("derive", ["map", "zip", "concat"])
def test_a_derived_xcom_is_refused(derive: str) -> None:
    with DAG("etl"):
        result = extract()
        derived = result.map(str) if derive == "map" else getattr(result, derive)(result)

        with pytest.raises(InvalidAcl, match=r"on each XCom that \.map\(\), \.zip\(\) or \.concat\(\) was called on"):
            exclusive(derived, to="load")


@pytest.mark.parametrize(
    ("xcom", "is_what"),
    [
        (None, "is None"),
        ("extract", "is of type str"),
        (5, "is of type int"),
    ],
)
def test_what_is_no_xcom_is_refused(xcom: Any, is_what: str) -> None:
    with DAG("etl"), pytest.raises(InvalidAcl) as caught:
        exclusive(xcom, to="load")

    assert error_of(caught, line() - 2) == [
        f"exclusive(): its first argument {is_what}.",
        "Give it what a TaskFlow call returns, or an operator.",
    ]


def test_a_task_function_that_was_not_called_is_refused_as_such() -> None:
    with DAG("etl"):
        result = extract()

        with pytest.raises(InvalidAcl) as caught:
            exclusive(result, to=load)

    assert error_of(caught, line() - 2) == [
        "exclusive() for 'return_value' of extract: a consumer is a @task function that was not called.",
        "Call the function, and give 'to' what the call returns. Or write the task's id.",
    ]


def test_a_task_function_as_the_first_argument_must_be_called() -> None:
    with DAG("etl"), pytest.raises(InvalidAcl) as caught:
        exclusive(extract, to="load")

    assert error_of(caught, line() - 2) == [
        "exclusive(): its first argument is a @task function that was not called.",
        "Call the function, and give exclusive() what the call returns.",
    ]


@pytest.mark.parametrize("to", [None, 5, [None], {"load": 1}])
def test_what_is_no_consumer_is_refused(to: Any) -> None:
    with DAG("etl"):
        result = extract()

        with pytest.raises(InvalidAcl, match="Give operators, XComs, task groups or task ids"):
            exclusive(result, to=to)


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1), timedelta(milliseconds=1500), 60, "60"])
def test_a_ttl_is_a_positive_timedelta_of_whole_seconds(ttl: Any) -> None:
    with DAG("etl"):
        result = extract()

        with pytest.raises(InvalidAcl, match="ttl is"):
            exclusive(result, to="load", ttl=ttl)


@pytest.mark.parametrize("field", ["same_run", "once"])
@pytest.mark.parametrize("value", [0, 1, "yes", None])
def test_same_run_and_once_are_booleans(field: str, value: Any) -> None:
    with DAG("etl") as dag:
        result = extract()

        with pytest.raises(InvalidAcl) as caught:
            exclusive(result, to="load", **{field: value})

    assert str(caught.value).splitlines() == [
        f"exclusive() for 'return_value' of extract: {field} must be True or False, not {value!r}.",
        f"The call is at {HERE}:{line() - 4}. It is about XCom 'return_value' of task 'extract' in DAG 'etl'.",
    ]
    assert "xcom_acl" not in dag.params


def test_an_operator_without_a_dag_is_refused() -> None:
    with pytest.raises(InvalidAcl, match="task p has no DAG yet"):
        exclusive(BaseOperator(task_id="p"), to="load")


def test_a_consumer_without_a_dag_is_refused() -> None:
    stray = BaseOperator(task_id="stray")
    with DAG("etl"):
        result = extract()

        with pytest.raises(InvalidAcl, match=r"a consumer has no DAG yet\.\n.*\nThe consumer is task 'stray'"):
            exclusive(result, to=stray)


def test_an_empty_group_is_refused() -> None:
    with DAG("etl"):
        result = extract()
        with TaskGroup("group") as group:
            pass

        with pytest.raises(InvalidAcl, match="has no tasks yet"):
            exclusive(result, to=group)


def test_an_unknown_text_is_refused_when_the_dag_is_frozen() -> None:
    with DAG("etl") as dag:
        exclusive(extract(), to="laod")

    with pytest.raises(InvalidAcl) as caught:
        freeze(dag)
    assert str(caught.value).splitlines()[:2] == [
        "DAG 'etl': the consumer 'laod' is not a task of this DAG.",
        f"The rule is exclusive() at test_exclusive.py:{line() - 6} of DAG 'etl'.",
    ]


@pytest.mark.parametrize("key", ["a*", "*"])
def test_a_key_that_would_be_read_as_a_pattern_is_refused(key: str) -> None:
    with DAG("d"):

        @task
        def produce() -> None: ...

        with pytest.raises(InvalidAcl, match="would be read as a pattern"):
            exclusive(produce()[key], to="produce")


def test_long_ids_do_not_push_the_decision_out_of_sight() -> None:
    with DAG("d" * 250), TaskGroup("g" * 120):
        result = extract.override(task_id="t" * 120)()

        with pytest.raises(InvalidAcl) as caught:
            exclusive(result, to="load", same_run="yes")  # type: ignore[arg-type]

    decision, place = str(caught.value).splitlines()
    assert len(decision) <= 100
    assert decision.endswith(": same_run must be True or False, not 'yes'.")
    assert "t" * 120 in place


class TestWhereItStands:
    def test_the_rule_says_the_line_of_the_call_and_the_params_do_not(self) -> None:
        with DAG("etl") as dag:
            result = extract()
            exclusive(result, to=load(result))
            at = line() - 1

        in_force = freeze(dag).in_force(Coordinate("etl", "r1", "extract", "return_value"))
        assert in_force.source == f"exclusive() at test_exclusive.py:{at}"
        assert json.loads(json.dumps(dag.params.dump())) == {
            "xcom_acl": {"extract": {"return_value": {"consumers": ["load"]}}}
        }

    def test_several_calls_are_named_in_their_order(self) -> None:
        with DAG("etl") as dag:
            result = extract()
            for _ in range(5):
                exclusive(result, to=load.override(task_id="load")(result) if _ == 0 else "load")
            at = line() - 1

        in_force = freeze(dag).in_force(Coordinate("etl", "r1", "extract", "return_value"))
        place = f"test_exclusive.py:{at}"
        assert in_force.source == f"exclusive() at {place}, {place}, {place} and 2 more"

    def test_a_copy_of_the_params_knows_it_too(self) -> None:
        with DAG("etl") as dag:
            result = extract()
            exclusive(result, to=load(result))
        dag.params = copy.deepcopy(dag.params)

        in_force = freeze(dag).in_force(Coordinate("etl", "r1", "extract", "return_value"))
        assert in_force.source.startswith("exclusive() at test_exclusive.py:")
