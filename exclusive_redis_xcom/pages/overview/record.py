"""Read from Redis how many pulls were refused on each day. Tasks write that record: it is evidence, and no proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from exclusive_redis_xcom.pages import here

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exclusive_redis_xcom.formats.observed import Day


@dataclass(frozen=True, slots=True)
class RecordRead:
    """The record.

    Attributes:
        days: The days of each DAG that has any. Tasks may have written any of it.
        is_unreachable: Whether Redis could not be asked.
    """

    days: Mapping[str, Sequence[Day]]
    is_unreachable: bool = False


def states() -> Iterator[RecordRead]:
    """Yield the record once."""
    try:
        store = here.store()
        yield RecordRead(store.refusals_by_day(store.observed_dags()))
    except (StoreUnavailable, ConfigurationError):  # the page's section on health says more
        yield RecordRead({}, is_unreachable=True)
