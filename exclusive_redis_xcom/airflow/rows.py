"""Turn rows of Airflow's database into values.

All references are fetched from Redis together. Airflow's own code reads the other rows. A row is untrusted input, so a
reference in a row is compared with the XCom that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from airflow.sdk.bases.xcom import BaseXCom

from exclusive_redis_xcom.airflow import row_keys
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.memory import paused_collector
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate, is_airflows
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting import losses, refusals
from exclusive_redis_xcom.reporting.wording import lines, where
from exclusive_redis_xcom.task.access import current_access
from exclusive_redis_xcom.task.pull import GONE, pull

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exclusive_redis_xcom.formats.reference import Reference


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pull asked for.

    If `map_index` is None, a whole mapped task was asked for. With `prior_dates`, earlier runs may answer, too.
    """

    dag_id: str
    task_id: str
    key: str
    run_id: str
    map_index: int | None = None
    prior_dates: bool = False

    @property
    def coordinate(self) -> Coordinate:
        """The XCom's address. A whole mapped task is named as if it were not mapped."""
        map_index = NOT_MAPPED if self.map_index is None else self.map_index
        return Coordinate(self.dag_id, self.run_id, self.task_id, self.key, map_index)

    @property
    def ids(self) -> dict[str, str]:
        """The names of the XCom, as Airflow's calls take them."""
        return {"dag_id": self.dag_id, "run_id": self.run_id, "task_id": self.task_id, "key": self.key}

    def __str__(self) -> str:
        return f"XCom '{self.key}' of task '{self.task_id}' in DAG '{self.dag_id}'"

    def require(self, reference: Reference) -> None:
        """Refuse a reference that was copied into another row, by hand or by a task."""
        found = reference.coordinate
        same_task = (found.dag_id, found.task_id, found.key) == (self.dag_id, self.task_id, self.key)
        same_run = self.prior_dates or found.run_id == self.run_id
        if (found.dag_id, found.task_id) == (self.dag_id, self.task_id):
            row_keys.require_own_row(self.key, found)
        if not (same_task and same_run and self.map_index in (None, found.map_index)):
            raise InvalidReference(
                lines(
                    fitted(lambda s: f"The row of '{s(self.key)}' of {s(self.task_id)} refers to another XCom."),
                    f"The row is {self}'s. The reference in it was copied there: it is to {where(found)}",
                    f"Clear {self.task_id} in that run.",
                )
            )

    def may_be_gone(self, found: Sequence[Reference]) -> frozenset[int]:
        """Return the positions of the values that the pull can do without: those of earlier runs in a look-back.

        The run that was asked for must have its values. If it has no row, the run with the last push must have them.
        Several runs may have pushed in the same second, because Redis dates pushes in seconds. All of them must.
        """
        if not self.prior_dates or len(found) < 2:
            return frozenset()
        runs = [reference.coordinate.run_id for reference in found]
        last = max(reference.pushed_at for reference in found)
        needed = {reference.coordinate.run_id for reference in found if reference.pushed_at == last}
        if self.run_id in runs:
            needed = {self.run_id}
        return frozenset(i for i, run_id in enumerate(runs) if run_id not in needed)


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
                lines(
                    "A row of a mapped task's results refers to another XCom.",
                    f"The reference in it was copied there: it is to {where(found)}",
                    "Clear the mapped task.",
                )
            )

    def may_be_gone(self, _found: Sequence[Reference]) -> frozenset[int]:
        """Return the positions of the values that the pull can do without: none, because all are of this run."""
        return frozenset()


def resolve(rows: Sequence[Any], asked: Asked | OfThisRun | None = None) -> list[Any]:
    """Return the values of rows, in their order. All our references are fetched together, in few round trips.

    A look-back leaves out values of earlier runs that Redis no longer has. One warning says how many these are.

    Raises:
        ExclusiveXComError: Any error that `task.pull.pull` raises, or InvalidReference.
    """
    if len(rows) == 1:
        return _resolved(rows, asked)
    with paused_collector():
        return _resolved(rows, asked)


def _resolved(rows: Sequence[Any], asked: Asked | OfThisRun | None) -> list[Any]:
    if isinstance(rows, references.References) and rows and _is_all_of_a_task(asked):
        asked.require(rows[0])  # it looks at nothing in which the results of a task differ
        return pull(current_access(), rows)
    row_keys.require_no_list_of_references(rows, asked.key if isinstance(asked, Asked) else None)
    found = {i: references.parse(row) for i, row in enumerate(rows) if references.is_reference(row)}
    if len(found) < len(rows) and not (isinstance(asked, Asked) and is_airflows(asked.key)):
        _require_plain_rows_allowed(asked if isinstance(asked, Asked) else None)
    if asked is not None:
        for reference in found.values():
            asked.require(reference)
    pulled = _pulled(found, asked) if found else {}
    return [
        pulled[i] if i in found else as_airflow_would(row)
        for i, row in enumerate(rows)
        if i not in found or pulled[i] is not GONE
    ]


def _is_all_of_a_task(asked: Asked | OfThisRun | None) -> TypeGuard[Asked]:
    return isinstance(asked, Asked) and asked.map_index is None and not asked.prior_dates


def _pulled(found: Mapping[int, Reference], asked: Asked | OfThisRun | None) -> dict[int, Any]:
    """Return what the references at these positions point to. `GONE` stands for a value that a look-back misses."""
    references = list(found.values())
    may_be_gone = asked.may_be_gone(references) if asked is not None else frozenset()
    values = pull(current_access(), references, may_be_gone)
    if may_be_gone:
        gone = [reference for reference, value in zip(references, values, strict=True) if value is GONE]
        losses.report_gone(gone, of=references)
    return dict(zip(found, values, strict=True))


def _require_plain_rows_allowed(asked: Asked | None) -> None:
    """Refuse a row with a plain value where all values are sealed. Anybody could have written such a row."""
    settings = current_access().settings
    if settings.by_server and settings.seal == "all" and not settings.allow_plaintext_read:
        raise (
            refusals.plain_row("an XCom") if asked is None else refusals.plain_row(str(asked), asked.key, asked.task_id)
        )


def is_plain(row: Any, asked: Asked) -> bool:
    """Tell whether a row holds no reference.

    Raises:
        InvalidReference: The row is a list with a reference in it, or rows without references are refused here.
    """
    row_keys.require_no_list_of_references([row], asked.key)
    if references.is_reference(row):
        return False
    if not is_airflows(asked.key):
        _require_plain_rows_allowed(asked)
    return True


def as_airflow_would(row: Any) -> Any:
    """Return the value of a row that holds no reference."""
    return BaseXCom.deserialize_value(_Row(row))


class _Row(NamedTuple):
    """A row in the shape that `BaseXCom.deserialize_value` takes."""

    value: Any
