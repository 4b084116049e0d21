"""ACLs in DAG files as the DAG processor, the UI's import errors and the trigger form see them."""

from __future__ import annotations

import json

import pytest

from devtools.airflow_stack import AirflowStack

DAG_FILE = """
from airflow.sdk import DAG, task
from exclusive_redis_xcom import exclusive

with DAG("{dag_id}", schedule=None, params={{"xcom_acl": {acl}}}):
    @task
    def first(): ...

    @task
    def extract(before=None): ...

    @task
    def load(data): ...

    load(extract(first()))
"""


@pytest.mark.parametrize(
    ("name", "acl", "named"),
    [
        ("unknown_consumer", {"extract": {"return_value": ["laod"]}}, ["laod", "load"]),
        ("unknown_producer", {"extrakt": {"return_value": ["load"]}}, ["extrakt", "extract"]),
        ("wrong_shape", {"extract": {"return_value": 7}}, ["extract", "return_value"]),
        ("empty_key", {"extract": {"": ["load"]}}, ["extract"]),
        ("runs_before", {"extract": {"return_value": ["first"]}}, ["first", "extract"]),
        ("not_a_mapping", ["load"], ["xcom_acl"]),
    ],
)
def test_a_broken_acl_is_an_import_error_that_names_dag_entry_and_fix(
    airflow: AirflowStack, name: str, acl: object, named: list[str]
) -> None:
    dag_id = f"broken_{name}"

    assert airflow.add_dag(dag_id, DAG_FILE.format(dag_id=dag_id, acl=acl)) == []

    text = next(text for path, text in airflow.import_errors().items() if path.endswith(f"{dag_id}.py"))
    assert "InvalidAcl" in text
    assert [part for part in [dag_id, *named] if part not in text] == []


def test_a_sound_acl_is_a_param_that_the_trigger_form_does_not_offer(airflow: AirflowStack) -> None:
    acl = {"extract": {"return_value": ["load"]}}
    airflow.add_dag("sound_acl", DAG_FILE.format(dag_id="sound_acl", acl=acl))

    params = airflow.api("GET", "/dags/sound_acl/details")["params"]

    assert params["xcom_acl"]["schema"]["const"] == params["xcom_acl"]["value"] == acl


def test_a_doubtful_acl_is_a_warning_in_the_dag_processors_log_of_the_file(airflow: AirflowStack) -> None:
    """Airflow has no way for a plugin to add a row to `dagWarnings`: docs/reference/acl.md, "Errors and warnings"."""
    acl = {"extract": {"return_value": ["zzz*"]}}

    assert airflow.add_dag("doubtful_acl", DAG_FILE.format(dag_id="doubtful_acl", acl=acl)) == ["doubtful_acl"]

    warning = (
        "DAG 'doubtful_acl', xcom_acl['extract']['return_value']: "
        "the consumer pattern 'zzz*' matches no task of this DAG."
    )
    (log,) = (airflow.home / "logs").rglob("dag_processor/**/doubtful_acl.py.log")
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    assert ("warning", warning) in [(line["level"], line["event"]) for line in logged]
    assert airflow.pages("/dagWarnings", "dag_warnings", dag_id="doubtful_acl") == []
