"""Under `mode = report`: say which parts of a value come back otherwise than from Airflow's default backend."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec import default_backend

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

log = logging.getLogger("exclusive_redis_xcom")

_MOST_KEYS = 10_000
_reported: set[tuple[str, str, str]] = set()


def report_kept_types(coordinate: Coordinate, value: Any) -> None:
    """Log once per key what Airflow's default backend would give in another type. The value is not in the text.

    Args:
        coordinate: The XCom that was pushed.
        value: Its value.
    """
    key = (coordinate.dag_id, coordinate.task_id, coordinate.key)
    if key in _reported or len(_reported) >= _MOST_KEYS:
        return
    try:
        found = default_backend.differences(value)
    except Exception:  # An author's property may fail. This is advice, and the push goes on.
        return
    if not found:
        return
    _reported.add(key)
    log.warning(
        "'%s' of %s comes back as it was pushed. Airflow's default backend would change parts of it:\n%s\n"
        "Look at the tasks that pull it: they get the value as it was pushed.",
        coordinate.key,
        coordinate.task_id,
        "\n".join(found),
    )
