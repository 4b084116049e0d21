"""Airflow's XCom rows in memory, behind the Task SDK's own messages.

They stand in for supervisor, API server and database. Tests use them for what happens between a task and Redis.
tests/acceptance uses the real supervisor, API server and database.
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
    """Rows in memory, which answer the Task SDK's messages.

    `values` maps (dag_id, run_id, task_id, key, map_index) to what the database would hold, as JSON. `answer` changes
    the values of an answer as the API server would; by default, they stay. `accepted` is called with each address and
    value that was written, before the answer. `messages` are the names of the messages so far, and `latest` is the
    latest of them.
    """

    def __init__(self) -> None:
        self.values: dict[Address, Any] = {}
        self.answer: Callable[[list[Any]], list[Any]] = lambda values: values
        self.accepted: Callable[[Address, Any], None] = lambda _address, _value: None
        self.messages: list[str] = []
        self.latest: Any = None

    def send(self, msg: Any) -> Any:
        """Answer one message of `airflow.sdk.execution_time.comms`."""
        self.messages.append(type(msg).__name__)
        self.latest = msg
        return getattr(self, f"_{type(msg).__name__}")(msg)

    async def asend(self, msg: Any) -> Any:
        """Answer one message, as the asynchronous calls of Airflow 3.3 ask for it."""
        return self.send(msg)

    def _SetXCom(self, msg: Any) -> None:  # noqa: N802 - named after the message
        self.values[_address(msg)] = json.loads(json.dumps(msg.value))
        self.accepted(_address(msg), self.values[_address(msg)])

    def _GetXCom(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.execution_time.comms import XComResult

        found = self.values.get(_address(msg))
        if msg.include_prior_dates:
            of_index = [value for address, value in self._of_task(msg) if address[4] == _address(msg)[4]]
            found = of_index[-1] if of_index else None
        return XComResult(key=msg.key, value=self.answer([found])[0])

    def _GetXComSequenceSlice(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.execution_time.comms import XComSequenceSliceResult

        return XComSequenceSliceResult(root=self.answer(self._mapped(msg)[msg.start : msg.stop : msg.step or None]))

    def _GetXComSequenceItem(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.exceptions import ErrorType
        from airflow.sdk.execution_time.comms import ErrorResponse, XComSequenceIndexResult

        found = self._mapped(msg)
        if not -len(found) <= msg.offset < len(found):
            return ErrorResponse(error=ErrorType.XCOM_NOT_FOUND)
        return XComSequenceIndexResult(root=self.answer([found[msg.offset]])[0])

    def _GetXComCount(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.execution_time.comms import XComCountResponse

        return XComCountResponse(len=len(self._mapped(msg)))

    def map_indexes(self, address: Address) -> list[int]:
        """Return the map indexes of all rows of an address's key."""
        return [map_index for *ids, map_index in self.values if ids == [*address[:4]]]

    def _mapped(self, msg: Any) -> list[Any]:
        """Return all rows of a task's key, in the order of their map indexes."""
        return [value for _, value in sorted(self._of_task(msg), key=lambda row: row[0][4])]

    def _of_task(self, msg: Any) -> list[tuple[Address, Any]]:
        """Return the rows of a task's key. With prior dates, those of all runs: each run is later than those before."""
        wanted = (msg.dag_id, msg.task_id, msg.key)
        prior = getattr(msg, "include_prior_dates", False)
        return [
            (address, value)
            for address, value in self.values.items()
            if (address[0], *address[2:4]) == wanted and (prior or address[1] == msg.run_id)
        ]

    def _DeleteXCom(self, msg: Any) -> None:  # noqa: N802 - named after the message
        self.values.pop(_address(msg), None)


@contextmanager
def rows_in_memory() -> Iterator[Rows]:
    """Put `Rows` where the Task SDK sends its messages."""
    from airflow.sdk.execution_time import task_runner

    rows = Rows()
    with patch.object(task_runner, "SUPERVISOR_COMMS", rows, create=True):
        yield rows


def _address(msg: Any) -> Address:
    map_index = -1 if msg.map_index is None else msg.map_index
    return (msg.dag_id, msg.run_id, msg.task_id, msg.key, map_index)
