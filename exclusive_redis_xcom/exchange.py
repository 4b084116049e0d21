"""Push, pull and purge: the order of the checks, and nothing of Airflow's calling conventions.

Push: the task owns the coordinate → its key's rule in force → encode → one script writes value, rule and TTL.
Pull: fetch value and rule → ``acl.decide`` → the value is the referenced one → decode.
Purge: the task owns the coordinate → one script removes the field.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal

from exclusive_redis_xcom import codec, identity, refusal
from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.declaration import frozen_acl, frozen_acl_by_id
from exclusive_redis_xcom.envelope import Envelope
from exclusive_redis_xcom.errors import ExclusiveXComError, InvalidAcl, InvalidReference
from exclusive_redis_xcom.model import NOT_MAPPED, RETURN_KEY, Coordinate, Decision, Principal
from exclusive_redis_xcom.redis_source import redis_options
from exclusive_redis_xcom.reference import Reference
from exclusive_redis_xcom.settings import Settings, load_settings
from exclusive_redis_xcom.store import Store, Stored

Action = Literal["push", "remove"]

#: Airflow bounds ids at 250 and keys at 512 characters; what is far longer cannot be a row of its database.
_MAX_ID_LENGTH = 1000


class Exchange:
    """One process's access to XCom values under one set of settings.

    Args:
        settings: The checked section of Airflow's configuration.
        store: Where the values are.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    def push(self, coordinate: Coordinate, value: Any) -> Reference:
        """Store a value of the running task.

        Raises:
            XComAccessDenied: The running task does not own the coordinate, or its DAG's ACL is unknown.
            XComTooLarge, XComNotSerializable: Nothing was sent.
            StoreUnavailable: Redis did not take it; an earlier value is unchanged.
        """
        self.require_owner(coordinate, "push")
        _require_bounded(coordinate)
        shared_acl, acl = self._acls_in_force(coordinate, value)
        encoded = codec.encode(value, compression=self._settings.compression, max_bytes=self._settings.max_value_bytes)
        envelope = Envelope(
            coordinate=coordinate,
            version=secrets.token_hex(16),
            codec=encoded.codec,
            compression=encoded.compression,
            decoded_size=encoded.decoded_size,
            pushed_at=datetime.now(timezone.utc),
            payload=encoded.payload,
        )
        ttl = acl.ttl or self._settings.ttl
        is_mapped = coordinate.map_index != NOT_MAPPED
        pushed_at = self._store.push(
            envelope, acl=shared_acl.dumps(), ttl=ttl, own_acl=acl.dumps() if is_mapped else None
        )
        return Reference(
            coordinate=coordinate,
            version=envelope.version,
            type_name=encoded.type_name[:_MAX_ID_LENGTH],
            size=encoded.decoded_size,
            consumers=acl.consumers,
            rule=acl.source[:_MAX_ID_LENGTH],
            pushed_at=pushed_at,
            expires_at=pushed_at + ttl,
        )

    def pull(self, references: Sequence[Reference]) -> list[Any]:
        """Fetch the values that the references point to, in their order, in few round trips.

        Raises:
            XComAccessDenied: The running task may not read one of them; none is returned.
            XComExpired: Redis no longer holds one of them.
            CorruptValue: Redis holds something else than what was pushed.
            StoreUnavailable: Redis could not be asked.
        """
        principal = identity.current_principal()
        stored = self._store.fetch_many(
            [reference.coordinate for reference in references], [reference.size for reference in references]
        )
        problems = (self._problem(at, found, principal) for at, found in zip(references, stored, strict=True))
        problem = next(filter(None, problems), None)
        if problem is not None:
            del stored, problems  # the task that catches the error also gets this frame
            raise problem
        return [self._decode(found.envelope) for found in stored if found.envelope is not None]

    def purge(self, coordinate: Coordinate) -> None:
        """Remove a value of the running task; one that is not there is no error.

        Raises:
            XComAccessDenied: The running task does not own the coordinate.
            StoreUnavailable: Redis could not be asked.
        """
        self.require_owner(coordinate, "remove")
        self._store.purge(coordinate)

    def _problem(self, reference: Reference, stored: Stored, principal: Principal | None) -> ExclusiveXComError | None:
        """Why this principal may not have, or cannot get, the referenced value. Nothing is decoded yet."""
        if not stored.found:
            return refusal.expired(reference)
        rules = _rules(reference.coordinate, stored)
        for acl in rules:
            decision = decide(acl, reference.coordinate, principal)
            if not decision.allowed:
                denied = self._refuse_pull(reference.coordinate, principal, decision, acl)
                if denied is not None:
                    return denied
                break
        if stored.envelope is None or _outlived(stored.envelope, rules[-1]):
            return refusal.expired(reference)
        if stored.envelope.version != reference.version:
            return refusal.superseded(reference)
        return None

    def _decode(self, envelope: Envelope) -> Any:
        return codec.decode(
            envelope.payload,
            codec=envelope.codec,
            compression=envelope.compression,
            decoded_size=envelope.decoded_size,
            max_bytes=self._settings.max_value_bytes,
        )

    def _refuse_pull(
        self, coordinate: Coordinate, principal: Principal | None, decision: Decision, acl: Acl | None
    ) -> ExclusiveXComError | None:
        """The error; None under ``mode = report``, which only says what would have been refused."""
        error = refusal.pull_denied(coordinate, principal, decision, acl)
        refusal.report_pull(coordinate, error, would_only=self._settings.reports_only)
        return None if self._settings.reports_only else error

    def _acls_in_force(self, coordinate: Coordinate, value: Any) -> tuple[Acl, Acl]:
        """The rules from the ACL that was frozen when the DAG file was parsed: for the key, and for this value.

        They differ for the ``return_value`` of multiple outputs, which also depends on the keys it copies.
        """
        task_instance = identity.running_task_instance()
        task = getattr(task_instance, "task", None)
        dag = getattr(task, "dag", None)
        frozen = frozen_acl_by_id(coordinate.dag_id) if dag is None else frozen_acl(dag, _run_conf(task_instance))
        if frozen is None:
            error = refusal.unknown_acl(coordinate)
            refusal.report_write(coordinate, error)
            raise error
        whole = frozen.in_force(coordinate, None, self._settings.ttl)
        # A task that is not known may have multiple outputs.
        if coordinate.key != RETURN_KEY or not getattr(task, "multiple_outputs", task is None):
            return whole, whole
        output_keys = [key for key in value if isinstance(key, str)] if isinstance(value, Mapping) else []
        narrowed = frozen.in_force(coordinate, output_keys, self._settings.ttl)
        return (narrowed if coordinate.map_index == NOT_MAPPED else whole), narrowed

    def require_owner(self, coordinate: Coordinate, action: Action) -> None:
        """Refuse whoever is not the task instance that the coordinate belongs to.

        Raises:
            XComAccessDenied: Logged and counted as well.
        """
        principal = identity.clearing_principal() if action == "remove" else identity.current_principal()
        if principal is None or not _owns(principal, coordinate, action):
            error = refusal.write_denied(coordinate, principal, action)
            refusal.report_write(coordinate, error)
            raise error


