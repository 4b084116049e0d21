"""One call of `dag.test()`. Seeds are written once Airflow has made the run, and exceptions of tasks are kept.

`dag.test()` logs the exceptions and drops them. It makes the run and runs its tasks by two functions of Airflow, which
are replaced here while it works. Airflow 3.1 to 3.3 have both.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import clock
from exclusive_redis_xcom.model import NOT_MAPPED, RETURN_KEY, Coordinate
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.testing.dag_runs import database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from airflow.sdk import DAG

_DAG_RUNS = "airflow.models.dagrun"
_SUPERVISOR = "airflow.sdk.execution_time.supervisor"
_GOOD = ("success", "skipped")


@dataclass(frozen=True, slots=True)
class Seed:
    """An XCom that is to be there as if a task had pushed it. `ahead` is where the clock stood at the push."""

    task_id: str
    key: str
    value: Any = field(repr=False)
    map_index: int
    ahead: timedelta

    def check(self, dag: DAG) -> None:
        """Refuse a map index where the task has none, and none where it has one.

        Raises:
            ValueError: It is so.
        """
        task = dag.task_dict[self.task_id]
        is_mapped = getattr(task, "is_mapped", False) or task.get_closest_mapped_task_group() is not None
        if is_mapped != (self.map_index >= 0):
            what = "is mapped, so name a map_index" if is_mapped else "is not mapped, so it has no map_index"
            raise ValueError(f"The XCom '{self.key}' of {self.task_id} cannot be seeded: {self.task_id} {what}.")


@dataclass
class Outcome:
    """What `dag.test()` did."""

    run_id: str = ""
    state: str = ""
    states: dict[str, str] = field(default_factory=dict)
    errors: dict[str, BaseException] = field(default_factory=dict)


def dag_test(
    dag: DAG,
    arguments: Mapping[str, Any],
    *,
    only: str | None = None,
    seeds: Sequence[Seed] = (),
    seeded: Callable[[Coordinate, timedelta], None],
    created: Callable[[str], None],
) -> Outcome:
    """Run a DAG, or one task of it.

    Args:
        dag: The DAG.
        arguments: What `dag.test()` takes.
        only: The one task to run. All others count as done.
        seeds: XComs to write before the first task runs.
        seeded: Is told each XCom that was written, and how long ago it counts as pushed.
        created: Is told the id of the run as soon as there is one.
    """
    outcome = Outcome()

    def prepare(dag_run: Any, session: Any) -> None:
        outcome.run_id = dag_run.run_id
        created(dag_run.run_id)
        if only is not None:
            _finish_all_but(only, dag_run, seeds, session)
        for seed in seeds:
            _write(seed, dag_run, dag, session)
            at = Coordinate(dag.dag_id, dag_run.run_id, seed.task_id, seed.key, seed.map_index)
            seeded(at, clock.ahead() - seed.ahead)

    with (
        _replaced(_DAG_RUNS, "get_or_create_dagrun", lambda original: _then(original, prepare)),
        _replaced(_SUPERVISOR, "run_task_in_process", lambda original: _noting(original, outcome.errors)),
        _replaced(_SUPERVISOR, "in_process_api_server", lambda original: lambda: _one_api_server(original)),
    ):
        dag_run: Any = dag.test(**arguments)
    outcome.state = _text(dag_run.state)
    for ti in dag_run.get_task_instances():
        if only is None or ti.task_id == only:
            outcome.states[_label(ti.task_id, ti.map_index)] = _text(ti.state)
    if only is not None and not set(outcome.states.values()) <= set(_GOOD):
        outcome.state = "failed"  # Airflow asks the last tasks of the DAG alone, and those count as successful here
    # A task that ended well may have had an exception before: it deferred, or was skipped.
    outcome.errors = {name: error for name, error in outcome.errors.items() if outcome.states.get(name) not in _GOOD}
    return outcome


def _then(make: Callable[..., Any], prepare: Callable[[Any, Any], None]) -> Callable[..., Any]:
    """Return a function that makes a run and then prepares it."""

    def get_or_create_dagrun(**given: Any) -> Any:
        dag_run = make(**given)
        given["session"].commit()  # Airflow's API, in this process, has another session.
        prepare(dag_run, given["session"])
        return dag_run

    return get_or_create_dagrun


def _noting(run: Callable[..., Any], errors: dict[str, BaseException]) -> Callable[..., Any]:
    """Return a function that runs a task once, and notes its exception."""

    def run_task_in_process(ti: Any, task: Any, **given: Any) -> Any:
        database.forbid_retries(ti)
        name = _label(ti.task_id, ti.map_index)
        try:
            result = run(ti=ti, task=task, **given)
        except Exception as error:
            errors[name] = error
            raise
        if result.error is not None:
            errors[name] = result.error
        return result

    return run_task_in_process


def _finish_all_but(task_id: str, dag_run: Any, seeds: Sequence[Seed], session: Any) -> None:
    """Mark all other tasks as successful, and give seeded mapped tasks their instances."""
    from airflow.models.taskinstance import TaskInstance

    for ti in dag_run.get_task_instances(session=session):
        if ti.task_id == task_id:
            continue
        ti.state = "success"
        indexes = sorted({seed.map_index for seed in seeds if seed.task_id == ti.task_id} - {NOT_MAPPED})
        if indexes and ti.map_index == NOT_MAPPED:
            ti.map_index = indexes[0]
            for index in indexes[1:]:
                session.add(
                    TaskInstance(
                        ti.task or dag_run.get_dag().get_task(ti.task_id),
                        run_id=dag_run.run_id,
                        state="success",
                        map_index=index,
                        dag_version_id=ti.dag_version_id,
                    )
                )
    session.commit()


def _write(seed: Seed, dag_run: Any, dag: DAG, session: Any) -> None:
    """Push a value as its task would: our backend writes it, and Airflow's API in this process takes the row."""
    from uuid import UUID

    from airflow.sdk.execution_time import xcom
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    task = dag.task_dict[seed.task_id]
    ti = dag_run.get_task_instance(seed.task_id, map_index=seed.map_index, session=session)
    ids = {"dag_id": dag.dag_id, "task_id": seed.task_id, "run_id": dag_run.run_id, "map_index": seed.map_index}
    pushing = RuntimeTaskInstance.model_construct(
        id=UUID(str(ti.id)), try_number=1, dag_version_id=UUID(str(ti.dag_version_id)), task=task, **ids
    )
    identity.remember_running(pushing)
    now = clock.ahead()
    clock.set_ahead(seed.ahead)
    try:
        row = xcom.XCom.serialize_value(seed.value, key=seed.key, **ids)
    finally:
        clock.set_ahead(now)
        identity.forget()
    client = InProcessTestSupervisor._api_client(dag)
    client.xcoms.set(
        dag.dag_id,
        dag_run.run_id,
        seed.task_id,
        seed.key,
        row,
        seed.map_index,
        mapped_length=_mapped_length(seed, task),
    )


def _mapped_length(seed: Seed, task: Any) -> int | None:
    """Return how many instances a mapped task makes of this value; None if none does."""
    if seed.key != RETURN_KEY or seed.map_index != NOT_MAPPED or isinstance(seed.value, (str, bytes)):
        return None
    has_mapped = next(iter(task.iter_mapped_dependants()), None) is not None
    return len(seed.value) if has_mapped and hasattr(seed.value, "__len__") else None


@functools.lru_cache(maxsize=1)
def _one_api_server(make: Callable[[], Any]) -> Any:
    """Return Airflow's API in this process. Airflow 3.1 and 3.2 make a new one for each task, which takes a second."""
    return make()


@contextlib.contextmanager
def _replaced(module_name: str, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    module = importlib.import_module(module_name)
    original = getattr(module, name)
    setattr(module, name, make(original))
    try:
        yield
    finally:
        setattr(module, name, original)


def _label(task_id: str, map_index: int | None) -> str:
    return task_id if map_index is None or map_index == NOT_MAPPED else f"{task_id}[{map_index}]"


def _text(state: Any) -> str:
    return str(getattr(state, "value", state))
