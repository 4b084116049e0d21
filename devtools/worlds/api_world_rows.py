"""Fill an Airflow database with DAG runs and task instances, and make task tokens, with Airflow's own code.

This is a program of its own, because it needs the environment of the Airflow that it fills. It reads a JSON object from
stdin (see `devtools.worlds.api_plan.Plan`). Its last line is `{"ids": {name: task instance id}, "tokens": {name:
token}}`.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any


def fill(plan: dict[str, Any]) -> dict[str, Any]:
    """Create all that the plan names, and return the ids and tokens."""
    _reserialize()
    ids = _rows(plan)
    return {"ids": ids, "tokens": {token.pop("name"): task_token(ids, **token) for token in plan["tokens"]}}


def _reserialize() -> None:
    from airflow.cli.cli_parser import get_parser

    arguments = get_parser().parse_args(["dags", "reserialize"])
    arguments.func(arguments)


def _rows(plan: dict[str, Any]) -> dict[str, str]:
    from airflow.models.dag_version import DagVersion
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    ids = {}
    with create_session() as session:
        for run in plan["runs"]:
            session.add(_dag_run(**run))
        session.flush()
        dags = {}
        for instance in plan["instances"]:
            dag_id = instance["dag_id"]
            if dag_id not in dags:
                dags[dag_id] = (
                    SerializedDagModel.get(dag_id, session=session).dag,
                    DagVersion.get_latest_version(dag_id),
                )
            dag, version = dags[dag_id]
            row = TaskInstance(
                task=dag.get_task(instance["task_id"]),
                dag_version_id=version.id,
                run_id=instance["run_id"],
                state=instance["state"],
                map_index=instance["map_index"],
            )
            row.try_number = 1
            session.add(row)
            ids[instance["name"]] = str(row.id)
    return ids


def _dag_run(dag_id: str, run_id: str, logical_date: str) -> Any:
    from airflow.models.dagrun import DagRun
    from airflow.utils.state import DagRunState

    date = datetime.fromisoformat(logical_date)
    return DagRun(
        dag_id=dag_id,
        run_id=run_id,
        logical_date=date,
        run_after=date,
        start_date=date,
        data_interval=(date, date),
        run_type="manual",
        state=DagRunState.RUNNING,
    )


def task_token(ids: dict[str, str], subject: str, scope: str | None, valid_for: int) -> str:
    """Make the token that the executor gives to a task; see `jwt_generator` in `airflow/executors/base_executor.py`."""
    from airflow.api_fastapi.auth.tokens import JWTGenerator, get_signing_args
    from airflow.configuration import conf

    generator = JWTGenerator(
        valid_for=valid_for,
        audience=conf.get_mandatory_list_value("execution_api", "jwt_audience")[0],
        issuer=conf.get("api_auth", "jwt_issuer", fallback=None),
        **get_signing_args(make_secret_key_if_needed=False),
    )
    scoped = {} if scope is None else {"scope": scope}
    return str(generator.generate({"sub": ids.get(subject, subject), **scoped}))


if __name__ == "__main__":
    print(json.dumps(fill(json.load(sys.stdin))))
