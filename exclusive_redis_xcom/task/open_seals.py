"""The seals of the references that a task pulls. The API server opens them, or `dag.test()` does, or nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.crypto.opening import open_for
from exclusive_redis_xcom.formats import claims, seal
from exclusive_redis_xcom.formats.observed import SEALED
from exclusive_redis_xcom.process import kind
from exclusive_redis_xcom.reporting import refusals, reports
from exclusive_redis_xcom.task import observing
from exclusive_redis_xcom.task.encryption import own_data_key

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Principal
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.task.access import Access


class Opened(NamedTuple):
    """A reference that is open or has no seal, and whether the API server opened it.

    If the value `is_gone`, its seal is closed. Only a value that may be gone can be so.
    """

    reference: Reference
    by_server: bool
    is_gone: bool = False

    @property
    def is_sealed(self) -> bool:
        """Whether the value cannot be opened with this reference."""
        return _is_sealed(self.reference)


def open_seals(
    access: Access,
    references: Sequence[Reference],
    principal: Principal | None,
    may_be_gone: Collection[int] = (),
) -> list[Opened]:
    """Return the references of one pull, each with its data key if it needs one.

    Args:
        access: The access of this process.
        references: The references of one pull.
        principal: Who asks; None if that cannot be established.
        may_be_gone: As for `task.pull.pull`.

    Raises:
        XComAccessDenied: The API server refused a reference, and the access list says why.
        XComAlreadyClaimed: The API server refused a read-once value, because another task instance has read it.
        XComExpired: The API server refused a read-once value, because Redis no longer has it.
        XComSealed: Nobody opened a seal. The text says what to do.
        InvalidReference: A seal was made for another reference.
    """
    if all(reference.seal is None for reference in references):
        return [Opened(reference, by_server=False) for reference in references]
    settings = access.settings
    opened = [opened_or_sealed(reference, principal, settings) for reference in references]
    for i in may_be_gone:
        if _is_sealed(opened[i].reference) and _reason(opened[i].reference) == seal.GONE:
            opened[i] = opened[i]._replace(is_gone=True)
    sealed = [one.reference for one in opened if _is_sealed(one.reference) and not one.is_gone]
    if sealed:
        # A value that was withheld because of another value says nothing by itself.
        telling = next((one for one in sealed if _reason(one) != seal.WITHHELD), sealed[0])
        error = refusals.sealed(telling, principal, kind.of_this_process(), settings.ttl)
        reports.sealed(telling, principal, error)
        if _reason(telling) is None:  # else the API server has recorded it
            observing.refused(access, telling.coordinate, principal, SEALED)
        raise error
    return opened


def opened_or_sealed(reference: Reference, principal: Principal | None, settings: Settings) -> Opened:
    """Open a seal if that is possible; else return the reference still sealed, with the reason if there is one."""
    if not _is_sealed(reference):
        return Opened(reference, by_server=reference.seal is not None)
    data_key = _own_after_the_end(reference, principal)
    if data_key is not None:
        return Opened(reference.opened(data_key), by_server=False)
    if kind.of_this_process() != "dag_test" or not settings.seal_private_keys or _reason(reference) is not None:
        return Opened(reference, by_server=False)
    # dag.test() is one process without an API server. Whoever runs it with the private keys may open what it pushed.
    verdict = open_for(reference, principal, settings.seal_private_keys, reports_only=settings.reports_only)
    if verdict.data_key is not None:
        return Opened(reference.opened(verdict.data_key), by_server=False)
    return Opened(reference.refused(verdict.refused or seal.DENIED), by_server=False)


def _own_after_the_end(reference: Reference, principal: Principal | None) -> bytes | None:
    """Return the data key if this process pushed the value, and the API server says only that the task is over."""
    is_own = claims.is_producer(principal, reference.coordinate)
    return own_data_key(reference.version) if is_own and _reason(reference) == seal.NOT_RUNNING else None


def is_withheld(reference: Reference) -> bool:
    """Tell whether the API server opened a read-once value to nobody, because it was asked for with others."""
    return _is_sealed(reference) and _reason(reference) == seal.WITHHELD


def _is_sealed(reference: Reference) -> bool:
    return reference.seal is not None and reference.seal.data_key is None


def _reason(reference: Reference) -> str | None:
    refused = None if reference.seal is None else reference.seal.refused
    return None if refused is None else refused.reason
