"""Real DAG files parsed by Airflow's DagBag with the policy registered."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
from airflow import settings as airflow_settings

from exclusive_redis_xcom.airflow import listener, policy
from exclusive_redis_xcom.declaration import AclWarning, frozen_acl, frozen_acl_by_id


@pytest.fixture(autouse=True)
def _registered_policy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As the entry point does where the package is installed."""
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    manager: Any = getattr(airflow_settings, "POLICY_PLUGIN_MANAGER", None)  # until Airflow 3.1
    manager = manager or airflow_settings.get_policy_plugin_manager()
    if manager.is_registered(policy):
        yield
        return
    manager.register(policy)
    yield
    manager.unregister(policy)


def parse(folder: Path, params: str, body: str = "load(extract())", dag_id: str = "etl") -> Any:
    source = f"""
        from airflow.sdk import DAG, task
        from exclusive_redis_xcom import exclusive

        with DAG({dag_id!r}, params={params}) as dag:
            @task
            def extract(): ...
            @task
            def load(value): ...
            @task
            def report(): ...
            {body}
    """
    return dag_bag(folder, source)


def dag_bag(folder: Path, source: str) -> Any:
    folder.joinpath("dag_file.py").write_text(textwrap.dedent(source))
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag
    return DagBag(str(folder))


def import_error(folder: Path, params: str, body: str = "load(extract())") -> str:
    bag = parse(folder, params, body)
    assert not bag.dags
    (error,) = bag.import_errors.values()
    return str(error)


def test_a_sound_dag_is_parsed_and_frozen(tmp_path: Path) -> None:
    bag = parse(tmp_path, "{'xcom_acl': {'extract': {'return_value': ['load']}}}", dag_id="sound")

    assert bag.import_errors == {}
    assert frozen_acl(bag.dags["sound"]) is frozen_acl_by_id("sound")
    assert "const" in bag.dags["sound"].params.get_param("xcom_acl").schema


@pytest.mark.parametrize(
    ("params", "lines"),
    [
        (
            "{'xcom_acl': {'extract': {'token': ['laod']}}}",
            [
                "InvalidAcl: DAG 'etl': the consumer 'laod' is not a task of this DAG.",
                "The rule is xcom_acl['extract']['token'] of DAG 'etl'.",
                "Did you mean 'load'? For a task of another DAG, write 'dag_id/laod'.",
            ],
        ),
        (
            "{'xcom_acl': {'extrakt': {'token': ['load']}}}",
            [
                "InvalidAcl: DAG 'etl': the producer 'extrakt' is not a task of this DAG.",
                "The rule is xcom_acl['extrakt']['token'] of DAG 'etl'.",
                "Did you mean 'extract'?",
            ],
        ),
        (
            "{'xcom_acl': {'load': {'token': ['extract']}}}",
            [
                "InvalidAcl: DAG 'etl': the consumer extract can never run after its producer 'load'.",
                "The rule is xcom_acl['load']['token'] of DAG 'etl'.",
                "The consumer is upstream. Remove it from the rule, or reverse the dependency.",
            ],
        ),
    ],
)
def test_an_acl_that_contradicts_its_dag_is_an_import_error(tmp_path: Path, params: str, lines: list[str]) -> None:
    assert import_error(tmp_path, params).splitlines() == lines


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ("{'xcom_acl': {'extract': ['load']}}", "{'extract': {'return_value': "),
        ("{'xcom_acl': {'extract': {'': ['load']}}}", "the XCom key is empty.\nWrite a name, or '*' for any."),
        ("{'xcom_acl': ['load']}", "Write a dict: "),
        ("{'xcom_acl': {'extract': {'token': 'downstreem'}}}", "Did you mean 'downstream'?"),
    ],
)
def test_an_acl_that_is_not_well_formed_is_an_import_error(tmp_path: Path, params: str, text: str) -> None:
    error = import_error(tmp_path, params)

    assert error.startswith("InvalidAcl: DAG 'etl'")
    assert text in error
    assert "Traceback" not in error


