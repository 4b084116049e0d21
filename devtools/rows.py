"""Airflow's XCom rows in memory, behind the Task SDK's own messages.

Stands in for supervisor, API server and database where a test is about what happens between a task and Redis. The
real ones are used in tests/acceptance.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Address = tuple[str, str, str, str, int]


class Rows:
    """``values`` maps (dag_id, run_id, task_id, key, map_index) to what the database would hold, as JSON.

    ``answer`` turns the values of an answer into what the API server would make of them; by default they stay.
    """

    def __init__(self) -> None:
        self.values: dict[Address, Any] = {}
        self.answer: Callable[[list[Any]], list[Any]] = lambda values: values

    def send(self, msg: Any) -> Any:
        """Answer one message of ``airflow.sdk.execution_time.comms``."""
        return getattr(self, f"_{type(msg).__name__}")(msg)

    async def asend(self, msg: Any) -> Any:
        """Answer one message, as the asynchronous calls of Airflow 3.3 ask for it."""
        return self.send(msg)

    def _SetXCom(self, msg: Any) -> None:  # noqa: N802 - named after the message
        self.values[_address(msg)] = json.loads(json.dumps(msg.value))

    def _GetXCom(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.execution_time.comms import XComResult

        return XComResult(key=msg.key, value=self.answer([self.values.get(_address(msg))])[0])

    def _GetXComSequenceSlice(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.execution_time.comms import XComSequenceSliceResult

        wanted = (msg.dag_id, msg.run_id, msg.task_id, msg.key)
        found = {address[4]: value for address, value in self.values.items() if address[:4] == wanted}
        return XComSequenceSliceResult(root=self.answer([found[index] for index in sorted(found)]))

    def _DeleteXCom(self, msg: Any) -> None:  # noqa: N802 - named after the message
        self.values.pop(_address(msg), None)


@contextmanager
def rows_in_memory() -> Iterator[Rows]:
    """Put ``Rows`` where the Task SDK sends its messages."""
    from airflow.sdk.execution_time import task_runner

    rows = Rows()
    with patch.object(task_runner, "SUPERVISOR_COMMS", rows, create=True):
        yield rows


def _address(msg: Any) -> Address:
    map_index = -1 if msg.map_index is None else msg.map_index
    return (msg.dag_id, msg.run_id, msg.task_id, msg.key, map_index)
