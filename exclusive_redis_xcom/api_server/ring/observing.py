"""Refused pulls in the record of reads and refusals (`formats/observed.py`). Tasks record what they read themselves.

The answer has been sent before anything is recorded. A record that cannot be written changes nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.threads import OwnThreads
from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.formats import observed, seal
from exclusive_redis_xcom.formats.observed import Event
from exclusive_redis_xcom.reporting.refusal_kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.api_server.requests.caller import Caller
    from exclusive_redis_xcom.api_server.ring.items import Item
    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")

# Threads of their own, because Redis may not answer.
_THREADS = 2
#: So many answers wait at most. What is refused meanwhile is in the audit log alone.
_MOST_WAITING = 64

_KINDS = {seal.NOT_RUNNING: observed.NOT_RUNNING, seal.UNKNOWN_KEY: observed.SEALED, seal.FORGED: observed.FORGED}


class Observer:
    """Records refused pulls.

    Args:
        store: Gives the Redis store. It is called in a thread.
        setting: `Settings.records`.
    """

    def __init__(self, store: Callable[[], Store], setting: str) -> None:
        self._store = store
        self._is_on = setting != "off"
        self._threads = OwnThreads(_THREADS)
        self._waiting = 0

    async def put_on_record(self, items: Sequence[Item], caller: Caller | None) -> None:
        """Record what was refused. This raises nothing."""
        if not self._is_on:
            return
        events = list(dict.fromkeys(event for event in (_event(item, caller) for item in items) if event is not None))
        if not events or self._waiting >= _MOST_WAITING:
            return
        self._waiting += 1
        try:
            await self._threads.run(self._count, events)
        except Exception as error:
            log.debug("A refusal could not be recorded in Redis: %s", type(error).__name__)
        finally:
            self._waiting -= 1

    def _count(self, events: Sequence[Event]) -> None:
        self._store().count(events)


def _event(item: Item, caller: Caller | None) -> Event | None:
    kind = _kind(item, caller)
    if kind is None or item.at is None:
        return None
    who = None if caller is None else (caller.principal.dag_id, caller.principal.task_id)
    return Event(item.at.dag_id, item.at.task_id, item.at.key, who, kind)


def _kind(item: Item, caller: Caller | None) -> str | None:
    """Return the class of a refusal; None if there was none, or if the task that pulls records it."""
    if item.event == audit.CLAIM_DENIED:
        return observed.ONCE
    if item.event == audit.WOULD_BE_DENIED:
        return None if item.claim is None else observed.WOULD_REFUSE
    if item.event != audit.DENIED:
        return None
    verdict, found = item.verdict, item.reference
    if verdict is None or found is None:
        return observed.FORGED
    if verdict.refused == seal.DENIED:
        return kind_of(found.coordinate, None if caller is None else caller.principal, verdict.decision, verdict.acl)
    return _KINDS.get(verdict.refused or "", observed.FORGED)
