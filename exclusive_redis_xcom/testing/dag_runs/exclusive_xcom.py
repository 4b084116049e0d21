"""What the fixture `exclusive_xcom` gives to a test."""

from __future__ import annotations

import contextlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import clock
from exclusive_redis_xcom.access.parsed import facts_of
from exclusive_redis_xcom.crypto.seal_keys import generate_seal_keys
from exclusive_redis_xcom.declaration import freeze
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.reporting import reports
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.testing.dag_runs import database
from exclusive_redis_xcom.testing.dag_runs.one_run import Seed, dag_test
from exclusive_redis_xcom.testing.dag_runs.process import our_backend
from exclusive_redis_xcom.testing.dag_runs.redis_in_test import redis_in_test
from exclusive_redis_xcom.testing.dag_runs.run import Refusal, Run, new_entries, no_such_key, no_such_task, pushes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.sdk import DAG

    from exclusive_redis_xcom.testing.dag_runs.redis_in_test import RedisInTest


class ExclusiveXCom:
    """An Airflow in this process whose XComs are guarded. Tests get it as the fixture `exclusive_xcom`.

    Args:
        redis: Where the values are.
    """

    def __init__(self, redis: RedisInTest) -> None:
        self._redis = redis
        self._seeds: list[Seed] = []
        self._runs: set[tuple[str, str]] = set()
        self._new_dags: set[str] = set()

    def run(self, dag: DAG, *, check: bool = True, **dag_test: Any) -> Run:
        """Run all tasks of a DAG with `dag.test()`. A task that fails is not tried again.

        Args:
            dag: The DAG.
            check: Whether to raise if a task fails for another reason than a refused XCom.
            **dag_test: What `dag.test()` takes, such as `run_conf` and `logical_date`.

        Raises:
            TaskFailed: A task failed for another reason than a refusal. The task's exception is the cause.
            InvalidAcl: The DAG's rules are wrong.
            TypeError: It is no DAG object.
            ValueError: There are seeds, Airflow cannot serialize the DAG, or `use_executor` is set.
        """
        __tracebackhide__ = True
        if self._seeds:
            raise ValueError(
                "run() runs every task, so nothing is left to seed.\n"
                "Use run_task() with seeds, or leave out seed() before run()."
            )
        return self._run(dag, None, dag_test, check=check)

    def run_task(self, dag: DAG, task: str, *, check: bool = True, **dag_test: Any) -> Run:
        """Run one task of a DAG. All others count as successful, and have pushed only what `seed` says.

        What was seeded for the task itself is left out: the task pushes it.

        Args:
            dag: The DAG.
            task: The task. If it is mapped, all its instances run.
            check: As for `run`.
            **dag_test: As for `run`.

        Raises:
            TaskFailed: As for `run`.
            InvalidAcl: As for `run`.
            TypeError: As for `run`.
            ValueError: The DAG has no such task, or not the task of a seed; else as for `run`.
        """
        __tracebackhide__ = True
        return self._run(dag, task, dag_test, check=check)

    def seed(self, task: str, key: str, value: Any, *, map_index: int = NOT_MAPPED) -> None:
        """Let an XCom be there in each later `run_task` of this test, as if a task had pushed it now.

        Args:
            task: The task that pushes it. The DAG's rules about this task hold for the XCom.
            key: The key; `return_value` for what the task returns.
            value: The value.
            map_index: Which instance of a mapped task pushes it.

        `run_task` raises ValueError if the task is known not to push the key, as for a typing error.
        """
        self._seeds.append(Seed(task, key, value, map_index, clock.ahead()))

    def advance(self, by: timedelta | None = None, **units: float) -> None:
        """Let time pass for XComs: all that were pushed or seeded so far have so much less of their TTL left.

        Args:
            by: How long.
            **units: The same in the words of `timedelta`, as in `advance(hours=2)`.

        Raises:
            ValueError: The time is negative.
        """
        passed = (by or timedelta(0)) + timedelta(**units)
        if passed < timedelta(0):
            raise ValueError("Time passes forwards: advance() takes no negative time.")
        clock.set_ahead(clock.ahead() + passed)
        self._redis.age(passed)

    def _run(self, dag: DAG, task: str | None, arguments: Mapping[str, Any], *, check: bool) -> Run:
        __tracebackhide__ = True
        if arguments.get("use_executor"):
            raise ValueError(
                "use_executor runs tasks in other processes, where this test is not in force. Leave it out."
            )
        if not hasattr(dag, "task_dict"):
            raise TypeError(
                f"run() and run_task() take a DAG object, and this is {type(dag).__name__}.\n"
                "Import the DAG from its file. Of a function with @dag, give what its call returns."
            )
        settings = load_settings()
        freeze(dag, default_consumers=settings.default_consumers, report_consumers=settings.report_consumers)
        facts = facts_of(dag, default_consumers=settings.default_consumers)
        for name in (*([] if task is None else [task]), *(seed.task_id for seed in self._seeds)):
            if name not in facts.tasks:
                raise ValueError(no_such_task(name, facts))
        for seed in self._seeds:
            seed.check(dag)
            if not pushes(seed.task_id, seed.key, facts):
                raise ValueError(no_such_key(seed.task_id, seed.key, facts))
        if database.register(dag):
            self._new_dags.add(dag.dag_id)
        before = self._redis.record()
        with reports.heard() as heard:
            outcome = dag_test(
                dag,
                arguments,
                only=task,
                seeds=[seed for seed in self._seeds if seed.task_id != task],
                seeded=self._redis.age_of,
                created=lambda run_id: self._runs.add((dag.dag_id, run_id)),
            )
        run = Run(
            dag.dag_id,
            outcome.run_id,
            outcome.state,
            outcome.states,
            tuple(Refusal.of(one, dag.dag_id) for one in heard if not one.would_only),
            tuple(Refusal.of(one, dag.dag_id) for one in heard if one.would_only),
            outcome.errors,
            facts,
            new_entries(before, self._redis.record()),
        )
        if check:
            run.raise_failure()
        return run

    def close(self) -> None:
        """Remove from Airflow's database what this test wrote there."""
        database.remove_runs(self._runs)
        database.remove_dags(self._new_dags)


@contextlib.contextmanager
def exclusive_xcom(choices: Mapping[str, str], redis_url: str | None = None) -> Iterator[ExclusiveXCom]:
    """Make this process's Airflow use this package inside the `with` block, and put everything back.

    Args:
        choices: Settings that a test chooses (`testing.marker`). For the others, the configuration counts.
        redis_url: A real Redis; None takes fakeredis.

    Raises:
        ConfigurationError: There is no fakeredis, or no database.
    """
    database.prepare()
    with redis_in_test(redis_url) as redis:
        options = {
            "redis_url": redis.url,
            "key_prefix": redis.prefix,
            "observe": "reads",
            "spill_path": "",
            **choices,
        }
        if choices.get("enforcement") == "server":
            # There is no API server under dag.test(). So this process seals to a key and opens with it.
            options["seal_public_key"], options["seal_private_keys"] = generate_seal_keys()
        with our_backend(options):
            tested = ExclusiveXCom(redis)
            try:
                yield tested
            finally:
                tested.close()


def redis_of_environment() -> str | None:
    """Return the address of the Redis that the environment names; None if it names none."""
    return os.environ.get("REDIS_URL") or None
