"""Tell the tasks of a DAG what to measure, and let them hand back the figures."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.contenders import FLOOR, OURS, Backend, Floor, backends
from benchmarks.figures import Row, Spans
from benchmarks.timing import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Names the plan's file in the tasks' environment.
VARIABLE = "BENCH_PLAN"
#: Garbage is collected before each operation where there are fewer rounds: values are large then.
_FEW = 20


@dataclass(frozen=True)
class Plan:
    """A plan for the tasks.

    Args:
        out: The folder for the figures.
        redis_url: The floor's Redis.
        prefix: The first part of the floor's keys.
        contenders: The contenders besides the floor, by kind of value; `other` stands for all other kinds.
        values: The names of the values.
        database: Airflow's SQLite file.
        quick: Whether few rounds are enough.
    """

    out: str
    redis_url: str
    prefix: str
    contenders: Mapping[str, Sequence[str]]
    values: Sequence[str]
    database: str
    quick: bool

    @classmethod
    def load(cls) -> Plan:
        """Read the plan of this run."""
        return cls(**json.loads(Path(os.environ[VARIABLE]).read_text()))

    def backends(self, kind: str) -> dict[str, Backend]:
        """Return the contenders for values of a kind, without the floor."""
        return backends(self.contenders.get(kind, self.contenders["other"]))

    def floor(self) -> Floor:
        """Return the floor."""
        return Floor(redis.Redis.from_url(self.redis_url), self.prefix)

    def write(self, name: str, found: Sequence[Row]) -> None:
        """Hand back rows."""
        (Path(self.out) / f"{name}.json").write_text(json.dumps([asdict(row) for row in found]))


class Calls:
    """Counts what this process asks its supervisor from now on, and so Airflow's API server."""

    def __init__(self) -> None:
        from airflow.sdk.execution_time.comms import CommsDecoder

        self.count = 0
        for name in ("send", "asend"):
            if hasattr(CommsDecoder, name):
                setattr(CommsDecoder, name, self._counting(getattr(CommsDecoder, name)))

    def _counting(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return send(*args, **kwargs)

        return counted


def timed(row: Row, operations: Mapping[str, Callable[[], Any]], rounds: int, calls: Calls) -> Row:
    """Run the operations in turn, and return the row with their times and with why some could not be run."""
    notes = {name: note for name, operation in operations.items() if (note := _why_not(name, row, operation))}
    able = {name: operation for name, operation in operations.items() if name not in notes}
    measured = in_turn(able, rounds, calls=lambda: calls.count, collect=rounds < _FEW)
    return replace(row, spans={name: Spans.of(found) for name, found in measured.items()}, notes=notes)


def _why_not(name: str, row: Row, operation: Callable[[], Any]) -> str | None:
    """Try an operation, and return why it cannot be run: a backend may be unable to carry a value."""
    try:
        result = operation()
    except Exception as error:  # whatever a backend raises for a value that it cannot carry
        if name in (OURS, FLOOR):
            raise
        return type(error).__name__
    return "has none" if result is None and row.operation != "push" else None
