"""Values that may be read once: the pulling process claims them where no API server does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.formats import claims
from exclusive_redis_xcom.model import Decision
from exclusive_redis_xcom.reporting import refusals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.errors import ExclusiveXComError
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Principal
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Store


def claim(
    references: Sequence[Reference], principal: Principal | None, settings: Settings, store: Store
) -> ExclusiveXComError | None:
    """Claim these values for the running task instance, all or none of one hash; or say what speaks against it.

    The task instance that produced a value reads it without a claim. Under `mode = report` a value that another has
    claimed is only reported.
    """
    others = [reference for reference in references if not claims.is_producer(principal, reference.coordinate)]
    if not others:
        return None
    if principal is None or principal.run_id is None or principal.map_index is None:
        return None if settings.reports_only else _unidentified(others[0], principal)
    outcomes = store.claim([(at.coordinate, at.version) for at in others], claims.claimer_text(principal))
    for reference, outcome in zip(others, outcomes, strict=True):
        if outcome.status == "taken":
            error = refusals.already_claimed(reference.coordinate, principal, claims.describe(outcome.claimer or ""))
            refusals.report_pull(reference.coordinate, error, would_only=settings.reports_only)
            if not settings.reports_only:
                return error
        elif outcome.status == "gone":
            return refusals.superseded(reference)
    return None


def _unidentified(reference: Reference, principal: Principal | None) -> ExclusiveXComError:
    decision = Decision(False, "it may be read once, and the identity of the reading task instance is not known")
    error = refusals.pull_denied(reference.coordinate, principal, decision, None)
    refusals.report_pull(reference.coordinate, error, would_only=False)
    return error
