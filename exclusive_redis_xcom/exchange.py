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
from typing import Any

from exclusive_redis_xcom import codec, identity, refusal
from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.declaration import frozen_acl, frozen_acl_by_id
from exclusive_redis_xcom.envelope import Envelope
from exclusive_redis_xcom.errors import InvalidAcl, InvalidReference
from exclusive_redis_xcom.model import RETURN_KEY, Coordinate, Decision, Principal
from exclusive_redis_xcom.redis_source import redis_options
from exclusive_redis_xcom.reference import Reference
from exclusive_redis_xcom.settings import Settings, load_settings
from exclusive_redis_xcom.store import Store, Stored

#: Airflow bounds ids at 250 and keys at 512 characters; what is longer cannot be a row of its database.
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
        self._require_owner(coordinate, "push")
        _require_bounded(coordinate)
        acl = self._acl_in_force(coordinate, value)
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
        pushed_at = self._store.push(envelope, acl=acl.dumps(), ttl=ttl)
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
        envelopes = [
            self._open(reference, found, principal) for reference, found in zip(references, stored, strict=True)
        ]
        return [self._decode(envelope) for envelope in envelopes]

    def purge(self, coordinate: Coordinate) -> None:
        """Remove a value of the running task; one that is not there is no error.

        Raises:
            XComAccessDenied: The running task does not own the coordinate.
            StoreUnavailable: Redis could not be asked.
        """
        self._require_owner(coordinate, "remove")
        self._store.purge(coordinate)

    def _open(self, reference: Reference, stored: Stored, principal: Principal | None) -> Envelope:
        """The referenced envelope, if this principal may have it. Nothing is decoded yet."""
        if not stored.found:
            raise refusal.expired(reference)
        decision, acl = _decide(stored.acl, reference.coordinate, principal)
        if not decision.allowed:
            self._refuse_pull(reference.coordinate, principal, decision, acl)
        if stored.envelope is None:
            raise refusal.expired(reference)
        if stored.envelope.version != reference.version:
            raise refusal.superseded(reference)
        return stored.envelope

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
    ) -> None:
        """Raise, or under ``mode = report`` only say what would have been refused."""
        error = refusal.pull_denied(coordinate, principal, decision, acl)
        refusal.report_pull(coordinate, error, would_only=self._settings.reports_only)
        if not self._settings.reports_only:
            raise error

    def _acl_in_force(self, coordinate: Coordinate, value: Any) -> Acl:
        """The rule for the XCom being pushed, from the ACL that was frozen when the DAG file was parsed."""
        task_instance = identity.running_task_instance()
        task = getattr(task_instance, "task", None)
        dag = getattr(task, "dag", None)
        frozen = frozen_acl_by_id(coordinate.dag_id) if dag is None else frozen_acl(dag, _run_conf(task_instance))
        if frozen is None:
            raise refusal.unknown_acl(coordinate)
        output_keys = None
        if coordinate.key == RETURN_KEY and isinstance(value, Mapping) and getattr(task, "multiple_outputs", False):
            output_keys = [key for key in value if isinstance(key, str)]
        return frozen.in_force(coordinate, output_keys, self._settings.ttl)

    def _require_owner(self, coordinate: Coordinate, action: str) -> None:
        principal = identity.current_principal()
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


def _decide(data: bytes | None, coordinate: Coordinate, principal: Principal | None) -> tuple[Decision, Acl | None]:
    """Ask ``acl.decide`` with the list that lies beside the value; one that cannot be read refuses."""
    try:
        acl = None if data is None else _acl_from(data)
    except InvalidAcl:
        acl = None
    return decide(acl, coordinate, principal), acl


def _owns(principal: Principal, coordinate: Coordinate, action: str) -> bool:
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
