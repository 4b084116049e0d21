"""A pull, step by step.

Sealed references are opened; value and rule are fetched; `acl.decide`; the value must be the referenced one; what
may be read once is claimed; then it is decrypted, decoded, and masked in logs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import codec
from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.reporting import masking, metrics, refusals
from exclusive_redis_xcom.task import spill
from exclusive_redis_xcom.task.claim import claim
from exclusive_redis_xcom.task.encryption import decrypt_payload
from exclusive_redis_xcom.task.open_seals import Opened, open_seals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.errors import ExclusiveXComError
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.formats.seal import Seal
    from exclusive_redis_xcom.model import Coordinate, Principal
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Store, Stored


@dataclass(frozen=True, slots=True)
class _Finding:
    """What Redis holds for one reference: a value that may be read, or what speaks against reading it.

    `acl` is the value's own rule; None, under `mode = report` only, where there is none that can be read.
    """

    reference: Reference
    acl: Acl | None = None
    envelope: Envelope | None = field(default=None, repr=False)
    problem: ExclusiveXComError | None = None


def pull(references: Sequence[Reference], settings: Settings, store: Store) -> list[Any]:
    """Fetch the values that the references point to, in their order, in few round trips.

    Raises:
        XComAccessDenied: The running task may not read one of them; none is returned.
        XComAlreadyClaimed: One may be read once, and another task instance has.
        XComSealed: One is sealed, and nobody opened it for this process.
        XComExpired: Redis no longer holds one of them.
        CorruptValue: Redis holds something else than what was pushed.
        ConfigurationError: One is encrypted with a key that this process lacks.
        StoreUnavailable: Redis could not be asked.
    """
    principal = identity.current_principal()
    opened = open_seals(references, principal, settings)
    findings, seconds = _fetch(opened, principal, settings, store)
    problem = next((finding.problem for finding in findings if finding.problem is not None), None)
    if problem is None:
        problem = _claim(opened, findings, principal, settings, store)
    if problem is not None:
        del findings, opened  # the task that catches the error also gets this frame
        raise problem
    metrics.pulled([(finding.reference.coordinate, _size(finding)) for finding in findings], seconds=seconds)
    return [_value(finding, settings) for finding in findings]


def _fetch(
    opened: Sequence[Opened], principal: Principal | None, settings: Settings, store: Store
) -> tuple[list[_Finding], float]:
    """What there is for each reference, and the seconds that Redis took."""
    start = time.perf_counter()
    stored = store.fetch_many([one.reference.coordinate for one in opened], [one.reference.size for one in opened])
    seconds = time.perf_counter() - start
    findings = [_finding(one.reference, found, principal, settings) for one, found in zip(opened, stored, strict=True)]
    return findings, seconds


def _finding(reference: Reference, stored: Stored, principal: Principal | None, settings: Settings) -> _Finding:
    """Whether this principal may have the referenced value, and whether it is there. Nothing is decoded yet."""
    if not stored.found:
        return _Finding(reference, problem=refusals.expired(reference))
    rules = [readable_rule(text) for text in rule_texts(reference.coordinate, stored)]
    for acl in rules:
        denied = _denied(reference.coordinate, principal, acl, settings)
        if denied is not None:
            return _Finding(reference, problem=denied)
    own = rules[-1]
    if stored.envelope is None or outlived(stored.envelope, own):
        return _Finding(reference, problem=refusals.expired(reference))
    if stored.envelope.version != reference.version:
        return _Finding(reference, problem=refusals.superseded(reference))
    return _Finding(reference, own, stored.envelope)


def _denied(
    coordinate: Coordinate, principal: Principal | None, acl: Acl | None, settings: Settings
) -> ExclusiveXComError | None:
    """The refusal; None where the rule allows, or under `mode = report`, which only says what would be refused."""
    decision = decide(acl, coordinate, principal)
    if decision.allowed:
        return None
    error = refusals.pull_denied(coordinate, principal, decision, acl)
    refusals.report_pull(coordinate, error, would_only=settings.reports_only)
    return None if settings.reports_only else error


def _claim(
    opened: Sequence[Opened],
    findings: Sequence[_Finding],
    principal: Principal | None,
    settings: Settings,
    store: Store,
) -> ExclusiveXComError | None:
    """Claim the values that may be read once, unless the API server did when it opened them."""
    once = [
        finding.reference
        for one, finding in zip(opened, findings, strict=True)
        if finding.acl is not None and finding.acl.once and not one.by_server
    ]
    return claim(once, principal, settings, store) if once else None


def _value(finding: _Finding, settings: Settings) -> Any:
    if finding.envelope is None:
        raise refusals.expired(finding.reference)
    return decoded(finding.envelope, finding.reference.seal, finding.acl, settings)


def decoded(envelope: Envelope, seal: Seal | None, acl: Acl | None, settings: Settings) -> Any:
    """The value in an envelope, for who may read it: decrypted, decoded, and masked in logs.

    Args:
        envelope: What Redis holds.
        seal: The reference's, opened.
        acl: The value's own rule; None as for `_Finding`.
        settings: Of this process.

    Raises:
        CorruptValue, ConfigurationError: As for `pull`.
    """
    value = codec.decode(
        decrypt_payload(spill.fetched(envelope, settings), seal, acl, settings),
        codec=envelope.codec,
        compression=envelope.compression,
        decoded_size=envelope.decoded_size,
        max_bytes=settings.max_value_bytes,
    )
    if masking.applies(settings.mask, acl is None or acl.restricted):
        masking.mask(value, str(envelope.coordinate))
    return value


def _size(finding: _Finding) -> int:
    return 0 if finding.envelope is None else finding.envelope.payload_size


def rule_texts(coordinate: Coordinate, stored: Stored) -> list[bytes | None]:
    """The rules that must all allow a pull: the key's, and where the task is mapped the value's own, which is last."""
    return [stored.acl] if coordinate.map_index == NOT_MAPPED else [stored.acl, stored.own_acl]


def readable_rule(text: bytes | None) -> Acl | None:
    """The rule; None, which refuses, for one that is missing or cannot be read."""
    try:
        return None if text is None else Acl.loads_again(text)
    except InvalidAcl:
        return None


def outlived(envelope: Envelope, acl: Acl | None) -> bool:
    """Whether a value of a mapped task has outlived its own TTL, in a hash that its siblings keep alive.

    By the workers' clocks; everywhere else Redis' clock alone counts.
    """
    ttl = None if acl is None or envelope.coordinate.map_index == NOT_MAPPED else acl.ttl
    return ttl is not None and datetime.now(timezone.utc) - envelope.pushed_at > ttl
