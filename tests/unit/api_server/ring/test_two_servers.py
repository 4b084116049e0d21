"""Two API servers on one database: what a task may read does not depend on which of them it asks.

A callback asks after the task's end. One server has seen the end, another one has just served the task.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.api_server.ringed import CONSUMER, XCOM, Airflow, World, reason
from tests.unit.sealed_reference import sealed_reference

SEALED = {"key": "token", "value": sealed_reference().to_json()}
STATE = f"/execution/task-instances/{CONSUMER.ti_id}/state"
CLEAR = "/execution/dag-runs/sales/run_1/clear"


class Servers:
    """Two rings. What one of them changes in the database, the other one finds there."""

    def __init__(self) -> None:
        self.worlds = World(Airflow(SEALED)), World(Airflow(SEALED))
        self.people = self.worlds[0].people
        self.worlds[1].people = self.people

    def read(self, server: int) -> str | None:
        """Why a pull stays shut; None if it is opened."""
        return reason(self.worlds[server].ask("GET", XCOM, CONSUMER).json()["value"])

    def change(self, server: int, method: str, path: str, **columns: Any) -> None:
        """Let a request through one of the servers change the row of the task instance."""
        world = self.worlds[server]

        async def airflow(scope: Any, receive: Any, send: Any) -> None:
            self.people[CONSUMER.ti_id] = replace(CONSUMER, **columns)
            await Airflow({})(scope, receive, send)

        world.app._app = airflow
        try:
            assert world.ask(method, path, CONSUMER).status_code == 200
        finally:
            world.app._app = world.airflow


@pytest.mark.parametrize("ended_through", [0, 1])
@pytest.mark.parametrize("asked", [0, 1])
@pytest.mark.parametrize("served_before", [(), (0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize(
    ("method", "path", "columns"),
    [
        ("PATCH", STATE, {"state": "success"}),
        ("PATCH", STATE, {"state": "up_for_retry"}),
        ("PATCH", STATE, {"is_over": True}),  # a retry: the row moves to the table of earlier tries
        ("POST", CLEAR, {"state": "restarting"}),
        ("POST", CLEAR, {"is_over": True}),
    ],
    ids=["success", "up for retry", "retry", "cleared while it runs", "cleared"],
)
def test_a_callback_is_refused_by_both_servers_whichever_saw_the_end(
    served_before: tuple[int, ...],
    ended_through: int,
    asked: int,
    method: str,
    path: str,
    columns: dict[str, Any],
) -> None:
    servers = Servers()
    assert [servers.read(server) for server in served_before] == [None] * len(served_before)

    servers.change(ended_through, method, path, **columns)

    assert servers.read(asked) == "not_running"
