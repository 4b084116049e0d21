"""How Airflow's tables are asked: sessions, and conditions on many rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# One statement asks for so many scopes or rows. Each takes 5 parameters, and SQLite takes at most 32766.
_ASKED_AT_ONCE = 500


def batches(addresses: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Yield the addresses that one statement asks for, until there are no more."""
    for start in range(0, len(addresses), _ASKED_AT_ONCE):
        yield addresses[start : start + _ASKED_AT_ONCE]


def among(columns: Sequence[Any], addresses: Sequence[tuple[Any, ...]]) -> Any:
    """Return the condition for rows whose first columns are one of the addresses, which are all of one length.

    The tuples decide. The conditions on single columns let databases use Airflow's index on the first three columns
    (`idx_xcom_task_instance`); SQLite does not use an index for tuples.
    """
    from sqlalchemy import and_, tuple_

    own = columns[: len(addresses[0])]
    single = [column.in_({address[at] for address in addresses}) for at, column in enumerate(own)]
    return and_(*single) if len(addresses) == 1 else and_(*single, tuple_(*own).in_(addresses))


def select(*columns: Any) -> Any:
    """Begin a statement."""
    from sqlalchemy import select as select_

    return select_(*columns)


def session() -> Any:
    """Open a session of its own. A scoped session belongs to its thread, and the threads serve everybody."""
    from airflow.utils.session import create_session

    return create_session(scoped=False)
