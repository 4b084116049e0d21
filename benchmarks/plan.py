"""What the bench tells its tasks, and how they hand back what they measured."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import figures
from benchmarks.contenders import Floor, backends
from benchmarks.timing import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Names the plan's file in the tasks' environment.
VARIABLE = "BENCH_PLAN"
#: Up to so many rounds, garbage is collected before each operation: values are large then.
_FEW = 20


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Args:
        out: The folder that results go to.
        redis_url: The floor's Redis.
        prefix: The first part of the floor's keys.
        contenders: Who takes part besides the floor, by kind of value; `other` for kinds that are not named.
        values: Which values.
        database: Airflow's SQLite file.
        quick: Whether to do with few rounds.
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

    def save(self, path: Path) -> None:
        """Write it."""
        path.write_text(json.dumps(asdict(self)))

    def backends(self, kind: str) -> dict[str, Any]:
        """Return who takes part for values of a kind, without the floor."""
        return dict(backends(self.contenders.get(kind, self.contenders["other"])))

    def floor(self) -> Floor:
        """Return the floor."""
        import redis

        return Floor(redis.Redis.from_url(self.redis_url), self.prefix)

    def rounds(self, both: tuple[int, int]) -> int:
        """Return how many rounds there are, of those of a full and of a quick run."""
        return both[self.quick]

    def write(self, name: str, found: Sequence[figures.Row]) -> None:
        """Hand back rows."""
        (Path(self.out) / f"{name}.json").write_text(json.dumps(figures.as_entries(found)))

    def read(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return what tasks handed back under these names."""
        return [row for name in names for row in json.loads((Path(self.out) / f"{name}.json").read_text())]


class Calls:
    """Counts what this task asks its supervisor, and so Airflow's API server."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self) -> Calls:
        """Begin to count, for the rest of this process."""
        from airflow.sdk.execution_time.comms import CommsDecoder

        for name in ("send", "asend"):
            if hasattr(CommsDecoder, name):
                setattr(CommsDecoder, name, self._counting(getattr(CommsDecoder, name)))
        return self

    def _counting(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return send(*args, **kwargs)

        return counted


def timed(row: figures.Row, operations: Mapping[str, Callable[[], Any]], rounds: int, calls: Calls) -> figures.Row:
    """Run the operations in turn, and return the row with their times and with why some could not be run."""
    notes = {name: note for name, operation in operations.items() if (note := _why_not(name, row, operation))}
    able = {name: operation for name, operation in operations.items() if name not in notes}
    measured = in_turn(able, rounds, calls=lambda: calls.count, collect=rounds < _FEW)
    spans = {contender: figures.Spans.of(found) for contender, found in measured.items()}
    return figures.replaced(row, spans=spans, notes=notes)


def _why_not(name: str, row: figures.Row, operation: Callable[[], Any]) -> str | None:
    """Try an operation, and return why it cannot be run: a backend may be unable to carry a value."""
    try:
        result = operation()
    except Exception as error:  # whatever a backend makes of what it cannot carry
        if name in ("ours", "floor"):
            raise
        return type(error).__name__
    return "has none" if result is None and row.operation != "push" else None
