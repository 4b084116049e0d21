"""Pulls that need no API call, each asserted inside the task that pulls. Values are as in pulls.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, get_current_context, setup, task, task_group, teardown

from exclusive_redis_xcom import fetch_all

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}


@contextlib.contextmanager
def calls() -> Iterator[list[str]]:
    """The names of the messages about XComs that the task sends to its supervisor meanwhile."""
    from airflow.sdk.execution_time import task_runner

    decoder: Any = type(task_runner.SUPERVISOR_COMMS)  # its instances have slots
    names: list[str] = []
    send = decoder.send

    def recording(self: Any, *args: Any, **kwargs: Any) -> Any:
        names.append(type(kwargs.get("msg", args[0] if args else None)).__name__)
        return send(self, *args, **kwargs)

    decoder.send = recording
    try:
        yield names
    finally:
        decoder.send = send
        names[:] = [name for name in names if "XCom" in name]


def expect(pull: Any, expected: Any, messages: tuple[str, ...] = ()) -> None:
    with calls() as names:
        found = pull()
    assert (type(found), found) == (type(expected), expected), "got another value"
    assert tuple(names) == messages, names


class Rendered(PythonOperator):
    """Pulls for its arguments and templates without an API call."""

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        with calls() as names:
            super().render_template_fields(context, jinja_env)
        assert names == [], names


with DAG("pulls_direct", schedule=None, catchup=False):

    @task
    def value() -> Any:
        get_current_context()["ti"].xcom_push("side", [VALUE])
        return VALUE

    @task
    def each(number: int) -> Any:
        return (number,)

    @task
    def step(number: int) -> Any:
        return number * 10

    @task
    def follow(number: Any) -> Any:
        ti = get_current_context()["ti"]
        expect(lambda: ti.xcom_pull(task_ids="group.step", map_indexes=ti.map_index), number)
        return number

    @task_group
    def group(number: int) -> None:
        follow(step(number))

    @setup
    def prepare() -> Any:
        return "prepared"

    @teardown
    def tidy() -> None:
        ti = get_current_context()["ti"]
        expect(lambda: ti.xcom_pull(task_ids="prepare"), "prepared")

    @task
    def by_xcom_pull() -> None:
        ti = get_current_context()["ti"]
        expect(lambda: ti.xcom_pull("value"), VALUE)
        expect(lambda: ti.xcom_pull(task_ids="value", map_indexes=-1), VALUE)
        expect(lambda: ti.xcom_pull(task_ids=["value", "value"], key="side"), [[VALUE], [VALUE]])
        expect(lambda: ti.xcom_pull(task_ids="each", map_indexes=[2, 0]), [(2,), (0,)])
        expect(lambda: ti.xcom_pull(task_ids="each"), [(0,), (1,), (2,)])
        expect(lambda: ti.xcom_pull(task_ids="group.step"), [0, 10, 20])
        ti.xcom_push("mine", VALUE)
        expect(lambda: ti.xcom_pull(key="mine"), VALUE)
        expect(lambda: ti.xcom_pull(task_ids="value", key="never"), None, ("GetXComSequenceSlice",))

    @task
    def lazily(xs: Any) -> None:
        expect(lambda: fetch_all(xs), [(0,), (1,), (2,)])
        expect(lambda: xs[:], [(0,), (1,), (2,)])
        expect(lambda: xs[1:], [(1,), (2,)], ("GetXComSequenceSlice",))

    def rendered(one: Any, pair: str) -> None:
        assert one == VALUE
        assert pair == "(1, 2)"

    def called_back(context: Any) -> None:
        expect(lambda: context["ti"].xcom_pull("value"), VALUE)
        context["ti"].xcom_push("called back", True)

    @task(on_success_callback=called_back)
    def with_a_callback() -> None: ...

    made, parts, ready = value(), each.expand(number=[0, 1, 2]), prepare()
    arguments = Rendered(
        task_id="rendered",
        python_callable=rendered,
        op_kwargs={"one": made, "pair": "{{ ti.xcom_pull('value')['pair'] }}"},
    )
    readers = [by_xcom_pull(), lazily(parts), arguments, with_a_callback()]
    [made, parts, group.expand(number=[0, 1, 2])] >> readers[0]
    made >> readers[2]
    made >> readers[3]
    ready >> readers[0] >> tidy()
