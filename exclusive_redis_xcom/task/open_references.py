"""Sealed references in the pulling process: opened by the API server, here under `dag.test()`, or by nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.crypto.opening import judge
from exclusive_redis_xcom.formats import claims, seal
from exclusive_redis_xcom.process import kind
from exclusive_redis_xcom.reporting import refusals
from exclusive_redis_xcom.task.protection import own_data_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Principal
    from exclusive_redis_xcom.settings import Settings


class Opened(NamedTuple):
    """A reference that is not sealed (any more), and whether it was the API server that opened it."""

    reference: Reference
    by_server: bool


def open_references(references: Sequence[Reference], principal: Principal | None, settings: Settings) -> list[Opened]:
    """The references of one pull, each with its data key if it needs one.

    Raises:
        XComAccessDenied: The API server refused one, and the access list says why.
        XComAlreadyClaimed: The API server refused one: another task instance read it.
        XComExpired: The API server refused one that may be read once, and that Redis no longer has.
        XComSealed: Nobody opened one; the text says what to do.
        InvalidReference: The seal of one was made for another reference.
    """
    opened = [_opened(reference, principal, settings) for reference in references]
    shut = [one.reference for one in opened if _is_shut(one.reference)]
    if shut:
        # What was withheld only because of another says nothing by itself.
        telling = next((one for one in shut if _reason(one) != seal.WITHHELD), shut[0])
        error = refusals.sealed(telling, principal, kind.where())
        refusals.report_sealed(telling, error)
        del opened  # the task that catches the error also gets this frame
        raise error
    return opened


def _opened(reference: Reference, principal: Principal | None, settings: Settings) -> Opened:
    """Opened if it can be; else as it is, or with the reason."""
    if not _is_shut(reference):
        return Opened(reference, by_server=reference.seal is not None)
    data_key = _own_after_the_end(reference, principal)
    if data_key is not None:
        return Opened(reference.opened(data_key), by_server=False)
    if kind.where() != "dag_test" or not settings.seal_private_keys or _reason(reference) is not None:
        return Opened(reference, by_server=False)
    # One process and no API server: whoever runs dag.test() with the private keys may open what it pushed.
    verdict = judge(reference, principal, settings.seal_private_keys, reports_only=settings.reports_only)
    if verdict.data_key is not None:
        return Opened(reference.opened(verdict.data_key), by_server=False)
    return Opened(reference.refused(verdict.refused or seal.DENIED), by_server=False)


def _own_after_the_end(reference: Reference, principal: Principal | None) -> bytes | None:
    """The data key, if this process pushed the value and the API server says only that the task is over."""
    is_own = claims.is_producer(principal, reference.coordinate)
    return own_data_key(reference.version) if is_own and _reason(reference) == seal.NOT_RUNNING else None


def _is_shut(reference: Reference) -> bool:
    return reference.seal is not None and reference.seal.data_key is None


def _reason(reference: Reference) -> str | None:
    refused = None if reference.seal is None else reference.seal.refused
    return None if refused is None else refused.reason
