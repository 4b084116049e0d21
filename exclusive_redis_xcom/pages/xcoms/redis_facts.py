"""What Redis tells of the XComs on a page, in few round trips; if Redis cannot tell it, the reason as a sentence."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.pages.xcoms import recorded, states

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exclusive_redis_xcom.formats.observed import Entry
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.pages.xcoms.rows import Row
    from exclusive_redis_xcom.store import Store
    from exclusive_redis_xcom.store.known import Known

log = logging.getLogger("exclusive_redis_xcom")

NO_RIGHTS: Final = (
    "The API server's Redis user may not run HSTRLEN, so this page does not know what Redis holds. "
    "`exclusive-xcom redis-users` prints users that may run it."
)
NOT_REACHED: Final = (
    "Redis could not be asked, so this page shows only what Airflow's database knows. "
    "`exclusive-xcom doctor --role api-server` looks for the cause."
)


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """What Redis tells.

    Attributes:
        problem: Why Redis did not tell it; None if it did.
        known: What Redis holds, by row. A row is missing if Redis has no hash for it.
        entries: The record of reads and refusals, by task and key.
    """

    problem: str | None = None
    known: Mapping[Coordinate, Known] = field(default_factory=dict)
    entries: Mapping[tuple[str, str], Sequence[Entry]] = field(default_factory=dict)


def ask(dag_id: str, rows: Sequence[Row], store: Callable[[], Store], *, with_record: bool) -> RedisFacts:
    """Ask Redis about rows that hold references of their own. It blocks, and raises nothing that Redis causes.

    Args:
        dag_id: The DAG of the rows.
        rows: The rows of a page.
        store: Gives the store.
        with_record: Whether to read the DAG's record of reads and refusals, too.
    """
    references = {row.at: row.reference.coordinate for row in rows if row.reference and not states.of_row(row)}
    if not references:
        return RedisFacts()
    try:
        opened = store()
        found = opened.known(list(references.values()))
        observed = opened.observed(dag_id) if with_record else None
    except ExclusiveXComError as error:
        log.warning("The page XComs could not ask Redis: %s", type(error).__name__)
        return RedisFacts(NO_RIGHTS if "NOPERM" in str(error) else NOT_REACHED)
    known = {at: each for at, each in zip(references, found, strict=True) if each is not None}
    return RedisFacts(None, known, recorded.by_key(observed))
