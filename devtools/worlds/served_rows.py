"""Airflow's XCom rows of a real API server, behind the Task SDK's own messages.

They stand in for the supervisor where a test plays tasks in its own process. They use Airflow's own HTTP client.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator


class ServedRows:
    """Rows of an API server, which answer messages as `airflow.sdk.execution_time.supervisor` does.

    `messages` are the names of the messages so far.

    Args:
        url: The URL of the API server.
        token: The token of a task.
        timeout: How many seconds an answer is waited for.
    """

    def __init__(self, url: str, token: str, timeout: float = 30) -> None:
        from airflow.sdk.api.client import Client

        self.messages: list[str] = []
        self._client = Client(base_url=f"{url}/execution/", token=token, trust_env=False, timeout=timeout)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, msg: Any) -> Any:
        """Answer one message of `airflow.sdk.execution_time.comms`."""
        self.messages.append(type(msg).__name__)
        return getattr(self, f"_{type(msg).__name__}")(msg)

    def _SetXCom(self, msg: Any) -> None:  # noqa: N802 - named after the message
        length = msg.mapped_length
        self._client.xcoms.set(*_ids(msg), msg.value, msg.map_index, mapped_length=length)

    def _GetXCom(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.execution_time.comms import XComResult

        found = self._client.xcoms.get(*_ids(msg), msg.map_index, msg.include_prior_dates)
        return XComResult(key=found.key, value=found.value)

    def _GetXComSequenceSlice(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.execution_time.comms import XComSequenceSliceResult

        found = self._client.xcoms.get_sequence_slice(
            *_ids(msg), msg.start, msg.stop, msg.step, msg.include_prior_dates
        )
        return XComSequenceSliceResult(root=found.root)

    def _GetXComSequenceItem(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        from airflow.sdk.execution_time.comms import ErrorResponse, XComSequenceIndexResult

        found = self._client.xcoms.get_sequence_item(*_ids(msg), msg.offset)
        return found if isinstance(found, ErrorResponse) else XComSequenceIndexResult(root=found.root)

    def _GetXComCount(self, msg: Any) -> Any:  # noqa: N802 - named after the message
        return self._client.xcoms.head(*_ids(msg))

    def _DeleteXCom(self, msg: Any) -> None:  # noqa: N802 - named after the message
        self._client.xcoms.delete(*_ids(msg), msg.map_index)

    def _MaskSecret(self, msg: Any) -> None:  # noqa: N802 - named after the message
        """Do nothing, because there are no logs to mask."""


@contextmanager
def served(rows: ServedRows) -> Iterator[ServedRows]:
    """Put the rows where the Task SDK sends its messages."""
    from airflow.sdk.execution_time import task_runner

    with patch.object(task_runner, "SUPERVISOR_COMMS", rows, create=True):
        yield rows


def _ids(msg: Any) -> tuple[str, str, str, str]:
    return (msg.dag_id, msg.run_id, msg.task_id, msg.key)
