"""Does sealing work here? With `enforcement = server`, the doctor seals a value, and opens it where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import NOBODY, Rule
from exclusive_redis_xcom.crypto.opening import open_for
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.health import probing
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import NO_SERVER_MODE, NO_SETTINGS
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.task.encryption import decrypt_payload, encrypt_payload
from exclusive_redis_xcom.task.new_reference import new_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.health.visit import Visit
    from exclusive_redis_xcom.settings import Settings

_CHECK = "sealing"
_CONSUMER, _STRANGER = "doctor-consumer", "doctor-stranger"
_BYTES = 100
_BUG = "Report this as a bug, with the version of the package cryptography."


def sealing(visit: Visit) -> Iterator[Finding]:
    """Check whether a value can be sealed here, and on API servers whether it opens for its consumer alone."""
    settings = visit.settings
    if settings is None:
        yield Finding(_CHECK, "skipped", NO_SETTINGS)
    elif not settings.by_server:
        yield Finding(_CHECK, "skipped", NO_SERVER_MODE)
    elif settings.seal_public_key is None and not settings.seal_private_keys:
        yield Finding(_CHECK, "skipped", "there is no key; see the checks of keys")
    else:
        yield _tried(settings)


CHECKS = (sealing,)


def _tried(settings: Settings) -> Finding:
    plain = probing.value(probing.coordinate(), _BYTES)
    acl = _acl(plain)  # a rule of its own, so that `seal = restricted` seals the value, too
    try:
        sealed = encrypt_payload(plain, acl, settings)
        reference = new_reference(
            None,
            plain,
            type_name="bytes",
            acl=acl,
            encrypted=sealed,
            pushed_at=plain.pushed_at,
            ttl=settings.ttl,
            settings=settings,
        )
        if sealed.seal is None or joined(sealed.envelope.payload) == joined(plain.payload):
            return Finding(_CHECK, "FAIL", "the value was not sealed", _BUG)
        if not settings.seal_private_keys:
            seen = f"a value was sealed to {sealed.seal.key_id}. Only API servers can open it: run the doctor there"
            return Finding(_CHECK, "ok", seen)
        return _opened(reference, sealed.envelope, plain, settings)
    except ExclusiveXComError as error:  # its text holds no key
        return Finding.of_error(_CHECK, error, _BUG)


def _opened(reference: Reference, stored: Envelope, plain: Envelope, settings: Settings) -> Finding:
    keys = settings.seal_private_keys
    key_id = "" if reference.seal is None else reference.seal.key_id
    if key_id not in keys.key_ids:
        return Finding(_CHECK, "FAIL", f"what is sealed to {key_id} does not open with the private keys here")
    verdict = open_for(reference, _principal(plain, _CONSUMER), keys)
    if verdict.data_key is None:
        return Finding(_CHECK, "FAIL", f"a value that was sealed to {key_id} did not open: {verdict.refused}", _BUG)
    opened = reference.opened(verdict.data_key)
    if joined((decrypt_payload(stored, opened.seal, verdict.acl, settings),)) != joined(plain.payload):
        return Finding(_CHECK, "FAIL", "the value that was opened is not the one that was sealed", _BUG)
    if open_for(reference, _principal(plain, _STRANGER), keys).data_key is not None:
        return Finding(_CHECK, "FAIL", "a sealed value opened for a task that no rule names", _BUG)
    return Finding(_CHECK, "ok", f"a value was sealed to {key_id}. It opened for its consumer, and for no other task")


def _acl(plain: Envelope) -> Acl:
    at = plain.coordinate
    return Acl(at.dag_id, (Rule(at.task_id, at.key, (_CONSUMER,), "exclusive-xcom doctor", exact=True),), NOBODY)


def _principal(plain: Envelope, task_id: str) -> Principal:
    at = plain.coordinate
    return Principal(at.dag_id, task_id, at.run_id, -1)
