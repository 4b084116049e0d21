"""A pull, step by step.

1. Sealed references are opened.
2. Values and rules are fetched.
3. `may_read` answers for each value.
4. Read-once values are claimed.
5. The values are decrypted, decoded, and masked in logs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.errors import ExclusiveXComError, XComExpired
from exclusive_redis_xcom.formats.observed import WOULD_REFUSE
from exclusive_redis_xcom.formats.reference import References
from exclusive_redis_xcom.process import identity, kind
from exclusive_redis_xcom.reporting import losses, metrics, refusals, reports, unidentified
from exclusive_redis_xcom.reporting.refusal_kinds import kind_of
from exclusive_redis_xcom.task import many, observing, stricter
from exclusive_redis_xcom.task.may_read import may_read
from exclusive_redis_xcom.task.open_seals import Opened, open_seals
from exclusive_redis_xcom.task.read_once import claim
from exclusive_redis_xcom.task.value import decoded

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.observed import Event
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate, Principal
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Stored
    from exclusive_redis_xcom.task.access import Access
    from exclusive_redis_xcom.task.may_read import Permission, RuleTexts

#: This stands in place of a value that may be gone, and is.
GONE: Final = object()


@dataclass(slots=True)  # not frozen: a pull may make thousands
class _Fetched:
    """What Redis holds for one reference: a value that may be read, or the problem with it. Nobody changes it.

    `acl` is the value's own rule. It is None only under `mode = report`, where no rule can be read.
    """

    reference: Reference
    acl: Acl | None = None
    envelope: Envelope | None = field(default=None, repr=False)
    problem: ExclusiveXComError | None = None
    must_be_claimed: bool = False


def pull(access: Access, references: Sequence[Reference], may_be_gone: Collection[int] = ()) -> list[Any]:
    """Fetch the values that the references point to, in their order, in few round trips.

    Args:
        access: The access of this process.
        references: What Airflow's database holds.
        may_be_gone: The positions of references that the pull can do without. If Redis no longer holds such a value,
            `GONE` stands in its place. All other errors are raised.

    Raises:
        XComAccessDenied: The running task may not read one of the values. No value is returned.
        XComAlreadyClaimed: A value may be read once, and another task instance has read it.
        XComSealed: A value is sealed, and nobody opened it for this process.
        XComExpired: Redis no longer holds a value, and the value may not be gone.
        CorruptValue: Redis holds something else than was pushed.
        ConfigurationError: A value is encrypted with a key that this process lacks.
        StoreUnavailable: Redis could not be asked.
    """
    principal = identity.current_principal()
    results = None
    if isinstance(references, References) and not may_be_gone:
        results = many.fetch(access, references.block, principal)
        values = many.values(access, results, references.block, principal)
        if values is not None:
            return values
    opened = open_seals(access, references, principal, may_be_gone)
    denied: list[Event] = []
    found, seconds = _fetch(access, opened, principal, denied, results)
    if denied:
        observing.refused_all(access, denied)
    problem = _first_problem(found, may_be_gone)
    if problem is None:
        problem = _claim(access, found, principal)
    if problem is not None:
        raise problem
    if access.settings.records == "reads":
        observing.got()
    granted = ((one.reference.coordinate, one.acl) for one in found if one.problem is None)
    stricter.report(access, granted, principal)
    if metrics.is_on():
        sizes = [(one.reference.coordinate, _size(one)) for one in found if one.problem is None]
        metrics.pulled(sizes, seconds=seconds)
    if may_be_gone:
        return [_value_unless_gone(one, access.settings, i in may_be_gone) for i, one in enumerate(found)]
    return [_value(one, access.settings) for one in found]


def _first_problem(found: Sequence[_Fetched], may_be_gone: Collection[int]) -> ExclusiveXComError | None:
    """Return the problem that the pull fails at. A refusal is one at every position."""
    for i, one in enumerate(found):
        if one.problem is not None and not (i in may_be_gone and isinstance(one.problem, XComExpired)):
            return one.problem
    return None


def _claim(access: Access, found: Sequence[_Fetched], principal: Principal | None) -> ExclusiveXComError | None:
    """Claim what may be read once."""
    once = [one.reference for one in found if one.must_be_claimed]
    return claim(access, once, principal) if once else None


def _fetch(
    access: Access,
    opened: Sequence[Opened],
    principal: Principal | None,
    denied: list[Event],
    results: many.Fetched | None,
) -> tuple[list[_Fetched], float]:
    """Return what there is for each reference, and the seconds that Redis took. Refusals are added to `denied`.

    If `results` are given, they have been fetched already.
    """
    coordinates = [one.reference.coordinate for one in opened]
    if results is None:
        start = time.perf_counter()
        asides = observing.reads(access, coordinates, principal) if access.settings.records == "reads" else ()
        stored: Sequence[Stored] = access.store.fetch_many(coordinates, [one.reference.size for one in opened], asides)
        seconds = time.perf_counter() - start
    else:
        stored, seconds = results.stored, results.seconds
    known = _known_rules(coordinates)
    found = [
        _fetched(one, held, principal, access.settings, denied, known) for one, held in zip(opened, stored, strict=True)
    ]
    return found, seconds


def _known_rules(coordinates: Sequence[Coordinate]) -> dict[RuleTexts, Permission] | None:
    """Return what `may_read` may remember; None if the coordinates differ in more than their map_index."""
    if len(coordinates) == 1 or len({(at.dag_id, at.run_id, at.task_id, at.key) for at in coordinates}) > 1:
        return None
    return {}


def _fetched(
    opened: Opened,
    stored: Stored,
    principal: Principal | None,
    settings: Settings,
    denied: list[Event],
    known: dict[RuleTexts, Permission] | None,
) -> _Fetched:
    """Tell whether this principal may have the referenced value, and whether it is there. Nothing is decoded yet."""
    reference, reports_only = opened.reference, settings.reports_only
    if opened.is_gone:
        return _Fetched(reference, problem=losses.expired(reference))
    permission = may_read(
        stored, reference.coordinate, principal, version=reference.version, reports_only=reports_only, known=known
    )
    if permission.obstacle == "superseded":  # the pull is asked again, and says then what would be refused
        problem = losses.superseded(reference)
        problem.replaced = True
        return _Fetched(reference, problem=problem)
    error = _reported(reference, principal, permission, settings, denied)
    if permission.obstacle == "denied":
        return _Fetched(reference, problem=error)
    if permission.obstacle == "gone":
        return _Fetched(reference, problem=losses.expired(reference))
    # The API server has claimed the values that it opened.
    must_be_claimed = permission.obstacle == "unclaimed" and not opened.by_server
    return _Fetched(reference, permission.acl, stored.envelope, must_be_claimed=must_be_claimed)


def _reported(
    reference: Reference,
    principal: Principal | None,
    permission: Permission,
    settings: Settings,
    denied: list[Event],
) -> ExclusiveXComError | None:
    """Log and count each refusal, add it to `denied`, and return the last one."""
    error = None
    for decision, acl in permission.denials:
        if principal is None:
            error = unidentified.refused(reference.coordinate, "pull", kind.of_this_process())
        else:
            error = refusals.pull_denied(reference.coordinate, principal, decision, acl, settings.ttl)
        reports.pull(reference.coordinate, principal, error, would_only=settings.reports_only)
        why = WOULD_REFUSE if settings.reports_only else kind_of(reference.coordinate, principal, decision, acl)
        denied.append(observing.event(reference.coordinate, principal, why))
    return error


def _value_unless_gone(fetched: _Fetched, settings: Settings, may_be_gone: bool) -> Any:
    """Return the value, or `GONE`. The object of a large value may be gone although Redis has its envelope."""
    if fetched.problem is not None:
        return GONE
    try:
        return _value(fetched, settings)
    except XComExpired:
        if not may_be_gone:
            raise
        return GONE


def _value(fetched: _Fetched, settings: Settings) -> Any:
    if fetched.envelope is None:
        raise losses.expired(fetched.reference)
    return decoded(fetched.envelope, fetched.reference.seal, fetched.acl, settings)


def _size(fetched: _Fetched) -> int:
    return 0 if fetched.envelope is None else fetched.envelope.payload_size
