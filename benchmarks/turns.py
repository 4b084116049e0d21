"""Let the same task of two builds take turns, round by round, so that a change of the machine falls on both alike.

Each build runs in an Airflow of its own. The task of this build leads, and the task of the build before follows. They
meet at a Unix socket. While one of them measures, the other one waits.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: One build may be far slower, and it may have to push thousands of values first.
PATIENCE = 600.0
_PAUSE = 0.05
_ENDED = "the other build's task has ended: see its log"


class Partner:
    """The other build's task. After `end`, whoever leads has the times of its rounds in `theirs`: contender -> ms."""

    def __init__(self, connection: socket.socket, *, leads: bool) -> None:
        self._connection = connection
        self._lines = connection.makefile("r")
        self.leads = leads
        self._waits = not leads
        self.theirs: list[dict[str, float]] = []

    def begin(self, row: str, rounds: int) -> None:
        """Agree with the partner on what is measured next.

        Raises:
            RuntimeError: The partner is about to measure something else, or its task has ended.
        """
        ours = {"row": row, "rounds": rounds}
        self._send(ours)
        theirs = self._receive()
        if theirs != ours:
            raise RuntimeError(f"the two builds do not measure the same: {ours} and {theirs}")
        self.theirs, self._waits = [], not self.leads

    def wait(self) -> None:
        """Wait until it is this task's turn."""
        if self._waits:
            self.theirs.append(self._receive())
        self._waits = True

    def pass_on(self, times: Mapping[str, float]) -> None:
        """End this task's turn, and tell what it took."""
        self._send(times)

    def end(self) -> None:
        """Wait for the partner's last round."""
        if self.leads:
            self.theirs.append(self._receive())

    def close(self) -> None:
        """Close what reads from the connection: the partner learns of the end when nothing holds it open."""
        self._lines.close()

    def _send(self, found: Any) -> None:
        try:
            self._connection.sendall(f"{json.dumps(found)}\n".encode())
        except ConnectionError:
            raise RuntimeError(_ENDED) from None

    def _receive(self) -> Any:
        try:
            line = self._lines.readline()
        except ConnectionError:
            line = ""
        if not line:
            raise RuntimeError(_ENDED)
        return json.loads(line)


@contextlib.contextmanager
def meeting(place: Path, *, leads: bool, patience: float = PATIENCE) -> Iterator[Partner]:
    """Meet the other build's task at a path that no third task uses.

    Raises:
        TimeoutError: The other task did not come, or it took too long for a round.
    """
    with _listening(place, patience) if leads else _coming(place, patience) as connection:
        connection.settimeout(patience)
        with contextlib.closing(Partner(connection, leads=leads)) as partner:
            yield partner


def _listening(place: Path, patience: float) -> socket.socket:
    draft = place.with_suffix(".draft")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(patience)
        listener.bind(str(draft))
        listener.listen()
        draft.rename(place)  # who finds the path can connect
        return listener.accept()[0]


def _coming(place: Path, patience: float) -> socket.socket:
    end = time.monotonic() + patience
    while not place.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"no other build's task came to {place.name}")
        time.sleep(_PAUSE)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(place))
    return connection
