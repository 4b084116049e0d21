"""Tasks that run more than once: retries, clears, earlier runs, backfills."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.sdk import DAG, task

from tests.acceptance.parity.seen import see

with DAG("parity_retries", schedule=None, catchup=False):

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def flaky(ti: Any) -> Any:
        see("of the try before", ti.xcom_pull(key="tries"))
        ti.xcom_push("tries", (ti.try_number,))
        if ti.try_number == 1:
            ti.xcom_push("first try only", "old")
            raise RuntimeError("the first try fails")
        return {"try": ti.try_number}

    @task
    def after(result: Any, tries: Any, ti: Any) -> None:
        see("result", [result, tries, ti.xcom_pull(task_ids="flaky", key="first try only")])

    result = flaky()
    after(result, result["tries"])

with DAG("parity_cleared", schedule=None, catchup=False):

    @task
    def produce(ti: Any) -> Any:
        if ti.try_number == 1:
            ti.xcom_push("first try only", "old")
        return {"try": ti.try_number}

    @task
    def each(number: int, ti: Any) -> Any:
        return (number, ti.try_number)

    @task
    def consume(value: Any, mapped: Any, ti: Any) -> None:
        see("value", [value, list(mapped), ti.xcom_pull(task_ids="produce", key="first try only")])

    consume(produce(), each.expand(number=[0, 1]))

with DAG("parity_earlier_runs", schedule=None, catchup=False):

    @task
    def watermark(ti: Any, ds: str) -> Any:
        see("before", ti.xcom_pull(task_ids="watermark", include_prior_dates=True))
        see("before, by index", ti.xcom_pull(task_ids="watermark", include_prior_dates=True, map_indexes=-1))
        return {"day": ds}

    @task
    def look(ti: Any) -> None:
        found = ti.xcom_pull(task_ids="watermark", include_prior_dates=True)
        # Airflow does not order runs, and 3.1 repeats rows of earlier runs.
        days = {item["day"] for item in (found if isinstance(found, list) else [found])}
        see("all", sorted(days))
        see("newest", ti.xcom_pull(task_ids="watermark", include_prior_dates=True, map_indexes=-1))
        see("of one run", ti.xcom_pull(task_ids="watermark", run_id="parity"))

    watermark() >> look()

with DAG(
    "parity_backfill",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    end_date=datetime(2026, 1, 3, tzinfo=timezone.utc),
    catchup=False,
):

    @task
    def day(ds: str) -> Any:
        return ("day", ds)

    @task
    def use(day: Any, ti: Any) -> None:
        see("day", day)
        see("pulled", ti.xcom_pull(task_ids="day"))

    today = day()
    today >> LatestOnlyOperator(task_id="latest") >> use.override(task_id="only_latest")(today)
    use(today)
