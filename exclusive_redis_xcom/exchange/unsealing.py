"""A sealed reference in the pulling process: opened by the API server, here under ``dag.test()``, or by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom import claims, refusal, seal, surroundings
from exclusive_redis_xcom.opening import judge
from exclusive_redis_xcom.protection import own_data_key

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Principal
    from exclusive_redis_xcom.reference import Reference
    from exclusive_redis_xcom.settings import Settings


class Opened(NamedTuple):
    """A reference that is not sealed (any more), and whether it was the API server that opened it."""

    reference: Reference
    by_server: bool


def unsealed(reference: Reference, principal: Principal | None, settings: Settings) -> Opened:
    """The reference with its data key, if it needs one.

    Raises:
        XComAccessDenied: The API server refused, and the access list says why.
        XComAlreadyClaimed: The API server refused: another task instance read it.
        XComSealed: Nobody opened it; the text says what to do.
        InvalidReference: The seal was made for another reference.
    """
    if reference.seal is None:
        return Opened(reference, by_server=False)
    if reference.seal.data_key is not None:
        return Opened(reference, by_server=True)
    own = _own_after_the_end(reference, principal)
    if own is not None:
        return Opened(own, by_server=False)
    where = surroundings.where()
    if where == "dag_test" and settings.seal_private_keys and reference.seal.refused is None:
        # One process and no API server: whoever runs dag.test() with the private keys may open what it pushed.
        verdict = judge(reference, principal, settings.seal_private_keys, reports_only=settings.reports_only)
        if verdict.data_key is not None:
            return Opened(reference.opened(verdict.data_key), by_server=False)
        reference = reference.refused(verdict.refused or "denied")
    error = refusal.sealed(reference, principal, where)
    refusal.report_sealed(reference, error)
    raise error


def _own_after_the_end(reference: Reference, principal: Principal | None) -> Reference | None:
    """The reference opened, if this process pushed the value and the API server says only that the task is over."""
    refused = None if reference.seal is None else reference.seal.refused
    if refused is None or refused.reason != seal.NOT_RUNNING or not claims.is_producer(principal, reference.coordinate):
        return None
    data_key = own_data_key(reference.version)
    return None if data_key is None else reference.opened(data_key)
