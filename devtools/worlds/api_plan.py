"""The inhabitants of `devtools.worlds.api_world`: DAGs, runs, task instances and their tokens."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

if TYPE_CHECKING:
    from collections.abc import Sequence

SALES, OTHER = "sales", "other"
EARLIER_RUN, RUN, LATER_RUN = "run-0", "run-1", "run-2"
#: Runs that may be cleared. Nothing else happens in them.
CLEARED_RUNS = ("run-3", "run-4")
SPARES = 60

DAGS = """
from airflow.sdk import DAG, task

def declare(dag_id, *task_ids):
    with DAG(dag_id, schedule=None):
        for task_id in task_ids:
            task(task_id=task_id)(lambda: None)()
        task(task_id="parts")(lambda number: None).expand(number=[0, 1, 2])

declare("sales", "extract", "load", "report", "done", "queued")
declare("other", "load")
"""


@dataclass(frozen=True)
class Instance:
    """A task instance of the world. `name` is also the name of its token."""

    name: str
    task_id: str
    dag_id: str = SALES
    run_id: str = RUN
    map_index: int = NOT_MAPPED
    state: str = "running"


@dataclass(frozen=True)
class Token:
    """A task token. `subject` is an instance's name, or an id that no task instance has."""

    name: str
    subject: str
    scope: str | None = None
    valid_for: int = 24 * 3600


INSTANCES = (
    Instance("owner", "extract"),
    Instance("earlier run's owner", "extract", run_id=EARLIER_RUN, state="success"),
    Instance("consumer", "load"),
    Instance("stranger", "report"),
    Instance("namesake", "load", dag_id=OTHER),
    Instance("other run", "load", run_id=LATER_RUN),
    *(Instance(f"cleared {number}", "load", run_id=run_id) for number, run_id in enumerate(CLEARED_RUNS)),
    Instance("finished", "done", state="success"),
    Instance("queued", "queued", state="queued"),
    *(Instance(f"part {index}", "parts", map_index=index) for index in range(3)),
    # These are consumers that the ring has not seen yet.
    *(Instance(f"spare {index}", "load", map_index=1000 + index) for index in range(SPARES)),
)

TOKENS = (
    Token("earlier try", "00000000-0000-7000-8000-000000000001"),
    Token("workload", "consumer", scope="workload"),
    Token("unknown scope", "consumer", scope="anything"),
    Token("expired", "consumer", valid_for=-3600),
)


@dataclass(frozen=True)
class Plan:
    """What `devtools.worlds.api_world_rows` creates."""

    instances: Sequence[Instance]
    tokens: Sequence[Token] = TOKENS
    runs: tuple[dict[str, str], ...] = field(
        default=tuple(
            {"dag_id": dag_id, "run_id": run_id, "logical_date": f"2026-01-0{day}T00:00:00+00:00"}
            for dag_id in (SALES, OTHER)
            for day, run_id in enumerate((EARLIER_RUN, RUN, LATER_RUN, *CLEARED_RUNS), start=1)
        )
    )

    def to_json(self) -> str:
        """Return the plan as JSON, with a token for each instance."""
        own = [Token(instance.name, instance.name) for instance in self.instances]
        return json.dumps({**asdict(self), "tokens": [asdict(token) for token in (*own, *self.tokens)]})


def at(
    task_id: str, key: str = "token", *, dag_id: str = SALES, run_id: str = RUN, map_index: int = NOT_MAPPED
) -> Coordinate:
    """Name an XCom of this world."""
    return Coordinate(dag_id, run_id, task_id, key, map_index)
