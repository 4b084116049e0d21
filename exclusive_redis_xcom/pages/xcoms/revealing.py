"""Reveal one value: fetch it as a pull does, write an audit row, and only then hand out what is shown of it."""

from __future__ import annotations

import contextlib
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.crypto import Forged, UnknownKey
from exclusive_redis_xcom.crypto.opening import open_seal
from exclusive_redis_xcom.errors import ExclusiveXComError, InvalidAcl, XComTooLarge
from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.pages.xcoms import reveal
from exclusive_redis_xcom.pages.xcoms.entries import may_reveal
from exclusive_redis_xcom.pages.xcoms.states import State
from exclusive_redis_xcom.preview import MOST_BYTES, preview
from exclusive_redis_xcom.store.inventory import Held
from exclusive_redis_xcom.store.known import Known
from exclusive_redis_xcom.task import spill
from exclusive_redis_xcom.task.encryption import decrypt_payload
from exclusive_redis_xcom.task.may_read import may_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.memory import Buffer
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.pages.xcoms.entries import Viewer
    from exclusive_redis_xcom.pages.xcoms.rows import Row
    from exclusive_redis_xcom.preview import Preview
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")

#: So many values are fetched and decoded at once. Others wait so many seconds for their turn.
_AT_ONCE: Final = 4
_WAIT_SECONDS: Final = 3
_turns = threading.BoundedSemaphore(_AT_ONCE)

#: Compressed data may be longer than what was compressed, by less than this.
_OVERHEAD: Final = 64 * 1024

BUSY: Final = "Other values are being revealed at this moment. Try again."
NOT_AUDITED: Final = (
    "The audit row could not be written, so the value is not shown. The API server's log has the kind of error."
)
_UNKNOWN_KEY: Final = "The value is sealed, and this API server does not hold the private key that opens it."
_FORGED: Final = "The seal of this row was not made for this XCom: the row was edited or forged."
_NO_ENCRYPTION_KEY: Final = (
    "The value is encrypted with encryption_keys, and this API server does not hold the key. Only workers need such "
    "keys. API servers that reveal values need them, too."
)
_OBSTACLES: Final = {
    "gone": State.LOST.sentence,
    "superseded": State.SUPERSEDED.sentence,
    "denied": reveal.NO_STORED_RULE.sentence,
    "unclaimed": reveal.ONCE.sentence,
}


class NotRevealed(Exception):  # noqa: N818 - says what happened, like the errors of errors.py
    """A value is not shown.

    Args:
        sentence: The reason. It quotes nothing of the value.
        status: The status of the answer.
    """

    def __init__(self, sentence: str, status: int = 409) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Wait for a turn.

    Raises:
        NotRevealed: There is none in time.
    """
    if not _turns.acquire(timeout=_WAIT_SECONDS):
        raise NotRevealed(BUSY, 503)
    try:
        yield
    finally:
        _turns.release()


@dataclass(frozen=True, slots=True)
class Server:
    """What revealing takes of this API server: its store, its settings, and what writes an audit row."""

    store: Store
    settings: Settings
    write: Callable[[audit.Record], None] = audit.write_now


def revealed(row: Row, known: Known | None, state: State, viewer: Viewer, user: Any, server: Server) -> Preview:
    """Return what is shown of a value, after the audit row about it was written. It blocks.

    The value is read as its own task reads it. So a rule that cannot be read, another version, and a value or a seal
    of another XCom are refused here as in a pull.

    Args:
        row: The row of Airflow's database.
        known: What Redis holds for it.
        state: In which state the XCom is.
        viewer: By which rules it is decided.
        user: The user who asks, as Airflow knows them.
        server: What this API server has.

    Raises:
        NotRevealed: The value is not shown.
    """
    _require(may_reveal(row, known, state, viewer), row.at, user, server)
    if row.reference is None:
        raise NotRevealed(State.FOREIGN.sentence)
    try:
        payload, envelope = _payload(row, row.reference, state, viewer, user, server)
    except XComTooLarge:
        raise NotRevealed(reveal.TOO_LARGE.sentence) from None
    except ExclusiveXComError as error:
        raise NotRevealed(str(error).splitlines()[0]) from None
    shown = preview(envelope.codec, envelope.compression, envelope.decoded_size, payload)
    try:
        server.write(_record(audit.REVEALED, row.at, user, f"ui_reveal = {viewer.setting}"))
    except audit.AuditFailed as error:
        log.error("The audit log could not be written: %s", error)
        raise NotRevealed(NOT_AUDITED, 503) from None
    return shown


def _payload(
    row: Row, reference: Reference, state: State, viewer: Viewer, user: Any, server: Server
) -> tuple[Buffer, Envelope]:
    settings = server.settings
    more: list[Acl | None] = []
    if reference.seal is not None:
        reference, acl = _opened(reference, settings)
        more = [acl]
    at = reference.coordinate
    stored = server.store.fetch_small(at, MOST_BYTES + _OVERHEAD)
    producer = Principal(at.dag_id, at.task_id, at.run_id, at.map_index)
    permission = may_read(stored, at, producer, version=reference.version)
    if permission.obstacle is not None or stored.envelope is None:
        raise NotRevealed(_OBSTACLES[permission.obstacle or "gone"])
    # The value that is here may have come, with another rule, after the decision about what was there.
    fetched = _as_known(stored.acl, stored.own_acl, stored.envelope)
    _require(may_reveal(row, fetched, state, viewer, more), row.at, user, server)
    key_id = stored.envelope.key_id
    if reference.seal is None and key_id is not None and key_id.startswith("enc:") and not settings.encryption_keys:
        raise NotRevealed(_NO_ENCRYPTION_KEY)
    envelope = spill.fetched(stored.envelope, settings)
    return decrypt_payload(envelope, reference.seal, permission.acl, settings), envelope


def _opened(reference: Reference, settings: Settings) -> tuple[Reference, Acl]:
    """Open the seal. That proves its rule."""
    try:
        data_key, acl = open_seal(reference, settings.seal_private_keys)
    except UnknownKey:
        raise NotRevealed(_UNKNOWN_KEY) from None
    except (Forged, InvalidAcl):
        raise NotRevealed(_FORGED) from None
    return reference.opened(data_key), acl


def _as_known(acl: bytes | None, own_acl: bytes | None, envelope: Envelope) -> Known:
    held = Held(envelope.coordinate.map_index, 0, envelope, claimed=False, spilled=envelope.spilled is not None)
    return Known(envelope.pushed_at, acl or b"", own_acl or b"", held, "")


def _require(no: reveal.No | None, at: Coordinate, user: Any, server: Server) -> None:
    """Refuse what may not be revealed. Whoever asks for what a rule forbids did not use the page: it has no button."""
    if no is None:
        return
    if no.by_rule:
        record = _record(audit.REVEAL_DENIED, at, user, no.sentence)
        audit.announce([record])
        with contextlib.suppress(audit.AuditFailed):  # nothing is shown anyhow, and the log has it
            server.write(record)
    raise NotRevealed(no.sentence, 403 if no.by_rule else 409)


def _record(event: str, at: Coordinate, user: Any, why: str) -> audit.Record:
    name = str(user.get_name())
    return audit.Record(event, at, name, {"who": name, "what": str(at), "key": at.key, "why": why})