@functools.cache
def current_exchange() -> Exchange:
    """The process's exchange, made at first use from Airflow's configuration.

    Raises:
        ConfigurationError: A setting, or the Redis it names, is wrong.
    """
    settings = load_settings()
    timeouts = Timeouts(connect=settings.connect_timeout, read=settings.read_timeout, deadline=settings.retry_deadline)
    client = RedisClient(redis_options(settings), timeouts)
    return Exchange(settings, Store(client, key_prefix=settings.key_prefix))


@functools.lru_cache(maxsize=128)
def _acl_from(data: bytes) -> Acl:
    # The results of a mapped task share one hash, hence one list.
    return Acl.loads(data)


def _rules(coordinate: Coordinate, stored: Stored) -> list[Acl | None]:
    """The lists that must all allow a pull: the key's, and where the task is mapped the value's own, which is last.

    None for one that is missing or cannot be read: that refuses.
    """
    texts = [stored.acl] if coordinate.map_index == NOT_MAPPED else [stored.acl, stored.own_acl]
    return [_readable(text) for text in texts]


def _readable(text: bytes | None) -> Acl | None:
    try:
        return None if text is None else _acl_from(text)
    except InvalidAcl:
        return None


def _outlived(envelope: Envelope, acl: Acl | None) -> bool:
    """Whether a value of a mapped task has outlived its own TTL, in a hash that its siblings keep alive.

    By the workers' clocks; everywhere else Redis' clock alone counts.
    """
    if envelope.coordinate.map_index == NOT_MAPPED or acl is None or acl.ttl is None:
        return False
    return datetime.now(timezone.utc) > envelope.pushed_at + acl.ttl


def _owns(principal: Principal, coordinate: Coordinate, action: Action) -> bool:
    if (principal.dag_id, principal.task_id) != (coordinate.dag_id, coordinate.task_id):
        return False
    if principal.run_id is None and action == "remove":
        # Airflow 3.1 clears a task's old XComs before it says which run this is; no code of the DAG has run
        # but its top level. See identity.py.
        return True
    return (principal.run_id, principal.map_index) == (coordinate.run_id, coordinate.map_index)


def _run_conf(task_instance: Any) -> Mapping[str, Any]:
    from_server = getattr(task_instance, "_ti_context_from_server", None)
    return getattr(getattr(from_server, "dag_run", None), "conf", None) or {}


def _require_bounded(coordinate: Coordinate) -> None:
    for name in ("dag_id", "run_id", "task_id", "key"):
        if len(getattr(coordinate, name)) > _MAX_ID_LENGTH:
            raise InvalidReference(f"The {name} of an XCom is longer than {_MAX_ID_LENGTH} characters.")
