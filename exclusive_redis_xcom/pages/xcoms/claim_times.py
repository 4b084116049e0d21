"""When read-once values were claimed, from Airflow's audit log. It tells it with `enforcement = server` alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.api_server.ring.audit import CLAIMED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from exclusive_redis_xcom.pages.xcoms.rows import Selection

_MOST_ROWS: Final = 200


def claim_times(of: Selection) -> Mapping[str, datetime]:
    """Return when the keys of a task instance were claimed last, as far as the latest 200 claims tell it.

    The caller makes sure that the user may read the audit log.
    """
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = (
        select(Log.dttm, Log.extra)
        .where(Log.dag_id == of.dag_id, Log.task_id == of.task_id, Log.run_id == of.run_id)
        .where(Log.map_index == of.map_index, Log.event == CLAIMED)
        .order_by(Log.dttm.desc())
        .limit(_MOST_ROWS)
    )
    found: dict[str, datetime] = {}
    with create_session(scoped=False) as session:
        for time, extra in session.execute(query):
            found.setdefault(_key(extra), time)
    return found


def _key(extra: str | None) -> str:
    try:
        read = json.loads(extra or "")
    except ValueError:
        return ""
    key = read.get("key") if isinstance(read, dict) else None
    return key if isinstance(key, str) else ""
