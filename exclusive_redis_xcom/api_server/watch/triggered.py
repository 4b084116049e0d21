"""XCom rows that the triggerer writes itself, for triggers that end their task with XComs (`TaskSuccessEvent`).

Airflow writes those rows past every API server and backend (`airflow/models/trigger.py`, `handle_event_submit`). The
task may have pushed a value under the same key before it deferred. That value is then not current any more.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")


def watch_rows(source: Callable[[], Store]) -> Callable[[], None]:
    """From now on, remove the mark of every XCom that this process writes to Airflow's database.

    The mark is removed before the write and after it. Between the two an API server may have found that Redis knows all
    rows of the key, without this row.

    Args:
        source: Gives the Redis store.

    Returns:
        A function that ends the watching.
    """
    from airflow.models.xcom import XComModel
    from sqlalchemy import event
    from sqlalchemy.orm import object_session

    def tell(at: Coordinate) -> None:
        try:
            source().uncommit([at])
        except Exception as error:
            log.warning("Redis could not be told of an XCom that a trigger wrote: %s", described(error))

    def before_insert(_mapper: Any, _connection: Any, row: Any) -> None:
        at = Coordinate(row.dag_id, row.run_id, row.task_id, row.key, row.map_index)
        tell(at)
        session = object_session(row)
        if session is not None:
            event.listen(session, "after_commit", lambda _session: tell(at), once=True)

    listening = (XComModel, "before_insert", before_insert)
    event.listen(*listening)
    return lambda: event.remove(*listening)
