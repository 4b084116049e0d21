"""How something goes on record: in rows of Airflow's own audit log, lines of the server's log, and counters.

The UI shows the rows under Audit Log, and `/api/v2/eventLogs` lists them. They say who, what and why. No row can hold a
value, a key or a token, because this module is given none.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests.threads import off_loop
from exclusive_redis_xcom.reporting import metric_names
from exclusive_redis_xcom.reporting.metrics import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.api_server.requests.caller import Caller
    from exclusive_redis_xcom.model import Coordinate, Principal

    WriteRows = Callable[[Sequence[dict[str, Any]]], None]

log = logging.getLogger("exclusive_redis_xcom")

DENIED = "xcom_denied"
WOULD_BE_DENIED = "xcom_would_be_denied"
GRANTED = "xcom_granted"
CLAIMED = "xcom_claimed"
CLAIM_DENIED = "xcom_claim_denied"
WRITE_DENIED = "xcom_write_denied"
EDIT_DENIED = "xcom_edit_denied"
REMOVED = "xcom_removed"
#: A person has asked to see a value. Nothing is shown before this is written, whatever the setting `audit` says.
REVEALED = "xcom_revealed"
#: A person has asked for a value that the UI does not show.
REVEAL_DENIED = "xcom_reveal_denied"

_REFUSALS = frozenset({DENIED, WOULD_BE_DENIED, CLAIM_DENIED, WRITE_DENIED, EDIT_DENIED, REVEAL_DENIED})
_KEPT = {
    "off": frozenset[str](),
    "denied": _REFUSALS | {CLAIMED},
    "all": _REFUSALS | {CLAIMED, GRANTED, REMOVED},
}

_COUNTERS = {
    GRANTED: metric_names.RING_RELEASED,
    CLAIMED: metric_names.RING_RELEASED,
    WOULD_BE_DENIED: metric_names.RING_WOULD_BE_REFUSED,
    DENIED: metric_names.RING_REFUSED,
    CLAIM_DENIED: metric_names.RING_REFUSED,
    WRITE_DENIED: metric_names.RING_WRITE_REFUSED,
    EDIT_DENIED: metric_names.RING_EDIT_REFUSED,
}

# The columns of Airflow's `log` table take ids of 250 and an owner of 500 characters. PostgreSQL refuses longer text,
# and NUL.
_ID_LENGTH = 250
_OWNER_LENGTH = 500
_TEXT_LENGTH = 2000
# Airflow's columns for numbers are 32-bit integers.
_MAX_NUMBER = 2**31 - 1


# The event loop itself puts so many records into the log and counts them. One answer may make hundreds.
_FEW = 8


class AuditFailed(Exception):  # noqa: N818 - says what happened, like the errors of errors.py
    """The rows could not be written. This error never leaves the ring, nor the command that shows a value."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened.

    `owner` names who did it: `dag_id/task_id` of a task, or a user's name. `extra` says the rest. `asker` is the task
    instance that asked, if Airflow knows it.
    """

    event: str
    coordinate: Coordinate | None
    owner: str
    extra: dict[str, Any] = field(default_factory=dict)
    asker: Caller | None = None


class Audit:
    """Writes records to Airflow's audit log.

    Args:
        setting: Which records are kept: "denied", "all" or "off".
        strict: Whether a value is released only after its row is written. That implies "all".
        write: Writes all rows or none, and blocks. It writes to Airflow's database unless given.
    """

    def __init__(self, setting: str, *, strict: bool = False, write: WriteRows | None = None) -> None:
        self.strict = strict
        self._kept = _KEPT["all" if strict else setting]
        self._write = write or _write_to_airflow

    async def record(self, records: Sequence[Record]) -> None:
        """Write the records that the setting keeps, in one transaction.

        Raises:
            AuditFailed: No record was written.
        """
        from starlette.concurrency import run_in_threadpool

        kept = [record for record in records if record.event in self._kept]
        if not kept:
            return
        try:
            await run_in_threadpool(lambda: self._write([row for record in kept for row in _rows(record)]))
        except Exception as error:
            # Only the type is logged: a driver's text quotes the statement.
            log.error("The audit log could not be written: %s", type(error).__name__)
            raise AuditFailed from None

    async def put_on_record(self, records: Sequence[Record], *, with_rows: bool = True) -> None:
        """Log, count and write what happened. Raises nothing, since the answer has been sent.

        Args:
            records: What happened.
            with_rows: Whether to write the rows; False where they are written already.
        """
        try:
            await off_loop(len(records) > _FEW, announce, records)
            await off_loop(len(records) > _FEW, tally, records)
            if with_rows:
                await self.record(records)
        except AuditFailed:
            pass  # logged where it happened
        except Exception as error:
            log.error("The ring could not put a decision on record: %s", type(error).__name__)


def write_now(record: Record, write: WriteRows | None = None) -> None:
    """Write one record, whatever the setting says, and wait for it.

    Args:
        record: What is about to happen.
        write: Writes all rows or none. It writes to Airflow's database unless given.

    Raises:
        AuditFailed: The record was not written. The text is the type of the error alone.
    """
    try:
        (write or _write_to_airflow)(_rows(record))
    except Exception as error:  # of any driver, whose text quotes the statement
        raise AuditFailed(type(error).__name__) from None


def announce(records: Sequence[Record]) -> None:
    """Write to the server's log what was refused."""
    for record in records:
        if record.event in _REFUSALS:
            said = ", ".join(f"{name}: {_one_line(str(value))}" for name, value in record.extra.items())
            log.warning("%s: %s", record.event, said)