def test_ids_of_any_length_leave_the_decision_on_the_first_line(tmp_path: Path) -> None:
    dag_id, consumer = "d" * 250, "c" * 250
    source = f"""
        from airflow.sdk import DAG, task

        with DAG({dag_id!r}, params={{"xcom_acl": {{"extract": {{"token": [{consumer!r}]}}}}}}) as dag:
            @task
            def extract(): ...
            extract()
    """

    (error,) = dag_bag(tmp_path, source).import_errors.values()

    first, where, remedy = str(error).splitlines()
    short_dag, short_consumer = f"{'d' * 11}...{'d' * 10}", f"{'c' * 11}...{'c' * 10}"
    assert first == f"InvalidAcl: DAG '{short_dag}': the consumer '{short_consumer}' is not a task of this DAG."
    assert where == f"The rule is xcom_acl['extract']['token'] of DAG '{dag_id}'."
    assert remedy == f"The DAG's tasks are 'extract'. For a task of another DAG, write 'dag_id/{consumer}'."


@pytest.mark.parametrize(
    "name", ["xcom_acls", "xcom_alc", "xcom_ac", "com_acl", "xcom-acl", "xcomacl", "XCOM_ACL", "xcom_act", "xcoms_acl"]
)
def test_a_param_that_looks_like_xcom_acl_is_an_import_error(tmp_path: Path, name: str) -> None:
    error = import_error(tmp_path, f"{{{name!r}: {{'extract': {{'token': ['load']}}}}}}")

    assert error.splitlines() == [
        f"InvalidAcl: DAG 'etl': the param '{name}' protects nothing. Did you mean 'xcom_acl'?",
        "If the param is not an access list, give it another name.",
    ]


def test_such_a_param_of_a_task_is_an_import_error_too(tmp_path: Path) -> None:
    body = "load.override(params={'xcom_acls': {}})(extract())"

    assert import_error(tmp_path, "{}", body).splitlines() == [
        "InvalidAcl: DAG 'etl': the param 'xcom_acls' of task load protects nothing.",
        "Did you mean 'xcom_acl'? Only the DAG may declare rules: DAG(params={'xcom_acl': ...}).",
        "If the param is not an access list, give it another name.",
    ]


@pytest.mark.parametrize(
    "acl",
    [
        "{'extract': {'token': {'load'}}}",
        "{'extract': {'token': (name for name in ['load'])}}",
        "{'extract': {'token': {'consumers': ['load'], 'ttl_seconds': timedelta(hours=1)}}}",
    ],
)
def test_what_json_does_not_have_is_airflows_own_import_error(tmp_path: Path, acl: str) -> None:
    """Airflow refuses it when the DAG object is made, before any policy is called. acl.md says what to write."""
    source = f"from datetime import timedelta\nfrom airflow.sdk import DAG\nDAG('etl', params={{'xcom_acl': {acl}}})\n"

    (error,) = dag_bag(tmp_path, source).import_errors.values()

    assert "ParamValidationError: All provided parameters must be json-serializable." in str(error)


def test_a_tuple_of_consumers_is_a_list(tmp_path: Path) -> None:
    bag = parse(tmp_path, "{'xcom_acl': {'extract': {'return_value': ('load',)}}}", dag_id="with_tuple")

    assert bag.import_errors == {}
    assert bag.dags["with_tuple"].params["xcom_acl"] == {"extract": {"return_value": ["load"]}}


def test_other_params_are_left_alone(tmp_path: Path) -> None:
    names = ["xcom", "acl", "table_acl", "xcom_key", "xcom_ttl", "acl_xcom", "xcom_rules", "my_xcom_acl", "xcom_acl_v2"]

    assert parse(tmp_path, repr(dict.fromkeys(names, 1))).import_errors == {}


def test_a_wrong_setting_is_an_import_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from exclusive_redis_xcom import settings

    clear = getattr(settings.load_settings, "cache_clear", lambda: None)
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__DEFAULT_CONSUMERS", "everyone")
    clear()
    try:
        error = import_error(tmp_path, "{}")
    finally:
        clear()

    assert "ConfigurationError" in error
    assert "default_consumers" in error


