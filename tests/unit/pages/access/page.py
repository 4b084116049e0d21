"""The DAG's page as text, from facts made in memory."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.database import Version
from exclusive_redis_xcom.pages.access.changes import Changes, VersionShown
from exclusive_redis_xcom.pages.access.hidden import Names
from exclusive_redis_xcom.pages.access.known import Known
from exclusive_redis_xcom.pages.access.matrix import drawn
from exclusive_redis_xcom.pages.access.pulls import pulls_of_others
from exclusive_redis_xcom.pages.access.question import Asked, answered
from exclusive_redis_xcom.pages.access.record import Record
from exclusive_redis_xcom.pages.moments import moment
from exclusive_redis_xcom.pages.rendering import environment
from exclusive_redis_xcom.pages.user import Readable

if TYPE_CHECKING:
    from exclusive_redis_xcom.access import DagFacts

WRITTEN = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


def known(facts: DagFacts, *others: DagFacts, reads: tuple[str, ...] | None = None) -> Known:
    """What a user may know who reads these DAGs; None for a user who reads all."""
    all_dags = (facts.dag_id, *(other.dag_id for other in others), "secret_dag")
    names = Names(facts.dag_id, Readable(all_dags if reads is None else (facts.dag_id, *reads), all_dags))
    return Known(facts, others, (Version(1, "id", "hash", WRITTEN),), names, object())


def rendered(known: Known, asked: Asked = Asked(), record: Record | None = None, *, whole: bool = False) -> str:  # noqa: B008 - it is a tuple
    """The page of a DAG of one version, behind the path prefix `/af`."""
    text: str = (
        environment()
        .get_template("access.html.j2")
        .render(
            pages="/af/exclusive-xcom",
            airflow="/af",
            dag_id=known.dag_id,
            address=f"/af/exclusive-xcom/dags/{known.dag_id}",
            summary=[],
            drawn=drawn(known, "/af", whole=whole),
            asked=asked,
            answered=answered(known, asked),
            pulls=pulls_of_others(known),
            changes=Changes(VersionShown(1, moment(WRITTEN)), None, ()),
            record=Record(mode="reads") if record is None else record,
            days=7,
            most_rows=100,
        )
    )
    return text
