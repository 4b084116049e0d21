"""Calls of the XCom class itself, from tasks and extra links, and writes to XComs of others."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, BaseOperator, BaseOperatorLink, task
from airflow.sdk.execution_time.xcom import XCom

from tests.acceptance.parity.seen import attempt, see


class Link(BaseOperatorLink):
    """Is asked in the task's process, after `execute`."""

    name = "job"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return f"http://localhost/{XCom.get_value(ti_key=ti_key, key='job')}"


class Linked(BaseOperator):
    operator_extra_links = (Link(),)

    def execute(self, context: Any) -> None:
        context["ti"].xcom_push("job", "job-7")


with DAG("parity_calls", schedule=None, catchup=False):

    @task
    def produce(ti: Any) -> Any:
        ti.xcom_push("side", {"pair": (1, 2)})
        return [1, (2,)]

    @task
    def each(number: int) -> Any:
        return (number,)

    @task
    def asks(ti: Any) -> None:
        of = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": "produce"}
        see("get_one", XCom.get_one(key="return_value", map_index=-1, **of))
        see("get_one of nothing", XCom.get_one(key="never", map_index=-1, **of))
        see("get_all", XCom.get_all(key="side", **of))
        see("get_all of mapped", XCom.get_all(key="return_value", **{**of, "task_id": "each"}))
        attempt("get_many", lambda: XCom.get_many(key="side", **of))
        own = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": ti.task_id, "map_index": -1}
        attempt("set", lambda: XCom.set(key="mine", value=(1,), **own))
        attempt("get_one of what was set", lambda: XCom.get_one(key="mine", **own))
        attempt("delete", lambda: XCom.delete(key="mine", **own))
        attempt("get_one of what was deleted", lambda: XCom.get_one(key="mine", **own))

    @task
    def meddles(ti: Any) -> None:
        of = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": "produce", "map_index": -1}
        attempt("set at another task", lambda: XCom.set(key="new", value=1, **of))
        attempt("overwrite at another task", lambda: XCom.set(key="side", value=1, **of))
        attempt("delete at another task", lambda: XCom.delete(key="side", **of))
        attempt("what is left", lambda: XCom.get_one(key="side", **of))

    asked = asks()
    [produce(), each.expand(number=[0, 1])] >> asked >> meddles()
    Linked(task_id="linked")
