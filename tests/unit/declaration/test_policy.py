"""Real DAG files parsed by Airflow's DagBag with the policy registered."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
from airflow import settings as airflow_settings

from exclusive_redis_xcom import policy
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
    ("params", "texts"),
    [
        ("{'xcom_acl': {'extract': {'token': ['laod']}}}", ["xcom_acl['extract']['token']", "Did you mean 'load'?"]),
        ("{'xcom_acl': {'extrakt': {'token': ['load']}}}", ["xcom_acl['extrakt']['token']", "Did you mean 'extract'?"]),
        ("{'xcom_acl': {'extract': ['load']}}", ["{'extract': {'return_value': [...]}}"]),
        ("{'xcom_acl': {'extract': {'': ['load']}}}", ["the XCom key is empty"]),
        ("{'xcom_acl': ['load']}", ["write a dict"]),
        ("{'xcom_acl': {'load': {'token': ['extract']}}}", ["'extract' can never run after its producer 'load'"]),
    ],
)
def test_a_broken_acl_is_an_import_error_that_names_dag_entry_and_fix(
    tmp_path: Path, params: str, texts: list[str]
) -> None:
    error = import_error(tmp_path, params)

    assert error.startswith("AirflowClusterPolicyViolation: InvalidAcl: DAG 'etl', xcom_acl")
    assert all(text in error for text in texts), error
    assert "Traceback" not in error


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
