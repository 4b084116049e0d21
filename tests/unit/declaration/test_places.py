"""A rule says where it was declared: the file below the bundle, and the line where that is certain."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from exclusive_redis_xcom.declaration import freeze
from exclusive_redis_xcom.model import Coordinate

HEAD = """\
from airflow.sdk import DAG, BaseOperator
from exclusive_redis_xcom import exclusive
"""
TASKS = """
    extract = BaseOperator(task_id="extract")
    load = BaseOperator(task_id="load")
    extract >> load
"""


def parsed(bundle: Path, text: str, name: str = "team/etl.py") -> dict[str, Any]:
    """Parse a DAG file as Airflow's DAG processor does."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag

    file = bundle / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    bag = DagBag(str(file), bundle_path=bundle)
    assert not bag.import_errors
    return dict(bag.dags)


def source(dag: Any, key: str = "token") -> str:
    return freeze(dag, default_consumers="same_dag").in_force(Coordinate(dag.dag_id, "r", "extract", key)).source


def test_an_entry_of_the_params_has_its_own_line_in_a_file_below_the_bundle(tmp_path: Path) -> None:
    text = f"""{HEAD}
with DAG("etl", params={{"xcom_acl": {{
    "*": "nobody",
    "extract": {{
        "token": ["load"],
        "other": {{"consumers": ["load"], "once": True}},
    }},
}}}}):
{TASKS}"""
    dag = parsed(tmp_path, text)["etl"]

    assert source(dag) == "xcom_acl['extract']['token'] at team/etl.py:7"
    assert source(dag, "other") == "xcom_acl['extract']['other'] at team/etl.py:8"
    assert source(dag, "third") == "xcom_acl['*'] (nobody) at team/etl.py:5"


def test_a_call_has_its_line_and_so_has_one_in_a_module_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team/rules_of_team.py").write_text(
        "from exclusive_redis_xcom import exclusive\ndef secret(xcom, to):\n    return exclusive(xcom, to=to)\n"
    )
    text = f"""import sys
sys.path.insert(0, {str(tmp_path / "team")!r})
from rules_of_team import secret
{HEAD}
with DAG("etl"):
{TASKS}
    exclusive(extract.output["token"], to=load)
    secret(extract.output["other"], load)
"""
    try:
        dag = parsed(tmp_path, text)["etl"]
    finally:
        sys.path.remove(str(tmp_path / "team"))
        sys.modules.pop("rules_of_team", None)

    assert source(dag) == "exclusive() at team/etl.py:13"
    assert source(dag, "other") == "exclusive() at team/rules_of_team.py:3"


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ("RULES", "they are written elsewhere"),
        ('{"extract": {"token": list(("load",))}}', "the value is no literal"),
        ('{**{"extract": {"token": ["load"]}}, "*": "same_dag"}', "the dict is put together"),
    ],
)
def test_a_line_that_is_not_certain_is_left_out(tmp_path: Path, rules: str, why: str) -> None:
    text = f"""{HEAD}
RULES = {{"extract": dict(token=["load"])}}
with DAG("etl", params={{"xcom_acl": {rules}}}):
{TASKS}"""

    assert source(parsed(tmp_path, text)["etl"]) == "xcom_acl['extract']['token'] at team/etl.py", why


def test_two_dags_with_the_same_rule_are_told_apart_only_by_their_other_rules(tmp_path: Path) -> None:
    rule = '"extract": {"token": ["load"]}'
    text = f"""{HEAD}
with DAG("a", params={{"xcom_acl": {{{rule}}}}}):
{TASKS}
with DAG("b", params={{"xcom_acl": {{{rule}}}}}):
{TASKS}
with DAG("c", params={{"xcom_acl": {{{rule}, "*": "nobody"}}}}):
{TASKS}"""
    dags = parsed(tmp_path, text)

    assert source(dags["a"]) == "xcom_acl['extract']['token'] at team/etl.py"
    assert source(dags["b"]) == "xcom_acl['extract']['token'] at team/etl.py"
    assert source(dags["c"]) == "xcom_acl['extract']['token'] at team/etl.py:16"


def test_rules_of_calls_do_not_hide_the_lines_of_the_params(tmp_path: Path) -> None:
    text = f"""{HEAD}
with DAG("etl", params={{"xcom_acl": {{"*": "nobody"}}}}):
{TASKS}
    exclusive(extract.output["token"], to=load)
"""
    dag = parsed(tmp_path, text)["etl"]

    assert source(dag) == "exclusive() at team/etl.py:10"
    assert source(dag, "other") == "xcom_acl['*'] (nobody) at team/etl.py:4"


def test_a_file_that_is_gone_or_enormous_costs_the_line_alone(tmp_path: Path) -> None:
    text = f"""{HEAD}
with DAG("etl", params={{"xcom_acl": {{"extract": {{"token": ["load"]}}}}}}):
{TASKS}"""
    enormous = parsed(tmp_path, f"{text}#{'x' * 200_000}")["etl"]
    assert source(enormous) == "xcom_acl['extract']['token'] at team/etl.py"

    with DAG("etl", params={"xcom_acl": {"extract": {"token": ["load"]}}}) as dag:
        from airflow.sdk import BaseOperator

        BaseOperator(task_id="extract") >> BaseOperator(task_id="load")
    dag.fileloc = str(tmp_path / "gone.py")
    assert source(dag) == "xcom_acl['extract']['token'] at gone.py"


def test_each_parse_gives_the_same_serialized_dag_wherever_the_file_lies(tmp_path: Path) -> None:
    """A DAG's version is new where its serialized form is. Lines and paths must not make it new."""
    body = f"""
with DAG("etl", params={{"xcom_acl": {{"*": "nobody"}}}}):
{TASKS}
    exclusive(extract.output["token"], to=load)
"""
    from airflow.serialization import serialized_objects

    to_dict = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG).to_dict
    forms = []
    for name, text in (("one", HEAD + body), ("one", HEAD + body), ("two", f"{HEAD}\n\n# further down\n{body}")):
        dag = parsed(tmp_path / name, text)["etl"]
        source(dag)
        form = to_dict(dag)
        form["dag"].pop("fileloc")
        assert str(tmp_path) not in json.dumps(form["dag"]["params"])
        forms.append(json.dumps(form["dag"]["params"], sort_keys=True))
        assert "etl.py" not in forms[-1]

    assert forms[0] == forms[1] == forms[2]