def test_a_consumer_that_is_not_downstream_is_a_warning_and_the_dag_loads(tmp_path: Path) -> None:
    with pytest.warns(AclWarning, match="'report' is not downstream of its producer 'extract'"):
        bag = parse(tmp_path, "{'xcom_acl': {'extract': {'token': ['report']}}}", "load(extract()); report()")

    assert bag.import_errors == {}


def test_a_misuse_of_exclusive_is_an_import_error_too(tmp_path: Path) -> None:
    error = import_error(tmp_path, "{}", "exclusive(extract(), to=['laod'])")

    assert "InvalidAcl" in error
    assert "'laod' is not a task of this DAG" in error


def test_a_frozen_dag_survives_serialization(tmp_path: Path) -> None:
    from airflow.serialization.serialized_objects import SerializedDAG

    dag = parse(tmp_path, "{'xcom_acl': {'extract': {'return_value': ['load']}}}").dags["etl"]
    serialize = getattr(SerializedDAG, "to_dict", None)
    if serialize is None:
        from airflow.serialization.serialized_objects import DagSerialization

        serialize = DagSerialization.to_dict

    (name, param) = serialize(dag)["dag"]["params"][0]

    assert name == "xcom_acl"
    assert "const" in str(param)


TASKS = """
        from airflow.providers.standard.operators.bash import BashOperator
        from airflow.providers.standard.operators.empty import EmptyOperator
        from airflow.providers.standard.operators.python import PythonOperator, PythonVirtualenvOperator
        from airflow.sdk import DAG, TaskGroup, task

        with DAG("quiet", params={params}) as dag:
            @task
            def decorated(): return "x"
            @task(multiple_outputs=True)
            def outputs(): return {{"token": "x"}}
            @task
            def annotated() -> dict[str, str]: return {{"token": "x"}}
            @task
            def mapped(number): return "x"
            @task(multiple_outputs=True)
            def mapped_outputs(number): return {{"token": "x"}}
            decorated(); outputs(); annotated()
            mapped.expand(number=[1, 2]); mapped_outputs.expand(number=[1, 2])
            PythonOperator(task_id="classic", python_callable=str)
            PythonOperator.partial(task_id="classic_mapped", python_callable=str).expand(op_args=[[1], [2]])
            PythonVirtualenvOperator(task_id="virtualenv", python_callable=decorated.function)
            EmptyOperator(task_id="empty")
            BashOperator(task_id="bash", bash_command="true")
            BashOperator.partial(task_id="bash_mapped").expand(bash_command=["true", "false"])
            with TaskGroup("group"):
                PythonOperator(task_id="inside", python_callable=str)
"""

RETURNING = ["decorated", "annotated", "mapped", "classic", "classic_mapped", "virtualenv", "group.inside"]
WITH_OUTPUTS = ["outputs", "annotated", "mapped_outputs"]


def logs_its_return_value(folder: Path, params: str) -> dict[str, Any]:
    """The operators' switch, after Airflow has made the operator that runs; operators without one are left out."""
    bag = dag_bag(folder, TASKS.format(params=params))
    assert bag.import_errors == {}
    operators = {task.task_id: unmapped(task) for task in bag.dags["quiet"].tasks}
    switches = {task_id: getattr(op, "show_return_value_in_logs", None) for task_id, op in operators.items()}
    return {task_id: switch for task_id, switch in switches.items() if switch is not None}


def unmapped(task: Any) -> Any:
    if not task.is_mapped:
        return task
    arguments: dict[str, Any] = {"op_args": [1], "op_kwargs": {"number": 1}, "bash_command": "true"}
    wanted = {"mapped": "op_kwargs", "mapped_outputs": "op_kwargs", "classic_mapped": "op_args"}
    name = wanted.get(task.task_id, "bash_command")
    return task.unmap({name: arguments[name]})


def test_tasks_that_return_a_restricted_value_do_not_log_it(tmp_path: Path) -> None:
    switches = logs_its_return_value(tmp_path, "{'xcom_acl': {'*': {'return_value': 'nobody'}}}")

    assert switches == dict.fromkeys([*RETURNING, *WITH_OUTPUTS], False)


