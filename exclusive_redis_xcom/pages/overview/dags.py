"""Sum up all DAGs of Airflow's database, some at a time. A version is read once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.database import facts_of_database
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.pages import here
from exclusive_redis_xcom.pages.overview.summary import Summary, summary
from exclusive_redis_xcom.pages.overview.versions import latest_of_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exclusive_redis_xcom.access import DagFacts

MOST_DAGS = 10_000
#: So many DAGs are read at once. Between two steps, the thread rests as long as the step took.
_STEP = 10
_LONGEST_REST = 0.25
#: What is known is told so often.
_TOLD_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class DagsRead:
    """The DAGs that were read so far.

    Attributes:
        dag_ids: All DAGs, sorted.
        summaries: Those that were read.
        is_cut: Whether there are more DAGs than are ever read.
    """

    dag_ids: Sequence[str]
    summaries: Mapping[str, Summary]
    is_cut: bool = False


class DagReader:
    """Reads DAGs, and keeps their summaries until they have another version."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Summary]] = {}

    def states(self) -> Iterator[DagsRead]:
        """Yield what is known, until all DAGs were read. Only one thread may do so at a time."""
        latest = latest_of_all(MOST_DAGS + 1)
        dag_ids = list(latest)[:MOST_DAGS]
        self._kept = {dag_id: self._kept[dag_id] for dag_id in dag_ids if dag_id in self._kept}
        new = [dag_id for dag_id in dag_ids if self._kept.get(dag_id, ("",))[0] != latest[dag_id]]
        told = time.monotonic()
        for start in range(0, len(new), _STEP):
            began = time.monotonic()
            for dag_id, found in _summaries(new[start : start + _STEP]).items():
                self._kept[dag_id] = latest[dag_id], found
            ended = time.monotonic()
            if ended - told > _TOLD_SECONDS:
                yield self._read(dag_ids, len(latest) > MOST_DAGS)
                told = ended
            time.sleep(min(ended - began, _LONGEST_REST))
        yield self._read(dag_ids, len(latest) > MOST_DAGS)

    def _read(self, dag_ids: list[str], is_cut: bool) -> DagsRead:
        return DagsRead(dag_ids, {dag_id: found for dag_id, (_, found) in self._kept.items()}, is_cut)


def _summaries(dag_ids: Sequence[str]) -> dict[str, Summary]:
    """Sum DAGs up. One that cannot be read hides no other."""
    try:
        return {facts.dag_id: summary(facts) for facts in _facts(dag_ids)}
    except (ExclusiveXComError, UndecidedError):
        if len(dag_ids) == 1:
            return {dag_ids[0]: Summary(is_unreadable=True)}
        return {dag_id: found for each in dag_ids for dag_id, found in _summaries([each]).items()}


def _facts(dag_ids: Sequence[str]) -> Sequence[DagFacts]:
    return facts_of_database(default_consumers=here.settings().default_consumers, dag_ids=dag_ids)
