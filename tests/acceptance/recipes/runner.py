"""Run DAG files by `dag.test()`, each in a process of its own that was forked when Airflow had been imported.

A start of Python and Airflow takes longer than most runs. So this program imports Airflow once. It reads requests from
its standard input: one line of JSON for each run, with the settings of that run. The forked process reads the settings
and connects, as a fresh process does. The answer is one line of JSON, too. The XCom backend is the same for all runs.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
import warnings
from typing import IO, Any

import httpx

_MODULES = (
    "airflow.settings",
    "airflow.models.dagrun",
    "airflow.sdk",
    "airflow.sdk.execution_time.supervisor",
    "airflow.api_fastapi.execution_api.app",
    "airflow.dag_processing.collection",
    "exclusive_redis_xcom.connection.opener",
    "exclusive_redis_xcom.task.push",
    "exclusive_redis_xcom.task.pull",
    "unittest.mock",
)


def main() -> None:
    """Answer requests until standard input ends."""
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Airflow 3.2 logs to standard output when it is imported
    _import_airflow()
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run_and_exit(request)
        _, status = os.waitpid(child, 0)
        _answer(answers, {"status": os.waitstatus_to_exitcode(status)})
    os._exit(0)  # an orderly end of Airflow takes seconds


def _answer(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _import_airflow() -> None:
    """Import what every run needs. Airflow chooses its XCom backend here, and connects to nothing."""
    for module in _MODULES:
        importlib.import_module(module)
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.sdk.execution_time.supervisor import in_process_api_server
    from sqlalchemy.orm import configure_mappers

    import_all_models()
    configure_mappers()
    if hasattr(in_process_api_server, "cache_info"):  # Airflow 3.2 and older make one for each task
        _build_routes(in_process_api_server())
    _read_metric_names()
    settings.dispose_orm()


def _build_routes(api: Any) -> None:
    with httpx.Client(transport=api.transport, base_url="http://in-process") as client:
        client.get("/health/ping")  # the first request builds the routes, which takes seconds
    del client, api.transport  # its thread stays in this process, so each child makes one of its own


def _read_metric_names() -> None:
    with contextlib.suppress(ImportError, AttributeError):  # Airflow 3.2 and older have no such table
        from airflow._shared.observability.metrics import stats

        stats._get_registry()


def _run_and_exit(request: dict[str, Any]) -> None:
    status = 1
    try:
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(request["env"])
        if request["path"] is not None:
            sys.path.append(request["path"])
        with open(request["result"], "w") as result:
            json.dump(_run(request), result)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _run(request: dict[str, Any]) -> dict[str, Any]:
    from airflow import settings

    settings.configure_orm()
    bag = _dag_bag()(dag_folder=request["file"])
    assert not bag.import_errors, bag.import_errors
    dag = bag.dags[request["dag_id"]]
    run = dag.test(run_conf=request["conf"])
    states = {
        ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": str(ti.state)
        for ti in run.get_task_instances()
    }
    return {"run_id": run.run_id, "state": str(run.state), "states": states}


def _dag_bag() -> Any:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag
    return DagBag


if __name__ == "__main__":
    main()
