"""Two runs in server mode: what the first pushed, pulled by the second; its rule of the same run, held against it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, get_current_context, task

VALUE = {"pair": (1, 2), "raw": b"\x00\xff"}
SAME_RUN = {"consumers": ["reader", "reader_of_other_runs"], "same_run": True}


def expect(found: Any, expected: Any) -> None:
    assert type(found) is type(expected), f"got a {type(found).__name__}"
    assert found == expected, "got another value"


with DAG(
    "server_runs",
    schedule=None,
    catchup=False,
    params={
        "first_run": "",
        "xcom_acl": {"produce": {"shared": ["prior"], "here": SAME_RUN}, "veil": {"*": "nobody"}},
    },
):

    @task
    def produce() -> None:
        context = get_current_context()
        context["ti"].xcom_push("here", VALUE)
        if not context["params"]["first_run"]:
            context["ti"].xcom_push("shared", VALUE)

    @task
    def veil() -> None:
        if not get_current_context()["params"]["first_run"]:
            get_current_context()["ti"].xcom_push("hidden", VALUE)

    @task
    def prior() -> None:
        context = get_current_context()
        ti = context["ti"]
        if context["params"]["first_run"]:
            assert ti.xcom_pull(task_ids="produce", key="shared") is None, "this run pushed it"
        found = ti.xcom_pull(task_ids="produce", key="shared", include_prior_dates=True)
        expect(found[-1] if isinstance(found, list) else found, VALUE)
        expect(ti.xcom_pull(task_ids="produce", key="shared", include_prior_dates=True, map_indexes=-1), VALUE)

    @task
    def denied_prior() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="veil", key="hidden", include_prior_dates=True)

    @task
    def denied_prior_one() -> None:
        get_current_context()["ti"].xcom_pull(task_ids="veil", key="hidden", include_prior_dates=True, map_indexes=-1)

    @task
    def reader() -> None:
        expect(get_current_context()["ti"].xcom_pull(task_ids="produce", key="here"), VALUE)

    @task
    def reader_of_other_runs() -> None:
        """Refused where `first_run` names another run."""
        context = get_current_context()
        run_id = context["params"]["first_run"] or context["ti"].run_id
        context["ti"].xcom_pull(task_ids="produce", key="here", run_id=run_id)

    [produce(), veil()] >> prior() >> [denied_prior(), denied_prior_one(), reader(), reader_of_other_runs()]
