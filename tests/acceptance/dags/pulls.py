"""Every way of Airflow to pull an XCom, each asserted inside the task that pulls.

A task that gets anything else than what was pushed fails, and with it the run. All values are ones that JSON
would change (tuples, bytes, datetimes), so that a value that took another way than ours cannot pass.
"""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, get_current_context, setup, task, task_group, teardown

VALUE = {"pair": (1, 2), "raw": b"\x00\xff", "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)}
OTHER = ["plain", Decimal("0.10"), {1: "int key"}, {"a", "b"}]


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG("pulls_plain", schedule=None, catchup=False) as plain:

    @task
    def value() -> Any:
        return VALUE

    @task
    def other() -> Any:
        get_current_context()["ti"].xcom_push("side", OTHER)
        return OTHER

    @task
    def nothing() -> None:
        return None

    @task
    def taskflow_arguments(one: Any, two: Any, nested: Any) -> None:
        expect(one, VALUE)
        expect(two, OTHER)
        expect(nested, {"inner": [VALUE]})

    @task
    def by_xcom_pull() -> None:
        ti = get_current_context()["ti"]
        expect(ti.xcom_pull("value"), VALUE)
        expect(ti.xcom_pull(task_ids="value"), VALUE)
        expect(ti.xcom_pull(task_ids=["value", "other"]), [VALUE, OTHER])
        expect(ti.xcom_pull(task_ids="other", key="side"), OTHER)
        expect(ti.xcom_pull(task_ids="value", map_indexes=-1), VALUE)
        expect(ti.xcom_pull(task_ids="value", map_indexes=[-1]), [VALUE])
        expect(ti.xcom_pull(task_ids="value", dag_id=ti.dag_id, run_id=ti.run_id), VALUE)
        prior = ti.xcom_pull(task_ids="value", include_prior_dates=True)  # a list where earlier runs pushed it too
        expect(prior[-1] if isinstance(prior, list) else prior, VALUE)
        expect(ti.xcom_pull(task_ids="value", include_prior_dates=True, map_indexes=-1), VALUE)
        assert ti.xcom_pull(task_ids="value", key="never pushed") is None
        expect(ti.xcom_pull(task_ids="value", key="never pushed", map_indexes=-1, default="default"), "default")
        assert ti.xcom_pull(task_ids="nothing") is None

    @task
    def own_values() -> None:
        ti = get_current_context()["ti"]
        ti.xcom_push("mine", VALUE)
        expect(ti.xcom_pull(key="mine"), VALUE)
        ti.xcom_push("mine", OTHER)
        expect(ti.xcom_pull(key="mine"), OTHER)

    def in_templates(raw: Any, pair: str) -> None:
        expect(raw, str(VALUE["raw"]))
        expect(pair, "(1, 2)")

    @task(multiple_outputs=True)
    def outputs() -> dict[str, Any]:
        return {"first": VALUE, "second": OTHER}

    @task
    def of_outputs(first: Any, second: Any, whole: Any) -> None:
        expect(first, VALUE)
        expect(second, OTHER)
        expect(whole, {"first": VALUE, "second": OTHER})

    made, side = value(), other()
    readers = [taskflow_arguments(made, side, {"inner": [made]}), by_xcom_pull()]
    templates = PythonOperator(
        task_id="templates",
        python_callable=in_templates,
        op_kwargs={
            "raw": "{{ ti.xcom_pull(task_ids='value')['raw'] }}",
            "pair": f"{{{{ {str(made).strip('{} ')}['pair'] }}}}",
        },
    )
    bash = BashOperator(task_id="bash", bash_command="test '{{ ti.xcom_pull(task_ids='other')[0] }}' = plain")
    [made, side, nothing()] >> by_xcom_pull.override(task_id="after_all")()
    made >> [readers[1], templates]
    side >> [readers[1], bash]
    several = outputs()
    of_outputs(several["first"], several["second"], several)
    own_values()


with DAG("pulls_mapped", schedule=None, catchup=False):
    ITEMS = [(i, bytes([i])) for i in range(4)]

    @task
    def items() -> Any:
        return ITEMS

    @task
    def letters() -> Any:
        return ["a", "b", "c", "d"]

    @task
    def each(item: Any, label: str = "") -> Any:
        assert isinstance(item, tuple)
        return (label, *item)

    @task
    def zipped(pair: Any) -> Any:
        return pair

    @task
    def concatenated(item: Any) -> None:
        assert isinstance(item, (tuple, str))

    @task
    def whole(results: Any) -> None:
        expected = [("x", i, bytes([i])) for i in range(4)]
        assert len(results) == 4
        expect(results[1], expected[1])
        expect(results[-1], expected[-1])
        expect(results[1:3], expected[1:3])
        expect(results[::-1], expected[::-1])
        expect(list(results), expected)

    @task
    def pulled() -> None:
        ti = get_current_context()["ti"]
        expected = [("x", i, bytes([i])) for i in range(4)]
        expect(ti.xcom_pull(task_ids="each"), expected)
        expect(ti.xcom_pull(task_ids="each", map_indexes=[2, 0]), [expected[2], expected[0]])
        expect(ti.xcom_pull(task_ids="each", map_indexes=3), expected[3])

    @task
    def mapped_by_function(item: Any) -> None:
        assert item in [i * 10 for i in range(4)]

    @task
    def zip_results(results: Any) -> None:
        expect(
            sorted(tuple(pair) for pair in results),
            [(item, letter) for item, letter in zip(ITEMS, "abcd", strict=True)],
        )

    all_items, all_letters = items(), letters()
    results = each.partial(label="x").expand(item=all_items)
    whole(results) >> pulled()
    mapped_by_function.expand(item=results.map(lambda result: result[1] * 10))
    zip_results(zipped.expand(pair=all_items.zip(all_letters)))
    concatenated.expand(item=all_items.concat(all_letters))

    @task_group
    def group(item: Any) -> Any:
        @task
        def inner(item: Any) -> Any:
            return (item,)

        @task
        def last(wrapped: Any) -> Any:
            assert isinstance(wrapped, tuple)
            return wrapped[0]

        return last(inner(item))

    @task
    def after_groups(values: Any) -> None:
        expect(list(values), ITEMS)

    after_groups(group.expand(item=all_items))


with DAG("pulls_setup_teardown", schedule=None, catchup=False):

    @setup
    def create() -> Any:
        return VALUE

    @task
    def work(resource: Any) -> Any:
        expect(resource, VALUE)
        return OTHER

    @teardown
    def destroy(resource: Any) -> None:
        expect(resource, VALUE)
        expect(get_current_context()["ti"].xcom_pull(task_ids="work"), OTHER)

    resource = create()
    destroy(resource) << work(resource)
