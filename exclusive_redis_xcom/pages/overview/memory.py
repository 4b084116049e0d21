"""Sum up by DAG what XComs take in Redis and in object storage, some thousands at a time.

A scan of all names may take minutes. So each refresh goes on where the last one ended, and no pass looks at more XComs
than `MOST_XCOMS`. The restricted Redis user of API servers may not list names. The variable `EXCLUSIVE_XCOM_REDIS_URL`
names another user, as for `exclusive-xcom du`.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from exclusive_redis_xcom.pages import here
from exclusive_redis_xcom.store.sums import Sum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exclusive_redis_xcom.store import Store
    from exclusive_redis_xcom.store.inventory import Inventory

REDIS_URL_VARIABLE = "EXCLUSIVE_XCOM_REDIS_URL"

MOST_XCOMS = 100_000
#: One refresh looks at so many XComs, and takes so long.
_XCOMS_A_REFRESH = 20_000
_SECONDS_A_REFRESH = 10.0
#: Between steps of so many XComs, the thread rests as long as the step took.
_STEP = 200
_LONGEST_REST = 0.25
_TOLD_SECONDS = 0.4
#: So many results of a mapped task are looked at. The others are taken to be alike in object storage.
_RESULTS = 4
#: Any task can write any names.
_MOST_DAGS = 10_000

Problem = Literal["rights", "unreachable"]


@dataclass(slots=True)
class MemoryRead:
    """What Redis holds, as far as it was looked at.

    Attributes:
        by_dag: The sum of each DAG.
        xcoms: How many XComs were looked at.
        without_ttl: How many of these have no TTL. Redis keeps them for ever.
        is_whole: Whether these are all.
        problem: Why nothing more is known; None if nothing is wrong.
        at: When the pass over all names began.
    """

    by_dag: dict[str, Sum] = field(default_factory=dict)
    xcoms: int = 0
    without_ttl: int = 0
    is_whole: bool = False
    problem: Problem | None = None
    at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def add(self, inventory: Inventory) -> None:
        """Add one XCom."""
        self.xcoms += 1
        self.without_ttl += inventory.ttl is None
        dag_id = inventory.at.dag_id
        if dag_id not in self.by_dag and len(self.by_dag) >= _MOST_DAGS:
            return
        found = self.by_dag.setdefault(dag_id, Sum())
        found.add(inventory)
        if inventory.held:
            others = max(inventory.values - len(inventory.held), 0)
            found.bytes_elsewhere += inventory.bytes_elsewhere * others // len(inventory.held)


class MemoryReader:
    """Looks at what Redis holds.

    Args:
        opened: Opens the store; closed after each pass.
    """

    def __init__(self, opened: Callable[[], contextlib.AbstractContextManager[Store]] | None = None) -> None:
        self._opened = opened or _opened
        self._names: Iterator[Inventory] | None = None
        self._growing = MemoryRead()
        self._whole: MemoryRead | None = None

    def states(self) -> Iterator[MemoryRead]:
        """Yield what is known, until all was looked at or this refresh ends. Only one thread may do so at a time."""
        if self._names is None:
            self._names, self._growing = self._inventories(), MemoryRead()
        try:
            yield from self._step(self._names)
        except (StoreUnavailable, ConfigurationError) as error:
            self._names = None
            known = self._whole or MemoryRead()
            problem: Problem = "rights" if "NOPERM" in str(error) else "unreachable"
            yield MemoryRead(known.by_dag, known.xcoms, known.without_ttl, known.is_whole, problem, known.at)

    def _step(self, names: Iterator[Inventory]) -> Iterator[MemoryRead]:
        began = told = rested = time.monotonic()
        ends_at = self._growing.xcoms + _XCOMS_A_REFRESH
        for inventory in names:
            self._growing.add(inventory)
            now = time.monotonic()
            if self._growing.xcoms >= min(ends_at, MOST_XCOMS) or now - began > _SECONDS_A_REFRESH:
                break
            if self._growing.xcoms % _STEP == 0:
                time.sleep(min(now - rested, _LONGEST_REST))
                rested = time.monotonic()
            if now - told > _TOLD_SECONDS:
                yield self._known()
                told = now
        else:
            self._growing.is_whole = True
        if self._growing.is_whole or self._growing.xcoms >= MOST_XCOMS:
            self._whole, self._names = self._growing, None
        yield self._known()

    def _known(self) -> MemoryRead:
        """Return the last pass that came to its end; before there is one, a copy of what the first one has found."""
        if self._whole is not None:
            return self._whole
        growing = self._growing
        sums = {dag_id: replace(each) for dag_id, each in growing.by_dag.items()}
        return MemoryRead(sums, growing.xcoms, growing.without_ttl, False, None, growing.at)

    def _inventories(self) -> Iterator[Inventory]:
        with self._opened() as store:
            yield from store.inventory(most_values=_RESULTS)


@contextlib.contextmanager
def _opened() -> Iterator[Store]:
    from exclusive_redis_xcom.connection import RedisClient, Timeouts
    from exclusive_redis_xcom.connection.url import options_from_url
    from exclusive_redis_xcom.settings.redis import redis_client
    from exclusive_redis_xcom.store import Store

    settings, url = here.settings(), os.environ.get(REDIS_URL_VARIABLE)
    timeouts = Timeouts(connect=1.0, read=5.0, deadline=5.0)
    client = RedisClient(options_from_url(url), timeouts) if url else redis_client(settings, timeouts)
    with contextlib.closing(client):
        yield Store(client, key_prefix=settings.key_prefix)