def tally(records: Sequence[Record]) -> None:
    """Count released and refused values, tagged with the producer's ids. A failure of the metrics backend is logged."""
    try:
        stats = _server_stats()
        for record in records:
            if record.event in _COUNTERS:
                stats.incr(_COUNTERS[record.event], record.extra.get("values", 1), tags=_tags(record))
    except Exception as error:
        log.warning("XCom metrics could not be sent: %s", type(error).__name__)


def tally_failure(error: Exception) -> None:
    """Count a request that could not be decided about. A failure of the metrics backend is logged."""
    try:
        _server_stats().incr(metric_names.RING_FAILED, 1, tags={"error": kind_of(error)})
    except Exception as problem:
        log.warning("XCom metrics could not be sent: %s", type(problem).__name__)


def _tags(record: Record) -> dict[str, str]:
    # The caller of a refused write or edit may make up any ids, and each new tag is memory that nothing frees.
    at = None if record.event in (WRITE_DENIED, EDIT_DENIED) else record.coordinate
    return {} if at is None else {"dag_id": at.dag_id, "task_id": at.task_id}


def _server_stats() -> Any:
    # The API server has its own; tasks use the SDK's copy of this module, which only they initialise.
    # In 3.3 these are functions of a module, in 3.2 a class in that module, in 3.1 a class elsewhere.
    try:
        from airflow.observability import stats
    except ImportError:
        from airflow.stats import Stats

        return Stats
    return stats if hasattr(stats, "incr") else stats.Stats


def _rows(record: Record) -> list[dict[str, Any]]:
    """Return the row under the XCom's producer. For a refusal, also return the row under the task that asked.

    Airflow's tab Audit Log of a task instance shows the rows with its DAG, run and task.
    """
    at, asker = record.coordinate, record.asker
    under_producer = {} if at is None else _ids(at)
    if asker is None or record.event not in _REFUSALS:
        return [_row(record, under_producer)]
    under_asker = {**_ids(asker.principal), "try_number": asker.try_number}
    if at is None:
        return [_row(record, under_asker)]
    if (asker.principal.dag_id, asker.principal.task_id, asker.principal.run_id) == (at.dag_id, at.task_id, at.run_id):
        return [_row(record, under_producer)]
    return [_row(record, under_producer, under="producer"), _row(record, under_asker, under="asker")]


def _ids(whose: Coordinate | Principal) -> dict[str, Any]:
    return {
        "dag_id": whose.dag_id,
        "task_id": whose.task_id,
        "run_id": whose.run_id,
        "map_index": whose.map_index,
    }


def _row(record: Record, ids: dict[str, Any], **further: str) -> dict[str, Any]:
    row = {name: _column(value) for name, value in ids.items()}
    extra = {
        name: _text(value, _TEXT_LENGTH) if isinstance(value, str) else value
        for name, value in (record.extra | further).items()
    }
    owner = _text(record.owner, _OWNER_LENGTH)
    return {**row, "event": record.event, "owner": owner, "extra": json.dumps(extra)}


def _write_to_airflow(rows: Sequence[dict[str, Any]]) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        session.add_all([Log(**row) for row in rows])


def _column(value: str | int | None) -> str | int | None:
    """Return what the column takes of an id or a number; None for a number that it does not hold."""
    if isinstance(value, str):
        return _text(value, _ID_LENGTH)
    return value if value is None or abs(value) <= _MAX_NUMBER else None


def _text(text: str, most: int) -> str:
    # Ids come from references, which anybody may have written.
    return text[:most].encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:_TEXT_LENGTH])
