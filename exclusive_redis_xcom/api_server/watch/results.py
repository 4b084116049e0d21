"""Which results of a mapped task Airflow's database has. This is asked where Redis may not have all of them."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests import xcom_table
from exclusive_redis_xcom.store.marks import MOST_ROWS

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

log = logging.getLogger("exclusive_redis_xcom")

#: After a list that took one second, the list of the same key is not asked for again for so many seconds. Where a large
#: task is cleared, each of its instances undoes what the instance before has found out.
_PAUSE = 20
_MOST_PAUSES = 1_000

_lock = Lock()
#: When the results of a key may be listed again (`time.monotonic`). The key that was asked for last is last.
_pauses: OrderedDict[tuple[str, str, str, str], float] = OrderedDict()


def listed_indexes(at: Coordinate) -> list[int] | None:
    """Return the map_indexes of all rows of an XCom key; None if that costs too much now, or fails. Blocks."""
    ids, began = (at.dag_id, at.run_id, at.task_id, at.key), time.monotonic()
    with _lock:
        if began < _pauses.get(ids, 0):
            return None
    try:
        found = xcom_table.map_indexes(ids, MOST_ROWS)
    except Exception as error:  # of Airflow's database
        log.warning("The results of a mapped task could not be listed: %s", type(error).__name__)
        found = None
    ended = time.monotonic()
    with _lock:
        _pauses[ids] = ended + _PAUSE * (ended - began)
        _pauses.move_to_end(ids)
        if len(_pauses) > _MOST_PAUSES:
            _pauses.popitem(last=False)
    return found
