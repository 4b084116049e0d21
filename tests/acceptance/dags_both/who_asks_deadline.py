"""Callbacks of a missed deadline: in the triggerer, and from Airflow 3.2 on an executor."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import airflow
from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference
from asking import VALUE, note, on_deadline_async, on_deadline_sync

AT_ONCE = {"reference": DeadlineReference.DAGRUN_QUEUED_AT, "interval": timedelta(seconds=1)}
DEADLINES = {"deadline_async": DeadlineAlert(**AT_ONCE, callback=AsyncCallback(on_deadline_async))}
if not airflow.__version__.startswith("3.1."):
    from airflow.sdk import SyncCallback

    DEADLINES["deadline_sync"] = DeadlineAlert(**AT_ONCE, callback=SyncCallback(on_deadline_sync))

with DAG(
    "who_asks_deadline",
    schedule=None,
    catchup=False,
    deadline=list(DEADLINES.values()),
    params={"xcom_acl": {"*": "anyone"}},
):

    @task
    def produce() -> Any:
        return VALUE

    @task
    def lingers() -> None:
        """A run that is over misses no deadline."""
        run_id = get_current_context()["ti"].run_id
        note("lingers", run_id)  # the callbacks wait for this: what `produce` returned is there now
        asked = [Path(os.environ["ACCEPTANCE_PROOFS"], f"{row}-{run_id}") for row in DEADLINES]
        end = time.monotonic() + 90
        while not all(path.exists() for path in asked) and time.monotonic() < end:
            time.sleep(1)

    produce() >> lingers()
