"""Mapped tasks in server mode: expanded over sealed lists, pulled as a whole, one by one and lazily.

Each task named `denied_*` must fail with XComAccessDenied, all others succeed.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, get_current_context, task

ITEMS = [(i, bytes([i])) for i in range(3)]
RESULTS = [("x", *item) for item in ITEMS]
ARGUMENTS = [{"item": item, "label": f"label {item[0]}"} for item in ITEMS]


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG(
    "server_mapped",
    schedule=None,
    catchup=False,
    params={
        "xcom_acl": {
            "items": {"return_value": ["each"]},
            "arguments": {"return_value": ["labelled"]},
            "each": {"return_value": ["whole", "pulled", "changed", "by_template"]},
        }
    },
):

    @task
    def items() -> Any:
        return ITEMS

    @task
    def arguments() -> Any:
        return ARGUMENTS

    @task
    def each(item: Any, label: str) -> Any:
        assert isinstance(item, tuple)
        return (label, *item)

    @task
    def labelled(item: Any, label: str) -> None:
        assert {"item": item, "label": label} in ARGUMENTS

    @task
    def whole(results: Any) -> None:
        assert len(results) == 3
        expect(list(results), RESULTS)
        expect(results[1], RESULTS[1])
        expect(results[-1], RESULTS[-1])
        expect(results[1:3], RESULTS[1:3])
        expect(results[::-1], RESULTS[::-1])

    @task
    def pulled() -> None:
        ti = get_current_context()["ti"]
        expect(ti.xcom_pull(task_ids="each"), RESULTS)
        expect(ti.xcom_pull(task_ids="each", map_indexes=[2, 0]), [RESULTS[2], RESULTS[0]])
        expect(ti.xcom_pull(task_ids="each", map_indexes=1), RESULTS[1])

    @task
    def changed(number: Any) -> None:
        assert number in [0, 10, 20]

    def in_template(index: int, result: str) -> None:
        expect(result, str(RESULTS[index]))

    @task
    def denied_over_a_sealed_list(item: Any) -> None: ...

    @task
    def denied_mapped_pull() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="each")

    @task
    def denied_lazy_item(results: Any) -> None:
        results[0]

    @task
    def denied_lazy_slice(results: Any) -> None:
        results[:]

    @task
    def denied_lazy_iteration(results: Any) -> None:
        list(results)

    made = items()
    results = each.partial(label="x").expand(item=made)
    labelled.expand_kwargs(arguments())
    whole(results)
    changed.expand(number=results.map(lambda result: result[1] * 10))
    denied_over_a_sealed_list.expand(item=made)
    for reader in (denied_lazy_item, denied_lazy_slice, denied_lazy_iteration):
        reader(results)
    by_template = PythonOperator.partial(
        task_id="by_template",
        python_callable=in_template,
        op_kwargs={"result": "{{ ti.xcom_pull(task_ids='each', map_indexes=ti.map_index) }}"},
    ).expand(op_args=[[0], [1], [2]])
    results >> [pulled(), denied_mapped_pull(), by_template]
