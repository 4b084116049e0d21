"""Tell the tasks of a DAG what to measure, and let them hand back the figures."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.contenders import API, FLOOR, OURS, Backend, Floor, backends
from benchmarks.figures import Row, Spans, compared
from benchmarks.timing import in_turn
from benchmarks.turns import meeting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.turns import Partner

#: Names the plan's file in the tasks' environment.
VARIABLE = "BENCH_PLAN"
#: Garbage is collected before each operation where there are fewer rounds: values are large then.
_FEW = 20
#: Who takes part in the rounds with the build before. The API call empties caches, as in a task that does other work.
BESIDE = (API, OURS)


#: A task plays the API server with these keys where it writes rows past it. The package does not read this variable.
PRIVATE_KEYS = "BENCH_SEAL_PRIVATE_KEYS"


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
        through_api: Whether our backend's mapped results are pushed through the API server. Otherwise their rows are
            put into the database.
        meeting: The folder where the tasks of two builds meet. It is empty where only one build is measured.
        leads: Whether these are the tasks of this build, rather than of the one before.
    """

    out: str
    redis_url: str
    prefix: str
    contenders: Mapping[str, Sequence[str]]
    values: Sequence[str]
    database: str
    quick: bool
    through_api: bool = True
    meeting: str = ""
    leads: bool = True

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

    @contextlib.contextmanager
    def measuring(self, name: str) -> Iterator[Measuring]:
        """Measure as a task, in turn with the same task of the other build if there is one; then hand back the rows.

        Args:
            name: The name of the file for the rows. No other task of a DAG run has it.
        """
        with contextlib.ExitStack() as stack:
            met = meeting(Path(self.meeting) / name, leads=self.leads) if self.meeting else contextlib.nullcontext()
            measuring = Measuring(stack.enter_context(met))
            yield measuring
        (Path(self.out) / f"{name}.json").write_text(json.dumps([asdict(row) for row in measuring.rows]))


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


class Measuring:
    """The measurements of one task. `rows` are those that it has measured."""

    def __init__(self, partner: Partner | None) -> None:
        self._partner = partner
        self._calls = Calls()
        self.rows: list[Row] = []

    def row(
        self, row: Row, operations: Mapping[str, Callable[[], Any]], rounds: int, *, try_first: bool = True
    ) -> None:
        """Run the operations in turn, and add the row with their times and with why some could not be run.

        With a partner, our operation is then measured once more, in turn with the partner's. Both run the same things
        there: what others leave behind in memory and caches must not fall on one build alone.

        Args:
            row: What the row is about.
            operations: What to run, by contender.
            rounds: How often. With many, there is a round before that does not count.
            try_first: Whether to try each before. A contender that cannot carry the value is left out then.
        """
        notes = {}
        if try_first:
            notes = {name: note for name, operation in operations.items() if (note := _why_not(name, row, operation))}
        able = {name: operation for name, operation in operations.items() if name not in notes}
        if self._partner is None or self._partner.leads:
            measured = in_turn(
                able, rounds, calls=lambda: self._calls.count, warm_up=int(rounds >= _FEW), collect=rounds < _FEW
            )
            row = replace(row, spans={name: Spans.of(found) for name, found in measured.items()}, notes=notes)
        if self._partner:
            row = replace(row, before=self._beside(self._partner, row.name, able, rounds, warm_up=int(try_first)))
        self.rows.append(row)

    def _beside(
        self, partner: Partner, name: str, able: Mapping[str, Callable[[], Any]], rounds: int, *, warm_up: int
    ) -> dict[str, float] | None:
        """Measure in turn with the partner; return how the builds compare, as the one that leads sees it."""
        both = {contender: operation for contender, operation in able.items() if contender in BESIDE}
        partner.begin(name, rounds)
        ours = in_turn(both, rounds, warm_up=warm_up, collect=rounds < _FEW, partner=partner)[OURS].ms
        return compared(ours, [times[OURS] for times in partner.theirs[-rounds:]]) if partner.leads else None


def _why_not(name: str, row: Row, operation: Callable[[], Any]) -> str | None:
    """Try an operation, and return why it cannot be run: a backend may be unable to carry a value."""
    try:
        result = operation()
    except Exception as error:  # whatever a backend raises for a value that it cannot carry
        if name in (OURS, FLOOR):
            raise
        return type(error).__name__
    return "has none" if result is None and row.operation != "push" else None
