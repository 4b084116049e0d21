"""Does each kind of process hold the keys it needs, and none that it must not have?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import NO_SETTINGS
from exclusive_redis_xcom.settings import SECTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exclusive_redis_xcom.health.visit import Visit
    from exclusive_redis_xcom.settings import Settings

_PRIVATE = "seal_private_keys"
_PRIVATE_CHECK = "private keys"
_PUBLIC_CHECK = "public key"
_VARIABLE = f"AIRFLOW__{SECTION.upper()}__{_PRIVATE.upper()}"
_SUFFIXES = ("", "_CMD", "_SECRET")
_KEYGEN = "Make a pair of keys with `exclusive-xcom keygen`"


def private_keys(visit: Visit) -> Iterator[Finding]:
    """Check the private keys. API servers need them, and no other process may have them."""
    if visit.role == "worker":
        yield _no_private_keys(visit.settings, _sources(os.environ))
    elif visit.settings is None:
        yield Finding(_PRIVATE_CHECK, "skipped", NO_SETTINGS)
    elif visit.settings.seal_private_keys:
        ids = ", ".join(visit.settings.seal_private_keys.key_ids)
        yield Finding(_PRIVATE_CHECK, "ok", f"the private keys open what is sealed to {ids}")
    elif visit.settings.by_server:
        remedy = f"{_KEYGEN}. Set [{SECTION}] {_PRIVATE} on every API server."
        yield Finding(_PRIVATE_CHECK, "FAIL", "none, so the ring does not start", remedy)
    else:
        yield Finding(_PRIVATE_CHECK, "ok", "none, and none needed: enforcement = worker")


def public_key(visit: Visit) -> Iterator[Finding]:
    """Workers need the public key; on an API server it must be the other half of a private one."""
    settings = visit.settings
    if settings is None:
        yield Finding(_PUBLIC_CHECK, "skipped", NO_SETTINGS)
    elif settings.seal_public_key is None:
        yield _no_public_key(visit.role, settings)
    elif visit.role == "worker":
        yield Finding(_PUBLIC_CHECK, "ok", f"values are sealed to {settings.seal_public_key.key_id}")
    else:
        yield _pair(settings.seal_public_key.key_id, settings.seal_private_keys.key_ids)


def executor(visit: Visit) -> Iterator[Finding]:
    """LocalExecutor runs tasks below the scheduler, which has Airflow's database and the key that signs tokens."""
    from airflow.configuration import conf

    names = str(conf.get("core", "executor", fallback=""))
    local = "LocalExecutor" in names
    if not (local and visit.settings is not None and visit.settings.by_server):
        yield Finding("executor", "ok", names)
        return
    remedy = (
        "This is no boundary against hostile code. Tasks run below the scheduler. They can read its database login and "
        "the key that signs tokens, wherever the API server is. Use an executor whose workers have neither (Celery, "
        "Kubernetes, Edge)."
    )
    yield Finding("executor", "warning", f"{names} with enforcement = server", remedy)


def encryption(visit: Visit) -> Iterator[Finding]:
    """Check whether somebody who reads Redis can read the values."""
    settings = visit.settings
    if settings is None:
        yield Finding("values at rest", "skipped", NO_SETTINGS)
    elif settings.allow_plaintext_read and (settings.by_server or settings.encryption_keys):
        remedy = (
            f"Set [{SECTION}] allow_plaintext_read = False when the longest TTL in use has passed since you switched "
            "over. Until then, whoever can write to Redis can supply plain values."
        )
        yield Finding("values at rest", "warning", "plain values are still accepted (allow_plaintext_read)", remedy)
    else:
        yield Finding("values at rest", "ok", *_at_rest(settings))


CHECKS = (private_keys, public_key, executor, encryption)


def _no_private_keys(settings: Settings | None, sources: list[str]) -> Finding:
    if sources or (settings is not None and settings.seal_private_keys):
        where = ", ".join(sources) or f"[{SECTION}] {_PRIVATE}, wherever Airflow reads it from"
        remedy = (
            "If this is an API server, run `exclusive-xcom doctor --role api-server`. On a worker, remove the private "
            "keys: every task on this machine can open every sealed value with them. Then make a new pair, because "
            "these keys may have been read."
        )
        return Finding(_PRIVATE_CHECK, "FAIL", f"set on a worker: {where}", remedy)
    if settings is None:
        return Finding(_PRIVATE_CHECK, "skipped", NO_SETTINGS)
    return Finding(_PRIVATE_CHECK, "ok", "none, as it must be on workers")


def _no_public_key(role: str, settings: Settings) -> Finding:
    if not settings.by_server:
        return Finding(_PUBLIC_CHECK, "ok", "none, and none needed: enforcement = worker")
    if role == "worker":
        remedy = f"{_KEYGEN}. Set [{SECTION}] seal_public_key on every worker."
        return Finding(_PUBLIC_CHECK, "FAIL", "none, so nothing can be pushed", remedy)
    return Finding(_PUBLIC_CHECK, "ok", "not set; API servers do not need it")


def _pair(public: str, private: tuple[str, ...]) -> Finding:
    if not private:  # the other check fails
        return Finding(_PUBLIC_CHECK, "skipped", f"{public}; there are no private keys to compare it with")
    if public not in private:
        remedy = f"Set the public half of the newest key in [{SECTION}] {_PRIVATE}, here and on workers."
        return Finding(_PUBLIC_CHECK, "FAIL", f"{public} belongs to none of the private keys", remedy)
    if public != private[0]:
        remedy = (
            "To end the rotation of keys, give workers the newest public key. `exclusive-xcom keygen --help` has "
            "the steps."
        )
        return Finding(_PUBLIC_CHECK, "warning", f"{public} is not the newest key; {private[0]} is", remedy)
    return Finding(_PUBLIC_CHECK, "ok", f"{public}, the newest key")


def _at_rest(settings: Settings) -> tuple[str, str]:
    if settings.by_server and settings.seal == "all":
        return "sealed to the API server", ""
    if settings.encryption_keys:
        return f"encrypted with key {settings.encryption_keys.newest_id}", ""
    encrypt = "`exclusive-xcom keygen --encryption` makes a key that encrypts them."
    if settings.by_server:
        return "sealed if the XCom key has a rule (seal = restricted), otherwise plain", encrypt
    return "plain: whoever reads Redis reads the values", encrypt


def _sources(environment: Mapping[str, str]) -> list[str]:
    """List the names of options that tell this process private keys, even if the keys are empty or wrong."""
    from airflow.configuration import conf

    variables = [_VARIABLE + suffix for suffix in _SUFFIXES if environment.get(_VARIABLE + suffix, "").strip()]
    if variables:
        return variables
    named = [f"{_PRIVATE}{suffix.lower()}" for suffix in _SUFFIXES[1:]]
    return [f"[{SECTION}] {name} in airflow.cfg" for name in named if conf.get(SECTION, name, fallback=None)]