def test_tasks_that_return_several_outputs_do_not_log_them_if_one_is_restricted(tmp_path: Path) -> None:
    switches = logs_its_return_value(tmp_path, "{'xcom_acl': {'*': {'token': 'nobody'}}}")

    assert {task_id for task_id, switch in switches.items() if switch is False} == set(WITH_OUTPUTS)


def test_a_rule_about_one_task_leaves_the_others_alone(tmp_path: Path) -> None:
    switches = logs_its_return_value(tmp_path, "{'xcom_acl': {'mapped': {'return_value': 'nobody'}}}")

    assert [task_id for task_id, switch in switches.items() if switch is False] == ["mapped"]


@pytest.mark.parametrize("params", ["{}", "{'xcom_acl': {}}"])
def test_tasks_log_what_they_return_where_nothing_is_restricted(tmp_path: Path, params: str) -> None:
    assert set(logs_its_return_value(tmp_path, params).values()) == {True}


def test_a_task_seen_before_its_dag_has_the_acl_read(tmp_path: Path) -> None:
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    with DAG("early", params={"xcom_acl": {"extract": {"return_value": ["load"]}}}) as dag:
        extract = PythonOperator(task_id="extract", python_callable=str)
        load = PythonOperator(task_id="load", python_callable=str)
        extract >> load

    policy.task_policy(task=extract)
    policy.task_policy(task=load)
    policy.dag_policy(dag=dag)

    assert (extract.show_return_value_in_logs, load.show_return_value_in_logs) == (False, True)
    assert frozen_acl(dag) is frozen_acl_by_id("early")


def test_a_task_of_no_dag_is_left_alone() -> None:
    from airflow.providers.standard.operators.python import PythonOperator

    operator = PythonOperator(task_id="alone", python_callable=str)

    policy.task_policy(task=operator)

    assert operator.show_return_value_in_logs is True


ENDING_FROM_TRIGGER = """
        from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
        from airflow.sdk import DAG, task

        with DAG("waiting", params={"xcom_acl": {"extract": {"token": ["after"]}}}) as dag:
            @task
            def extract(): ...
            @task
            def after(value): ...
            wait = DateTimeSensorAsync(task_id="wait", target_time="2026-01-01T00:00:00+00:00", end_from_trigger=True)
            wait >> after(extract())
"""


@pytest.fixture
def listeners(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Airflow's own listener manager, as it begins in a new process; ours is registered, as our plugin does it."""
    from airflow.listeners import listener as airflows

    manager = airflows.ListenerManager()
    manager.pm.register(listener)
    monkeypatch.setattr(manager_module(), "get_listener_manager", lambda: manager)
    monkeypatch.setattr(airflows, "get_listener_manager", lambda: manager)
    return manager


def manager_module() -> Any:
    try:
        from airflow.dag_processing import dagbag
    except ImportError:  # Airflow 3.1
        from airflow.models import dagbag
    return dagbag


def test_operators_that_end_from_their_trigger_load_with_our_listener(tmp_path: Path, listeners: Any) -> None:
    assert listeners.has_listeners

    bag = dag_bag(tmp_path, ENDING_FROM_TRIGGER)

    assert bag.import_errors == {}
    assert "const" in bag.dags["waiting"].params.get_param("xcom_acl").schema
    assert listeners.pm.is_registered(listener)


def test_listeners_of_other_plugins_still_keep_such_operators_out(tmp_path: Path, listeners: Any) -> None:
    dag_bag(tmp_path, ENDING_FROM_TRIGGER)
    listeners.pm.register(object())

    (error,) = dag_bag(tmp_path, ENDING_FROM_TRIGGER).import_errors.values()

    assert "Listeners are not supported with end_from_trigger=True" in str(error)


def test_the_manager_is_changed_once_and_only_for_such_operators(tmp_path: Path, listeners: Any) -> None:
    parse(tmp_path, "{}")
    untouched = type(listeners)
    dag_bag(tmp_path, ENDING_FROM_TRIGGER)
    changed = type(listeners)
    dag_bag(tmp_path, ENDING_FROM_TRIGGER)

    assert vars(untouched)["has_listeners"].fget(listeners)  # Airflow's own
    assert type(listeners) is changed
    assert issubclass(changed, untouched)
