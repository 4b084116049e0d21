"""A pull that asks Redis alone. Anything that is not proven is a miss, and Airflow's own path answers.

What must hold besides `eligible`: the value is committed, which API servers say and
watch over (`Store.fetch_current`); that was after the reader's run was started; the rules allow the pull; it need not
be claimed, is not sealed and has not outlived its time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom import memory
from exclusive_redis_xcom.acl import decide
from exclusive_redis_xcom.formats import claims
from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.task.pull import decoded, outlived, readable_rule, rule_texts

if TYPE_CHECKING:
    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Current, Store, Stored
    from exclusive_redis_xcom.task.eligible import Reach

#: In place of values. (None is a value.)
MISS: Final = object()


def pull(reach: Reach, settings: Settings, store: Store) -> Any:
    """The values that a pull is to get, in the order of their map indexes, or `MISS`.

    Args:
        reach: What to read.
        settings: Of this process.
        store: Where the values are.

    Raises:
        Exception: Of any kind; a miss as well.
    """
    if not reach.every_index:
        return _pulled(reach, settings, store)
    with memory.paused_collector():
        return _pulled(reach, settings, store)


def _pulled(reach: Reach, settings: Settings, store: Store) -> Any:
    start = time.perf_counter()
    if reach.every_index:
        current = store.fetch_every(reach.first)
    else:
        current = store.fetch_current(reach.first, alone=reach.alone)
    rules = None if current is None else _rules(current, reach)
    # What lies in parts is fetched when nothing speaks against it any more.
    envelopes = None if current is None or rules is None else _envelopes(current, store)
    if rules is None or envelopes is None:
        return MISS
    seconds = time.perf_counter() - start
    is_counted = metrics.is_on()
    # Before they are decoded, which may use up the payloads.
    sizes = [(envelope.coordinate, envelope.payload_size) for envelope in envelopes] if is_counted else ()
    values = [decoded(envelope, None, acl, settings) for envelope, acl in zip(envelopes, rules, strict=True)]
    if is_counted:
        metrics.pulled(sizes, seconds=seconds)
        metrics.count(metrics.PULL_DIRECT, dag_id=reach.first.dag_id, task_id=reach.first.task_id, by=len(values))
    return values


def _rules(current: Current, reach: Reach) -> list[Acl] | None:
    """The values' own rules; None unless all may be read, here and now."""
    since = reach.since - current.ahead  # by Redis' clock, as all the others
    if current.pushed_at <= since:
        return None
    allows, rules = _Rules(reach), []
    for stored in current.stored:
        rule = allows.grant(stored)
        if rule is None:
            return None
        rules.append(rule)
    return rules


def _envelopes(current: Current, store: Store) -> list[Envelope] | None:
    """The values with their payloads; None if one has been replaced."""
    found = []
    for stored in current.stored:
        whole = store.complete(stored)
        if whole is None or whole.envelope is None:
            return None
        found.append(whole.envelope)
    return found


class _Rules:
    """Asks `acl.decide` once for each rule: the results of a mapped task share most of theirs, and a rule does not
    tell map indexes apart.
    """  # noqa: D205 - one sentence

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._allowing: dict[bytes | None, Acl | None] = {}

    def grant(self, stored: Stored) -> Acl | None:
        """The value's own rule, if there is nothing left to ask about."""
        envelope = stored.envelope
        if envelope is None:
            return None
        at = envelope.coordinate
        texts = rule_texts(at, stored)
        own = self._rule(texts[-1])
        if own is None or self._rule(texts[0]) is None:
            return None
        must_be_claimed = own.once and not claims.is_producer(self._reach.reader, at)
        return None if must_be_claimed or outlived(envelope, own) else own

    def _rule(self, text: bytes | None) -> Acl | None:
        """The rule, if it lets the reader pull."""
        if text not in self._allowing:
            acl = readable_rule(text)
            allowed = acl is not None and decide(acl, self._reach.first, self._reach.reader).allowed
            self._allowing[text] = acl if allowed else None
        return self._allowing[text]
