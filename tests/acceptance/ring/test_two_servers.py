"""Two real API servers on one database: no pull depends on which of them saw the end of the task, or served it last."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from devtools.components import OURS
from devtools.worlds.api_plan import CLEARED_RUNS, SALES, at
from devtools.worlds.api_world import World
from tests.acceptance.ring.conftest import Asker
from tests.acceptance.ring.outcomes import FORBIDDEN, NOT_RUNNING, OPENED, WRITTEN, outcome

#: Of the world's spare task instances, each of these ends in one test. No other test uses them.
FIRST_SPARE = 40
BOTH = (0, 1)


@pytest.fixture(scope="module")
def servers(world: World, ask: Asker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asker, Asker]]:
    keys = f"{world.keys.private} {world.older_keys.private}"
    with world.serve(tmp_path_factory.mktemp("second"), {f"{OURS}SEAL_PRIVATE_KEYS": keys}) as caller:
        yield ask, Asker(caller, (world.keys.id, world.older_keys.id))


def outcomes(servers: tuple[Asker, Asker], name: str, key: str) -> list[str]:
    """What a pull comes to on each server."""
    return [outcome(server.xcom(name, "GET", at("extract", key))) for server in servers]


@pytest.mark.parametrize(
    ("number", "state", "ended_through"),
    [(FIRST_SPARE + number, *case) for number, case in enumerate(itertools.product(["success", "up_for_retry"], BOTH))],
)
def test_a_callback_after_the_end_is_refused_by_both(
    servers: tuple[Asker, Asker], world: World, number: int, state: str, ended_through: int
) -> None:
    name, key, own = f"spare {number}", f"two servers {number}", at("load", "own", map_index=1000 + number)
    world.push(at("extract", key), ["load"])
    assert outcomes(servers, name, key) == [OPENED, OPENED]
    assert outcome(servers[1 - ended_through].xcom(name, "POST", own, json=1)) == WRITTEN

    path = f"/execution/task-instances/{world.ids[name]}/state"
    end = {"state": state, "end_date": datetime.now(timezone.utc).isoformat()}
    ended = servers[ended_through].call(name, "PATCH", path, json=end)

    assert ended.status_code == 204, ended.text
    assert outcomes(servers, name, key) == [NOT_RUNNING, NOT_RUNNING]
    assert [outcome(server.xcom(name, "POST", own, json=2)) for server in servers] == [FORBIDDEN, FORBIDDEN]


@pytest.mark.parametrize("cleared_through", BOTH)
def test_a_task_that_another_task_clears_reads_nothing_more(
    servers: tuple[Asker, Asker], world: World, cleared_through: int
) -> None:
    """`TriggerDagRunOperator(reset_dag_run=True)` clears a run over the Execution API."""
    run_id, reader = CLEARED_RUNS[cleared_through], f"cleared {cleared_through}"
    coordinate = at("extract", "cleared", run_id=run_id)
    world.push(coordinate, ["load"])
    assert [outcome(server.xcom(reader, "GET", coordinate)) for server in servers] == [OPENED, OPENED]

    cleared = servers[cleared_through].call("consumer", "POST", f"/execution/dag-runs/{SALES}/{run_id}/clear")

    assert cleared.status_code == 204, cleared.text
    assert [outcome(server.xcom(reader, "GET", coordinate)) for server in servers] == [NOT_RUNNING, NOT_RUNNING]
