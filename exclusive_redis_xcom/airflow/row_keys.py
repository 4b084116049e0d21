"""Keys whose rows are not what a task thinks: several keys in one row, and keys that Airflow reads as another question.

Airflow's client puts the key into a URL without quoting it (`airflow/sdk/api/client.py`, 3.1 to 3.3). So the row can
have another key than the task named: `a%2Fb` lies in the row of `a/b`, and `a?b` in the row of `a`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats.reference import is_reference
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.model import Coordinate

#: Endings that Airflow's routes for lazy sequences take (`execution_api/routes/xcoms.py`).
_OTHER_ROUTE = r"(?s:.*)(/slice|/item/-?\d+)"

#: Characters of a key that the first line of an error shows.
_SHOWN = 20

_BASE = "http://localhost/xcoms/dag/run/task/"


def row_key(key: str) -> str | None:
    """Return the key of the row in which Airflow keeps this key; None if a URL cannot hold the key."""
    import httpx  # the library of Airflow's client

    try:
        path = httpx.URL(_BASE + key).path
    except httpx.InvalidURL:
        return None
    start = httpx.URL(_BASE).path
    return path.removeprefix(start) if path.startswith(start) else None


def require_own_row(asked: str, found: Coordinate) -> None:
    """Refuse the reference of another key that Airflow keeps in the same row.

    Raises:
        InvalidReference: The later push has replaced the earlier one's row.
    """
    if asked == found.key or row_key(asked) is None or row_key(asked) != row_key(found.key):
        return
    shown, other = one_line(asked, _SHOWN), one_line(found.key, _SHOWN)
    raise InvalidReference(
        f"Keys '{shown}' and '{other}' share one row in Airflow's database.\n"
        f"The row holds the reference to {found}. The push of '{asked}' was overwritten, or never happened. Airflow "
        "does not quote keys in URLs, so keys with '%', '?' or '#' can share a row with another key.\n"
        f"Rename one of the keys, then clear {found.task_id}."
    )


def require_no_list_of_references(rows: Sequence[Any], key: str | None) -> None:
    """Refuse rows that are a list with a reference in it: what they hold are no values.

    Args:
        rows: The values of rows.
        key: The key that was asked for; None if it is not known.

    Raises:
        InvalidReference: One of the rows is such a list.
    """
    if not any(isinstance(row, list) and any(map(is_reference, row)) for row in rows):
        return
    if key is None or re.fullmatch(_OTHER_ROUTE, key):
        raise InvalidReference(
            "Airflow answered with a list of references: it took the key for another question.\n"
            "Airflow reads a key that ends in '/slice', or in '/item/' and a number, as a call of a lazy sequence.\n"
            "Use another key."
        )
    raise InvalidReference(
        f"XCom '{one_line(key, _SHOWN)}' is a list that holds a reference, and not the value of it.\n"
        "Somebody has read the row of an XCom instead of pulling the XCom, and has written what was there into this "
        "row. REST clients, triggers that end their task and SDKs of other languages read rows.\n"
        "Let a task pull the XCom, for example with ti.xcom_pull, and push what it gets."
    )
