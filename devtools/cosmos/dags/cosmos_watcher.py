"""A DAG of astronomer-cosmos in its watcher mode. In place of dbt, a task reads out what dbt writes to its log.

The rest is cosmos' own code: it reads the log lines and pushes XComs, and it has the sensors and their triggers.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from cosmos.config import ProfileConfig
from cosmos.operators._watcher.base import store_dbt_resource_status_from_log
from cosmos.operators._watcher.state import safe_xcom_push
from cosmos.operators.watcher import PRODUCER_WATCHER_TASK_ID, DbtConsumerWatcherSensor, DbtTestWatcherOperator

MODELS = [f"model.shop.{name}" for name in ("customers", "orders", "payments")]
TEST = "test.shop.not_null_orders_id"
HOME = Path(os.environ["AIRFLOW_HOME"])


def lines() -> list[str]:
    """What `dbt build --log-format json` writes, as far as cosmos reads it."""
    said: list[dict[str, Any]] = [
        {"info": {"name": "MainReportVersion", "msg": "Running with dbt=1.10.0", "ts": "2026-01-01T00:00:00Z"}},
        {"info": {"name": "AdapterRegistered", "msg": "Registered adapter: postgres", "ts": "2026-01-01T00:00:01Z"}},
    ]
    nodes = [*((model, "model", "success") for model in MODELS), (TEST, "test", "pass")]
    for unique_id, kind, status in nodes:
        node = {
            "unique_id": unique_id,
            "resource_type": kind,
            "node_path": f"{unique_id.rsplit('.')[-1]}.sql",
            "node_status": status,
            "node_started_at": "2026-01-01T00:00:02Z",
            "node_finished_at": "2026-01-01T00:00:03Z",
        }
        info = {"name": "NodeFinished", "msg": f"Finished running node {unique_id}", "ts": "2026-01-01T00:00:03Z"}
        said.append({"info": info, "data": {"node_info": node}})
    return [json.dumps(line) for line in said]


def project() -> Path:
    """A project with the SQL that dbt has compiled."""
    folder = HOME / "shop"
    for model in MODELS:
        path = folder / "target" / "compiled" / "shop" / "models" / f"{model.rsplit('.')[-1]}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"select * from raw.{path.stem}")  # noqa: S608 - nobody runs it
    profiles = folder / "profiles.yml"
    profiles.write_text("shop: {target: dev, outputs: {dev: {type: postgres}}}\n")
    return folder


PROJECT = project()
ARGUMENTS: dict[str, Any] = {
    "project_dir": os.fspath(PROJECT),
    "profile_config": ProfileConfig("shop", "dev", profiles_yml_filepath=PROJECT / "profiles.yml"),
    "poke_interval": 1,
    "emit_datasets": False,
}

with DAG("cosmos_watcher", schedule=None, catchup=False, params={"xcom_acl": {"*": "same_dag"}}):

    @task(task_id=PRODUCER_WATCHER_TASK_ID)
    def produce() -> None:
        context = get_current_context()
        safe_xcom_push(context["ti"], "producer_cmd_flags", ["--threads", "4"])
        seen: dict[str, dict[str, str]] = {}
        for line in lines():
            time.sleep(4)  # so that the triggers ask before there is anything, too
            store_dbt_resource_status_from_log(
                line,
                {"context": context, "project_dir": os.fspath(PROJECT)},
                tests_per_model={MODELS[1]: [TEST]},
                test_results_per_model=seen,
                should_generate_model_uris=False,
            )
        safe_xcom_push(context["ti"], "task_status", "completed")

    produce()
    for deferrable in (True, False):
        how = "deferring" if deferrable else "poking"
        for model in MODELS:
            DbtConsumerWatcherSensor(
                task_id=f"{how}_{model.rsplit('.')[-1]}",
                extra_context={"dbt_node_config": {"unique_id": model}},
                deferrable=deferrable,
                **ARGUMENTS,
            )
        DbtTestWatcherOperator(
            task_id=f"{how}_tests",
            extra_context={"dbt_node_config": {"unique_id": MODELS[1]}},
            deferrable=deferrable,
            **ARGUMENTS,
        )
