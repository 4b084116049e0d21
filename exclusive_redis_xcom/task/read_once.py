"""Values that may be read once. The pulling process claims them if no API server does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.formats import claims, observed
from exclusive_redis_xcom.reporting import losses, refusals, reports
from exclusive_redis_xcom.task import observing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.errors import ExclusiveXComError
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Principal
    from exclusive_redis_xcom.task.access import Access


def claim(access: Access, references: Sequence[Reference], principal: Principal | None) -> ExclusiveXComError | None:
    """Claim these values for the running task instance: all values of one hash, or none. Return the error, if any.

    Under `mode = report`, a value that another task instance has claimed is only reported.

    Args:
        access: The access of this process.
        references: At least one reference. Each refers to a value that `principal` has not produced.
        principal: Who claims; None if that cannot be established.
    """
    reports_only = access.settings.reports_only
    if principal is None or principal.run_id is None or principal.map_index is None:
        return None if reports_only else _unidentified(access, references[0], principal)
    pairs = [(reference.coordinate, reference.version) for reference in references]
    for reference, outcome in zip(references, access.store.claim(pairs, claims.claimer_text(principal)), strict=True):
        if outcome.status == "taken":
            error = refusals.already_claimed(reference.coordinate, principal, claims.describe(outcome.claimer or ""))
            reports.pull(reference.coordinate, principal, error, would_only=reports_only)
            kind = observed.WOULD_REFUSE if reports_only else observed.ONCE
            observing.refused(access, reference.coordinate, principal, kind)
            if not reports_only:
                return error
        elif outcome.status == "gone":
            return losses.superseded(reference)
    return None


def _unidentified(access: Access, reference: Reference, principal: Principal | None) -> ExclusiveXComError:
    error = refusals.unidentified_claim(reference.coordinate, principal)
    reports.pull(reference.coordinate, principal, error, would_only=False)
    observing.refused(access, reference.coordinate, principal, observed.NOBODY)
    return error
