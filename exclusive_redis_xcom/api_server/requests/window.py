"""The rows that this package's own reader wants of a slice (`airflow/slices.py`), and how Airflow decides about them.

To write the JSON of all rows takes Airflow most of the time of a slice. So Airflow is asked for the first row alone. It
decides by that request whether the caller may have the rows. Then they are read with Airflow's own query
(`xcom_table.texts`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from starlette.types import Scope

_QUERY = re.compile(rb"start=(0|[1-9][0-9]{0,8})&stop=(0|[1-9][0-9]{0,8})&step=([01])")
#: To read more rows takes seconds.
_MOST_ROWS = 10_240


class Window(NamedTuple):
    """The numbers of the first row that is wanted, and after the last one; and the step, which says who asks."""

    start: int
    stop: int
    step: int

    def of_first_row(self, scope: Scope) -> Scope:
        """Return the same request for the first row alone."""
        return {**scope, "query_string": b"start=%d&stop=%d" % (self.start, self.start + 1)}


def window_of(query: bytes) -> Window | None:
    """Read the query of a slice. Return None if this package's reader does not ask so, or for one row or too many."""
    matched = _QUERY.fullmatch(query)
    found = None if matched is None else Window(*map(int, matched.groups()))
    return found if found is not None and 1 < found.stop - found.start <= _MOST_ROWS else None
