"""Reveal one value to the person at the shell: `exclusive-xcom show --value`.

A line goes into Airflow's audit log before the value leaves Redis. If the line cannot be written, nothing is shown. A
read-once value is never shown. The value itself is never made: see `exclusive_redis_xcom.preview`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.api_server.requests import xcom_table
from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.cli.live import stored_rules
from exclusive_redis_xcom.crypto import Forged, UnknownKey
from exclusive_redis_xcom.crypto.opening import open_seal
from exclusive_redis_xcom.errors import ExclusiveXComError, InvalidAcl, InvalidReference, StoreUnavailable
from exclusive_redis_xcom.formats import reference
from exclusive_redis_xcom.preview import MOST_BYTES, Preview, preview
from exclusive_redis_xcom.preview.preview import TOO_LARGE
from exclusive_redis_xcom.preview.structure import hidden
from exclusive_redis_xcom.task import spill
from exclusive_redis_xcom.task.encryption import decrypt_payload
from exclusive_redis_xcom.task.may_read import may_read
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.formats.seal import Seal
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Store
    from exclusive_redis_xcom.store.inventory import Held, Inventory

#: Encryption and compression add less than this.
_MOST_OVERHEAD: Final = 64 * 1024
#: The fields beside the value: claims, marks, and the rule.
_MOST_BESIDE: Final = 2 * 1024 * 1024
_ONCE: Final = (
    "The value may be read once, by a task that its rule names. It is never shown here, claimed or not: this command "
    "claims nothing."
)
_UNREADABLE_RULE: Final = "The rule that Redis holds beside the value cannot be read. So the value is not shown."
_UNREADABLE_HEAD: Final = (
    "The head of the value cannot be read: it is damaged, or is that of another XCom, or something else wrote it. So "
    "the value is not shown."
)
_GONE: Final = "Redis no longer holds the value: it has expired, or was removed just now."
_REPLACED: Final = (
    "The row in Airflow's database refers to another push than the one that Redis holds. So no task can pull this "
    "value, and it is not shown."
)
_FOREIGN: Final = (
    "The row in Airflow's database holds a value that this package did not write. Tasks get that value, and not the "
    "one in Redis. So the one in Redis is not shown."
)
_OF_ANOTHER: Final = (
    "The row in Airflow's database names another XCom: it was copied or forged. So the value is not shown."
)
_NO_ROW: Final = "Airflow's database has no row of this XCom. So no task can pull it."
_NO_SEAL: Final = (
    "The value is sealed, and Airflow's database has no row with its sealed key. So nobody can open the value."
)
_SEALED: Final = (
    "The value is sealed to the API server's key, and this process has no seal_private_keys. Run the command with an "
    "API server's settings."
)
_UNKNOWN_KEY: Final = (
    "The value is sealed to a key that is not among the seal_private_keys of this process. Run the command with the "
    "settings of an API server that has the key."
)
_FORGED: Final = "The seal in Airflow's database was not made for this XCom and rule. So the value is not shown."


class Chosen(NamedTuple):
    """The value that is shown, and how many there were to choose from."""

    inventory: Inventory
    held: Held
    candidates: int

    @property
    def at(self) -> Coordinate:
        """The value's coordinate."""
        return replace(self.inventory.at, map_index=self.held.map_index)


class _NotShownError(Exception):
    """The value is not shown. The text is a sentence that says why."""


def choose(found: Sequence[Inventory]) -> Chosen | None:
    """Return the newest of the values that were found; None if there is none."""
    candidates = [(each, held) for each in found for held in each.held]
    if not candidates:
        return None
    inventory, held = max(candidates, key=lambda one: _pushed_at(one[1]))
    return Chosen(inventory, held, len(candidates))


@errors_without_locals
def reveal(store: Store, settings: Settings, chosen: Chosen) -> Preview:
    """Return the preview of a value, or why it is not shown.

    Raises:
        UndecidedError: The audit log cannot be written, or Airflow's database cannot be read. Nothing was read from
            Redis.
        StoreUnavailable: Redis or object storage cannot be reached, or refuses.
    """
    try:
        _require_eligible(chosen)
        _put_on_record(chosen.at)
        row = _row(chosen.at)
        envelope, acl = _fetched(store, chosen.at)
        seal = _seal_in(row, envelope, settings)
        payload = decrypt_payload(spill.fetched(envelope, settings), seal, acl, settings)
    except _NotShownError as problem:
        return hidden(str(problem))
    except (StoreUnavailable, UndecidedError):
        raise
    except ExclusiveXComError as problem:  # its text is made for people, and quotes no value
        return hidden(str(problem))
    shown = preview(envelope.codec, envelope.compression, envelope.decoded_size, payload)
    return replace(shown, reason=_NO_ROW) if row is None and shown.reason is None else shown


