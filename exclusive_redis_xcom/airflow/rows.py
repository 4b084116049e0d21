"""Turn rows of Airflow's database into values.

All references are fetched from Redis together. Airflow's own code reads the other rows. A row is untrusted input, so a
reference in a row is compared with the XCom that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk.bases.xcom import BaseXCom

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.model import NOT_MAPPED, is_airflows
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting import refusals
from exclusive_redis_xcom.task.access import current_access
from exclusive_redis_xcom.task.pull import pull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.formats.reference import Reference


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pull asked for.

    If `run_id` is None, any run will do, also a prior one. If `map_index` is None, a whole mapped task was asked for.
    """

    dag_id: str
    task_id: str
    key: str
    run_id: str | None
    map_index: int | None = None

    def __str__(self) -> str:
        return f"XCom '{self.key}' of task '{self.task_id}' in DAG '{self.dag_id}'"

    def require(self, reference: Reference) -> None:
        """Refuse a reference that was copied into another row, by hand or by a task."""
        found = reference.coordinate
        same_task = (found.dag_id, found.task_id, found.key) == (self.dag_id, self.task_id, self.key)
        same_run = self.run_id in (None, found.run_id)
        if not (same_task and same_run and self.map_index in (None, found.map_index)):
            raise InvalidReference(
                f"The row of XCom '{self.key}' of task '{self.task_id}' in DAG '{self.dag_id}' holds a reference "
                f"to another XCom ({found}): it was copied there. Clear task '{self.task_id}' of that run."
            )


class OfThisRun:
    """All that is known of an item of a lazy sequence if `sequences` is not in place.

    The item is a result of a mapped task of the same run. Airflow tells only the value of the row
    (`sdk/execution_time/lazy_sequence.py`).
    """

    def require(self, reference: Reference) -> None:
        """Refuse a reference to an XCom of another DAG or run, or of a task that is not mapped."""
        found, principal = reference.coordinate, identity.current_principal()
        here = principal is not None and (found.dag_id, found.run_id) == (principal.dag_id, principal.run_id)
        if not here or found.map_index == NOT_MAPPED:
            raise InvalidReference(
                f"A row of a mapped task's results holds a reference to another XCom ({found}): it was copied there. "
                "Clear the mapped task."
            )


def resolve(rows: Sequence[Any], asked: Asked | OfThisRun | None = None) -> list[Any]:
    """Return the values of rows, in their order. All our references are fetched together, in few round trips.

    Raises:
        ExclusiveXComError: Any error that `task.pull.pull` raises, or InvalidReference.
    """
    if any(isinstance(row, list) and any(map(references.is_reference, row)) for row in rows):
        # Keys like "name/slice" lead Airflow's client to its other routes (execution_api/routes/xcoms.py).
        raise InvalidReference("This XCom row is a list of references. Keys must not end in '/slice' or '/item/N'.")
    found = {i: references.parse(row) for i, row in enumerate(rows) if references.is_reference(row)}
    if len(found) < len(rows) and not (isinstance(asked, Asked) and is_airflows(asked.key)):
        _require_plain_rows_allowed(str(asked) if isinstance(asked, Asked) else "an XCom")
    if asked is not None:
        for reference in found.values():
            asked.require(reference)
    pulled = dict(zip(found, pull(current_access(), list(found.values())), strict=True)) if found else {}
    return [pulled[i] if i in found else _as_airflow_would(row) for i, row in enumerate(rows)]


def _require_plain_rows_allowed(what: str) -> None:
    """Refuse a row with a plain value where all values are sealed. Anybody could have written such a row."""
    settings = current_access().settings
    if settings.by_server and settings.seal == "all" and not settings.allow_plaintext_read:
        raise refusals.plain_row(what)


def _as_airflow_would(row: Any) -> Any:
    return BaseXCom.deserialize_value(_Row(row))


class _Row(NamedTuple):
    """A row in the shape that `BaseXCom.deserialize_value` takes."""

    value: Any
