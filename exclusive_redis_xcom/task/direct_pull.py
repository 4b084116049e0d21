"""Pull from Redis alone. Anything that is not proven is a miss, and Airflow's own path answers.

These conditions must hold besides those of `eligible`:

- The value is committed. API servers say so and watch over it (`Store.fetch_current`).
- The value was pushed after the reader's run was started.
- `may_read` finds no obstacle.
- The value is not sealed.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom import memory
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.task import many, observing, stricter
from exclusive_redis_xcom.task.access import current_access
from exclusive_redis_xcom.task.eligible import find_eligible
from exclusive_redis_xcom.task.may_read import may_read
from exclusive_redis_xcom.task.observing import OnePull
from exclusive_redis_xcom.task.value import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store import Current, Store
    from exclusive_redis_xcom.task.access import Access
    from exclusive_redis_xcom.task.eligible import EligiblePull
    from exclusive_redis_xcom.task.may_read import Permission, RuleTexts

log = logging.getLogger("exclusive_redis_xcom")


class Miss:
    """This stands in place of values. (None is a value.).

    Attributes:
        observed: What was counted in the record of reads before the pull missed; None if nothing was.
    """

    __slots__ = ("observed",)

    def __init__(self, observed: OnePull | None = None) -> None:
        self.observed = observed


MISS: Final = Miss()

#: Errors that make a miss, besides Airflow's own: ours, and those of an Airflow or a value in a form we do not know.
_MISSES = (
    ExclusiveXComError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)


def eligible_pull(request: Mapping[str, Any], *, everything: bool) -> EligiblePull | None:
    """Find out what to read directly for a pull of the running task; return None where only Airflow can answer.

    Args:
        request: The keyword arguments of Airflow's `get_one`, or of its `get_all`.
        everything: Whether it is `get_all`.
    """
    try:
        if not load_settings().pulls_directly:
            return None
        return find_eligible(request, identity.running_task_instance(), everything=everything)
    except Exception as error:
        require_a_miss(error)
        return None


def pull(eligible: EligiblePull) -> Any:
    """Return the values of a pull, in the order of their map indexes, or a `Miss`.

    If there is something to raise, Airflow's own path raises it.

    Args:
        eligible: What `eligible_pull` returned.
    """
    observed = None
    try:
        access = current_access()
        if access.settings.records == "reads":
            observed = observing.under_way() or OnePull()
        if not eligible.every_index:
            found = _pulled(access, eligible, observed)
        else:
            with memory.paused_collector():
                found = _pulled(access, eligible, observed)
    except Exception as error:
        require_a_miss(error)
        found = MISS
    if observed is None:
        return found
    if found is MISS:
        return Miss(observed)
    observed.got = True
    return found


def _pulled(access: Access, eligible: EligiblePull, observed: OnePull | None) -> Any:
    start = time.perf_counter()
    store = access.store
    asides = () if observed is None else observing.reads(access, [eligible.first], eligible.reader, observed)
    if eligible.every_index:
        current = store.fetch_every(eligible.first, asides=asides)
    else:
        current = store.fetch_current(eligible.first, alone=eligible.alone, asides=asides)
    values = None if current is None else _alike(access, current, eligible, start)
    return _one_by_one(access, current, eligible, start) if values is None else values


def _alike(access: Access, current: Current, eligible: EligiblePull, start: float) -> list[Any] | None:
    """Return the values if they are alike, and may all be read; else None."""
    if current.alike is None or not is_of_this_run(current, eligible):
        return None
    rules = many.rules_of(current.alike, eligible.reader)
    if rules is None:
        return None
    seconds = time.perf_counter() - start
    stricter.report(access, many.granted(current.alike, rules), eligible.reader)
    values = many.decoded_values(current.alike, current.stored, rules, access.settings)
    if metrics.is_on():
        _count(many.sizes(current.alike), seconds, eligible)
    return values


def _one_by_one(access: Access, current: Current | None, eligible: EligiblePull, start: float) -> Any:
    rules = None if current is None else _rules(current, eligible)
    # Parts of a value are fetched last, when no obstacle is left.
    envelopes = None if current is None or rules is None else _envelopes(current, access.store)
    if rules is None or envelopes is None:
        return MISS
    seconds = time.perf_counter() - start
    is_counted = metrics.is_on()
    # The sizes are taken before the values are decoded. Decoding may use up the payloads.
    sizes = [(envelope.coordinate, envelope.payload_size) for envelope in envelopes] if is_counted else ()
    granted = ((envelope.coordinate, acl) for envelope, acl in zip(envelopes, rules, strict=True))
    stricter.report(access, granted, eligible.reader)
    values = [decoded(envelope, None, acl, access.settings) for envelope, acl in zip(envelopes, rules, strict=True)]
    if is_counted:
        _count(sizes, seconds, eligible)
    return values


def _count(sizes: Sequence[tuple[Coordinate, int]], seconds: float, eligible: EligiblePull) -> None:
    metrics.pulled(sizes, seconds=seconds)
    metrics.count(metrics.PULL_DIRECT, dag_id=eligible.first.dag_id, task_id=eligible.first.task_id, by=len(sizes))


def _rules(current: Current, eligible: EligiblePull) -> list[Acl | None] | None:
    """Return the values' own rules if all values may be read here and now; else None."""
    if not is_of_this_run(current, eligible):
        return None
    known: dict[RuleTexts, Permission] = {}
    rules = []
    for stored in current.stored:
        if stored.envelope is None:
            return None
        permission = may_read(stored, stored.envelope.coordinate, eligible.reader, known=known)
        if permission.obstacle is not None:
            return None
        rules.append(permission.acl)
    return rules


def is_of_this_run(current: Current, eligible: EligiblePull) -> bool:
    """Tell whether all values were pushed after the reader's run was started."""
    return current.pushed_at > eligible.since - current.ahead  # by Redis' clock, as all other times


def _envelopes(current: Current, store: Store) -> list[Envelope] | None:
    """Return the values with their payloads; None if one has been replaced."""
    found = []
    for stored in current.stored:
        whole = store.with_payload(stored)
        if whole is None or whole.envelope is None:
            return None
        found.append(whole.envelope)
    return found


def require_a_miss(error: Exception) -> None:
    """Raise an error that comes from elsewhere, and return if it makes a miss.

    A task's own signal handler may raise wherever the task waits.
    """
    if not (isinstance(error, _MISSES) or type(error).__module__.startswith("airflow.")):
        raise error
    # The log gets the type alone, because a text may quote what the value holds.
    log.debug("No direct pull: %s.", type(error).__name__)