def _pushed_at(held: Held) -> tuple[bool, datetime | None]:
    return (False, None) if held.envelope is None else (True, held.envelope.pushed_at)


def _require_eligible(chosen: Chosen) -> None:
    """Refuse what needs no look at the value. Nothing goes on record then."""
    acl, head = stored_rules.rule_of(chosen.inventory.acl), chosen.held.envelope
    if acl is None:
        raise _NotShownError(_UNREADABLE_RULE)
    if acl.once or chosen.held.claimed:
        raise _NotShownError(_ONCE)
    if head is None:
        raise _NotShownError(_UNREADABLE_HEAD)
    in_redis = MOST_BYTES + _MOST_OVERHEAD + _MOST_BESIDE
    if (
        head.decoded_size > MOST_BYTES
        or head.payload_size > MOST_BYTES + _MOST_OVERHEAD
        or chosen.held.bytes > in_redis
    ):
        raise _NotShownError(TOO_LARGE)


def _put_on_record(at: Coordinate) -> None:
    who = _who()
    extra = {"who": who, "what": str(at), "key": at.key, "why": "exclusive-xcom show --value"}
    record = audit.Record(audit.REVEALED, at, who, extra)
    try:
        _connect()
        audit.write_now(record)
    except Exception as error:  # of Airflow or of any driver, whose text may quote the database's URL
        cause = str(error) if isinstance(error, audit.AuditFailed) else type(error).__name__
        raise UndecidedError(
            f"Airflow's audit log cannot be written ({cause}), so nothing is shown.\n"
            "A value is shown only after a line in the audit log says who asked.\n"
            "Run the command where [database] sql_alchemy_conn is set, and check it with `airflow db check`."
        ) from None


def _connect() -> None:
    from airflow import settings

    if settings.NonScopedSession is None:  # an earlier import of Airflow failed half-way
        settings.configure_orm()


def _who() -> str:
    """Name the person, as far as the system knows: variables of the environment do not count."""
    import os
    import pwd
    import socket

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _row(at: Coordinate) -> Reference | None:
    """Return the reference in the XCom's row; None where there is no row."""
    try:
        found = xcom_table.value_at(at)
    except Exception as error:  # of any driver, whose text may quote the database's URL
        raise UndecidedError(
            f"Airflow's database cannot be read ({type(error).__name__}), so nothing is shown.\n"
            "Check [database] sql_alchemy_conn with `airflow db check`."
        ) from None
    if found is None:
        return None
    (value,) = found
    if not reference.is_reference(value):
        raise _NotShownError(_FOREIGN)
    try:
        parsed = reference.parse_stored(value)
    except InvalidReference as error:
        raise _NotShownError(str(error)) from None
    if parsed.coordinate != at:
        raise _NotShownError(_OF_ANOTHER)
    return parsed


def _fetched(store: Store, at: Coordinate) -> tuple[Envelope, Acl]:
    """Return what Redis holds, and the value's own rule."""
    stored = store.fetch(at)
    # Nobody's rights are asked for: whoever has the keys and Redis decides about them. What else must hold, must hold.
    permission = may_read(stored, at, None, reports_only=True)
    if stored.envelope is None or permission.obstacle == "gone":
        raise _NotShownError(_GONE)
    if permission.acl is None:
        raise _NotShownError(_UNREADABLE_RULE)
    if permission.obstacle is not None or permission.acl.once:
        raise _NotShownError(_ONCE)
    if stored.envelope.decoded_size > MOST_BYTES or stored.envelope.payload_size > MOST_BYTES + _MOST_OVERHEAD:
        raise _NotShownError(TOO_LARGE)  # somebody has pushed again
    return stored.envelope, permission.acl


def _seal_in(row: Reference | None, envelope: Envelope, settings: Settings) -> Seal | None:
    """Return the opened seal of a value; None where it has none."""
    if row is None:
        if (envelope.key_id or "").startswith("seal:"):
            raise _NotShownError(_NO_SEAL)
        return None
    if row.version != envelope.version:
        raise _NotShownError(_REPLACED)
    if row.seal is None:
        return None
    if not settings.seal_private_keys:
        raise _NotShownError(_SEALED)
    try:
        data_key, acl = open_seal(row, settings.seal_private_keys)
    except UnknownKey:
        raise _NotShownError(_UNKNOWN_KEY) from None
    except (Forged, InvalidAcl):
        raise _NotShownError(_FORGED) from None
    if acl.once:
        raise _NotShownError(_ONCE)
    return row.opened(data_key).seal
