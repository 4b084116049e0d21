"""Who gets a sealed value's data key: what the ring asks for every reference, and `dag.test()` in its own process.

The seal is opened first. That proves that coordinate, version and access list are those that were sealed with this data
key; only then is the access list believed and asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.crypto import Forged, SealPrivateKeys, UnknownKey, open_key, seal_info
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.model import Decision

if TYPE_CHECKING:
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Principal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with one reference.

    `data_key` is there exactly where the value is to be released, `refused` (one of `seal.REASONS`) exactly
    where not. `decision` is the access list's own answer: under `mode = report` a value is released against it.
    `acl` is None where the seal could not be opened, so that nothing about it is proven.
    """

    decision: Decision
    acl: Acl | None = None
    data_key: bytes | None = field(default=None, repr=False)
    refused: str | None = None


def open_for(
    reference: Reference,
    principal: Principal | None,
    private_keys: SealPrivateKeys,
    *,
    reports_only: bool = False,
) -> Verdict:
    """Open a reference as it lies in Airflow's database, and decide. In doubt: refused. Never raises.

    Args:
        reference: Untrusted; see `reference.parse_stored`.
        principal: The running task instance that asks, verified; None where there is none.
        private_keys: The API server's.
        reports_only: `mode = report`: release what the access list refuses.
    """
    sealed = reference.seal
    if sealed is None or sealed.sealed_key is None:
        return _refused("the reference has no seal", seal.FORGED)
    info = seal_info(reference.coordinate, reference.version, sealed.acl)
    try:
        data_key = open_key(sealed.sealed_key, sealed.key_id, private_keys, info)
        acl = Acl.loads_again(sealed.acl)
    except UnknownKey:
        return _refused(f"the API server holds no private key '{sealed.key_id}'", seal.UNKNOWN_KEY)
    except (Forged, InvalidAcl):
        return _refused("the seal was not made for this reference", seal.FORGED)
    decision = decide(acl, reference.coordinate, principal)
    if decision.allowed or (reports_only and principal is not None):
        return Verdict(decision, acl, data_key=data_key)
    return Verdict(decision, acl, refused=seal.NOT_RUNNING if principal is None else seal.DENIED)


def _refused(why: str, reason: str) -> Verdict:
    return Verdict(Decision(False, why), refused=reason)
