"""Tasks that wait: sensors, deferral to triggers that end or resume them, and tasks that start in the triggerer."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, task
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.triggers.base import StartTriggerArgs

from tests.acceptance.parity.classes import PullingTrigger
from tests.acceptance.parity.seen import FOLDER, attempt, see

#: Airflow's scheduler fails a task that is to go on before the scheduler has seen the end of the waiting process.
A_MOMENT = timedelta(seconds=8)
SOON = f"{{{{ (macros.datetime.utcnow() + macros.timedelta(seconds={A_MOMENT.seconds})).isoformat() }}}}"


class Deferring(BaseOperator):
    """Pushes, defers, and pulls its own XComs and those of others when it is back."""

    template_fields = ("before",)

    def __init__(self, *, before: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.before = before

    def execute(self, context: Any) -> None:
        see("before", self.before)
        context["ti"].xcom_push("kept", (1, 2))
        self.defer(trigger=TimeDeltaTrigger(A_MOMENT), method_name="resume", kwargs={"n": (1,)})

    def resume(self, context: Any, event: Any = None, n: Any = None) -> Any:
        ti = context["ti"]
        see("kept", ti.xcom_pull(key="kept"))
        see("upstream", ti.xcom_pull(task_ids="upstream"))
        see("argument", n)
        return {"resumed": (3,)}


class AsksInTheTriggerer(BaseOperator):
    def execute(self, context: Any) -> None:
        ti = context["ti"]
        address = {"key": "return_value", "dag_id": ti.dag_id, "task_id": "upstream", "run_id": ti.run_id}
        self.defer(trigger=PullingTrigger({**address, "map_index": -1}), method_name="resume")

    def resume(self, context: Any, event: Any) -> None:
        see("what the trigger pulled", event)


class StartsInTheTriggerer(BaseOperator):
    start_trigger_args = StartTriggerArgs(
        trigger_cls="airflow.providers.standard.triggers.temporal.DateTimeTrigger",
        trigger_kwargs={"moment": datetime(2026, 1, 1, tzinfo=timezone.utc), "end_from_trigger": False},
        next_method="resume",
        next_kwargs=None,
        timeout=None,
    )
    start_from_trigger = True

    def execute(self, context: Any) -> Any:
        """Airflow before 3.3 starts it here all the same."""
        return self.resume(context)

    def resume(self, context: Any, event: Any = None) -> Any:
        see("upstream", context["ti"].xcom_pull(task_ids="upstream"))
        return ("resumed",)


with DAG("parity_waiting", schedule=None, catchup=False):

    @task
    def upstream() -> Any:
        return {"pair": (1, 2)}

    @task.sensor(poke_interval=1, timeout=60, mode="poke")
    def poking(given: Any, ti: Any) -> Any:
        tries = ti.xcom_pull(key="pokes") or 0
        ti.xcom_push("pokes", tries + 1)
        see("poked with", [given, tries])
        return PokeReturnValue(is_done=tries == 1, xcom_value=("poked", tries))

    @task.sensor(poke_interval=A_MOMENT.seconds, timeout=300, mode="reschedule")
    def rescheduled(ti: Any) -> Any:
        proof = Path(os.environ[FOLDER], "poked")
        done = proof.exists()
        proof.touch()
        see("of the poke before", [done, ti.xcom_pull(key="pokes")])
        ti.xcom_push("pokes", 1)
        return PokeReturnValue(is_done=done, xcom_value={"done": (done,)})

    def there(ti: Any) -> Any:
        return ti.xcom_pull(task_ids="upstream")["pair"] == (1, 2)

    given = upstream()
    deferring = Deferring(task_id="deferring", before=given)
    ends = DateTimeSensorAsync(task_id="ends_from_trigger", target_time=SOON, end_from_trigger=True)
    returns = DateTimeSensorAsync(task_id="returns_from_trigger", target_time=SOON)
    sensor = PythonSensor(task_id="python_sensor", python_callable=there, poke_interval=1, timeout=30)
    starts = StartsInTheTriggerer(task_id="starts_in_triggerer")
    given >> [ends, returns, sensor, starts, AsksInTheTriggerer(task_id="asks_in_triggerer")]

    @task
    def after(poked: Any, pokes: Any, resumed: Any, kept: Any, started: Any, ti: Any) -> None:
        see("all", [poked, pokes, resumed, kept, started])
        see("of a task that its trigger ended", ti.xcom_pull(task_ids="ends_from_trigger"))
        see("of a task that its trigger woke", ti.xcom_pull(task_ids="returns_from_trigger"))
        attempt("of a sensor", lambda: ti.xcom_pull(task_ids="python_sensor"))

    waited = after(poking(given), rescheduled(), deferring.output, deferring.output["kept"], starts.output)
    [ends, returns, sensor] >> waited
