"""Mapped tasks: all forms of expansion, groups, zero maps, and lazy sequences with their slices."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task, task_group

from tests.acceptance.parity.seen import attempt, see

with DAG("parity_mapped", schedule=None, catchup=False):

    @task
    def items() -> Any:
        return [(1, "a"), (2, "b"), (3, "c")]

    @task
    def by_name() -> Any:
        return {"x": 1, "y": 2}

    @task
    def none_at_all() -> Any:
        return []

    @task(map_index_template="{{ item }}")
    def each(item: Any, label: str) -> Any:
        see("item", item)
        if item[0] == 2:
            return None
        return {"item": item, "label": label}

    @task
    def of_dict(item: Any) -> None:
        see("item of a dict", item)

    @task
    def of_kwargs(item: Any, label: str) -> None:
        see("kwargs", [item, label])

    @task
    def of_many(item: Any) -> None:
        see("of map, zip and concat", item)

    @task
    def of_nothing(item: Any) -> Any:
        return item

    @task(trigger_rule="all_done")
    def whole(results: Any, empty: Any, ti: Any) -> None:
        see("type", type(results).__name__)
        see("length", len(results))
        see("list", list(results))
        see("items", [results[0], results[-1]])
        see("slices", [results[1:], results[::-1], results[:0]])
        attempt("beyond the end", lambda: results[9])
        see("none at all", None if empty is None else list(empty))
        see("pull", list(ti.xcom_pull(task_ids="each")))
        see("pull of nothing", ti.xcom_pull(task_ids="of_nothing"))
        see("pull by index", ti.xcom_pull(task_ids="each", map_indexes=2))
        see("pull by indexes", list(ti.xcom_pull(task_ids="each", map_indexes=[2, 0])))
        see("pull by range", list(ti.xcom_pull(task_ids="each", map_indexes=range(2))))
        see("pull of two tasks", list(ti.xcom_pull(task_ids=["each", "by_name"])))
        attempt("push of a lazy sequence", lambda: ti.xcom_push("lazy", results))

    @task_group
    def group(item: Any) -> Any:
        @task
        def inner(item: Any) -> Any:
            return (item,)

        @task
        def outer(wrapped: Any, ti: Any) -> Any:
            see("wrapped", wrapped)
            see("inner by pull", ti.xcom_pull(task_ids="group.inner", map_indexes=ti.map_index))
            return wrapped[0]

        return outer(inner(item))

    @task
    def after_groups(values: Any) -> None:
        see("values", list(values))

    made, names, empty = items(), by_name(), none_at_all()
    results = each.partial(label="x").expand(item=made)
    of_dict.expand(item=names)
    of_kwargs.expand_kwargs(made.map(lambda item: {"item": item, "label": item[1]}))
    of_many.expand(item=results.map(lambda result: result and result["label"]))
    of_many.override(task_id="of_zip").expand(item=made.zip(made, fillvalue=None))
    of_many.override(task_id="of_concat").expand(item=made.concat(results))
    whole(results, of_nothing.expand(item=empty))
    after_groups(group.expand(item=made))
    PythonOperator.partial(task_id="classic", python_callable=see).expand(op_args=results.map(lambda r: ["args", r]))
