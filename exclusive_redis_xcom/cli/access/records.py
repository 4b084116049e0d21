"""The record of reads and refusals, as commands read it from the Redis of this process's settings.

Tasks write the record. So commands show it as what tasks say, and nothing in it is proven.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access import near
from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.cli import redis_access
from exclusive_redis_xcom.cli.access.output import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.formats.observed import Observed

#: What every command says about where its answer comes from.
EVIDENCE: Final = "Tasks write this record: it is evidence, and no proof."


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say which records are meant."""
    group = parser.add_argument_group("which records")
    group.add_argument(
        "--dag",
        action="append",
        metavar="DAG",
        help="only XComs of this DAG; may be given several times (default: all DAGs with a record)",
    )


def stream(dag_ids: Sequence[str] | None, *, note_missing: bool = False) -> Iterator[Observed]:
    """Yield the records of these DAGs, or of all that have one, sorted by their ids. One at a time is in memory.

    Args:
        dag_ids: The DAGs; None for all.
        note_missing: Whether to say which of these DAGs have no record.

    Raises:
        UndecidedError: Airflow's configuration cannot be read.
        ExclusiveXComError: Redis cannot be reached, or a setting is wrong.
    """
    from exclusive_redis_xcom.settings import SECTION, load_settings

    with redis_access.opened_store() as store:
        if load_settings().records == "off":
            say(f"[{SECTION}] observe is off here: if that holds for tasks, too, nothing is recorded.")
        for dag_id in store.observed_dags() if dag_ids is None else sorted(set(dag_ids)):
            found = store.observed(dag_id)
            if found is not None:
                yield found
            elif dag_ids is not None and note_missing:
                say(f"{printable(dag_id)}: nothing is recorded.{near.did_you_mean(dag_id, store.observed_dags())}")


def say_how_it_came_about(records: Sequence[Observed]) -> None:
    """Say since when each DAG was observed, and what was lost."""
    for found in records:
        since = f"{printable(found.dag_id)}: recorded since {moment(found.since_ms)}"
        reads = f", reads since {moment(found.reads_since_ms)}" if found.reads_since_ms is not None else ", no reads"
        say(f"{since}{reads}.", _lost(found))
    if records:
        say(EVIDENCE)


def moment(milliseconds: int | None) -> str:
    """Show a time in UTC, to the minute."""
    if milliseconds is None:
        return "an unknown time"
    return f"{_utc(milliseconds):%Y-%m-%d %H:%M} UTC"


def iso(milliseconds: int | None) -> str | None:
    """Write a time for programs."""
    return None if milliseconds is None else _utc(milliseconds).isoformat(timespec="seconds")


def milliseconds_ago(duration: timedelta) -> int:
    """Return a time in the past, in milliseconds since 1970."""
    return int(time.time() * 1000) - duration // timedelta(milliseconds=1)


def about(found: Observed) -> dict[str, object]:
    """Describe a record for programs."""
    return {
        "dag_id": found.dag_id,
        "since": iso(found.since_ms),
        "reads_since": iso(found.reads_since_ms),
        "lost": 0 if found.lost is None else found.lost.number,
        "unreadable": found.unreadable,
    }


def _lost(found: Observed) -> str | None:
    said = []
    if found.lost is not None:
        said.append(f"{found.lost.number} events were not recorded, because the record was full or names too long")
    if found.unreadable:
        said.append(f"{found.unreadable} entries are not in the form that this package writes")
    return f"{printable(found.dag_id)}: {'; '.join(said)}." if said else None


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
