"""Who gets the data key of a sealed value. The ring asks this for every reference, and `dag.test()` in its own process.

The seal is opened first. That proves that coordinate, version and access list were sealed together with this data key.
Only then is the access list believed and asked. A seal that an API server has wrapped also proves that the producer
itself pushed it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.crypto import (
    Forged,
    SealPrivateKeys,
    UnknownKey,
    open_key,
    seal_info,
    unwrap_key,
    unwrap_keys,
    wrap_aad,
    wrap_aads,
    wrap_key,
)
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.model import Decision

if TYPE_CHECKING:
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.formats.reference_facts import ReferenceFacts
    from exclusive_redis_xcom.formats.wrapped_rows import WrappedRows
    from exclusive_redis_xcom.model import Coordinate, Principal


#: Decisions for one principal, by the access list and the XCom at whatever map_index. Each holds its list.
KnownDecisions: TypeAlias = dict[tuple[int, str, str, str, str], tuple[Acl, Decision]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one reference opens for a principal. Exactly one of `data_key` and `refused` is set.

    Attributes:
        decision: The answer of the access list. Under `mode = report` a data key is given even against it.
        acl: The access list; None where the seal could not be opened, so that nothing is proven.
        data_key: The data key, for a principal who gets it.
        refused: Why the principal gets no data key, one of `seal.REASONS`.
    """

    decision: Decision
    acl: Acl | None = None
    data_key: bytes | None = field(default=None, repr=False)
    refused: str | None = None


def open_for(
    reference: ReferenceFacts,
    principal: Principal | None,
    private_keys: SealPrivateKeys,
    *,
    reports_only: bool = False,
    known: KnownDecisions | None = None,
) -> Verdict:
    """Open the seal of a stored reference for a principal, if the access list allows it. In doubt, refuse.

    This never raises.

    Args:
        reference: The reference, untrusted; see `reference.parse_stored`.
        principal: The verified, running task instance that asks; None where there is none.
        private_keys: The private keys of the API server.
        reports_only: Whether to give the data key even where the access list refuses (`mode = report`).
        known: The decisions for this principal so far. The results of a mapped task share one.
    """
    sealed = reference.seal
    if sealed is None or not sealed.is_stored:
        return _refused("the reference has no seal", seal.FORGED)
    try:
        data_key, acl = open_seal(reference, private_keys)
    except UnknownKey:
        return _refused(f"the API server holds no private key '{sealed.key_id}'", seal.UNKNOWN_KEY)
    except Forged:
        return _refused("the seal was not made for this reference", seal.FORGED)
    except InvalidAcl:
        return _refused("the rule in the seal is not one that exclusive-redis-xcom writes", seal.FORGED)
    decision = _decision(acl, reference.coordinate, principal, {} if known is None else known)
    if decision.allowed or (reports_only and principal is not None):
        return Verdict(decision, acl, data_key=data_key)
    return Verdict(decision, acl, refused=seal.NOT_RUNNING if principal is None else seal.DENIED)


def open_all(
    rows: WrappedRows, principal: Principal, private_keys: SealPrivateKeys
) -> tuple[list[Decision], list[bytes]] | None:
    """Open the wrapped keys of many results of one mapped task, if the principal may read all of them.

    This never raises. It opens what `open_for` opens, and nothing else.

    Args:
        rows: The rows, untrusted.
        principal: The verified, running task instance that asks.
        private_keys: The private keys of the API server.

    Returns:
        The decision for each kind of rows, and the data key of each row. It is None if any of them does not open, is
        refused, or may be read once.
    """
    known: KnownDecisions = {}
    decisions, seals = [], []
    for sample in rows.samples:
        verdict = open_for(sample, principal, private_keys, known=known)
        if sample.seal is None or verdict.acl is None or verdict.acl.once or not verdict.decision.allowed:
            return None
        decisions.append(verdict.decision)
        seals.append(sample.seal)
    of_rows = [seals[kind] for kind in rows.kinds]
    aads = wrap_aads(rows.samples[0].coordinate, rows.indexes, rows.versions, [one.acl for one in of_rows])
    try:
        return decisions, unwrap_keys(rows.wrapped, [one.key_id for one in of_rows], private_keys, aads)
    except (Forged, UnknownKey):
        return None


def open_seal(reference: ReferenceFacts, private_keys: SealPrivateKeys) -> tuple[bytes, Acl]:
    """Return the data key of a sealed value, and the rule that was sealed with it. No rule is asked.

    Args:
        reference: The reference, untrusted.
        private_keys: The private keys of the API server.

    Raises:
        Forged: The reference has no sealed or wrapped key, or the key was not made for this reference and rule.
        UnknownKey: The private key is not among the keys.
        InvalidAcl: The rule in the seal is not one that this package writes.
    """
    sealed = reference.seal
    if sealed is not None and sealed.wrapped_key is not None:
        aad = wrap_aad(reference.coordinate, reference.version, sealed.acl)
        data_key = unwrap_key(sealed.wrapped_key, sealed.key_id, private_keys, aad)
    elif sealed is not None and sealed.sealed_key is not None:
        info = seal_info(reference.coordinate, reference.version, sealed.acl)
        data_key = open_key(sealed.sealed_key, sealed.key_id, private_keys, info)
    else:
        raise Forged("The reference has no seal.")
    return data_key, Acl.loads_again(sealed.acl)


def wrap_seal(reference: Reference, private_keys: SealPrivateKeys) -> Reference:
    """Return a reference with its data key wrapped, in place of the sealed key that a push wrote.

    The wrapping key comes from the private key to which the push sealed. Each API server that can open the seal can so
    open the wrapped key, also while a new key reaches one server after the other.

    Args:
        reference: The reference, as the producer pushed it. The caller has checked that it is the producer.
        private_keys: The private keys of the API server.

    Raises:
        Forged, UnknownKey, InvalidAcl: As for `open_seal`.
    """
    if reference.seal is None or not reference.seal.is_as_pushed:
        raise Forged("The reference has no seal that a push wrote.")
    data_key, _ = open_seal(reference, private_keys)
    aad = wrap_aad(reference.coordinate, reference.version, reference.seal.acl)
    return reference.wrapped(wrap_key(data_key, reference.seal.key_id, private_keys, aad))


def _decision(acl: Acl, at: Coordinate, principal: Principal | None, known: KnownDecisions) -> Decision:
    # `loads_again` gives the same list for the same bytes, and `known` keeps the list, so no other has its id.
    about = id(acl), at.dag_id, at.run_id, at.task_id, at.key
    if about not in known:
        known[about] = acl, decide(acl, at, principal)
    return known[about][1]


def _refused(why: str, reason: str) -> Verdict:
    return Verdict(Decision(False, why), refused=reason)
