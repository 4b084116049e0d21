"""In which state an XCom is: what its row and Redis say together, and the sentence about it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.model import NOT_MAPPED

if TYPE_CHECKING:
    from datetime import datetime

    from exclusive_redis_xcom.pages.xcoms.rows import Row
    from exclusive_redis_xcom.store.known import Known

_CLEAR: Final = "Clear the task to push it again."


class State(Enum):
    """The state, with the word for a table and the sentence for a page. A value that is there needs no sentence."""

    HELD = ("in Redis", "")
    NOT_ASKED = ("not known", "Redis could not be asked about this value.")
    FOREIGN = (
        "not ours",
        "This row holds a value, and no reference of this backend: another backend, Airflow itself or a REST client "
        "wrote it. Airflow's own tab XCom shows it.",
    )
    MALFORMED = (
        "forged",
        "This row looks like a reference, and is none: it was edited or forged, or a newer release wrote it. "
        f"Nothing of it is shown. {_CLEAR}",
    )
    COPIED = (
        "forged",
        "The reference in this row was made for another XCom: somebody has copied it here. Nothing of the other XCom "
        f"is shown. {_CLEAR}",
    )
    EXPIRED = ("expired", f"The value has expired. {_CLEAR} A longer ttl_seconds keeps such values longer.")
    LOST = (
        "lost",
        f"Redis no longer holds the value, although its time is not over: it was removed or evicted. {_CLEAR}",
    )
    SUPERSEDED = (
        "replaced",
        "A later push has replaced the value that this row refers to. While the task runs, that is usual.",
    )
    DAMAGED = ("damaged", f"Redis holds something else than was pushed for this XCom. {_CLEAR}")

    def __init__(self, word: str, sentence: str) -> None:
        self.word = word
        self.sentence = sentence


#: Of these rows, nothing that the reference says is shown.
NOT_OURS: Final = frozenset({State.FOREIGN, State.MALFORMED, State.COPIED})


def of_row(row: Row) -> State | None:
    """Return the state that the row alone tells; None if it depends on Redis."""
    if row.is_malformed:
        return State.MALFORMED
    if row.reference is None:
        return State.FOREIGN
    return State.COPIED if row.is_of_another_xcom else None


def state_of(row: Row, known: Known | None, now: datetime) -> State:
    """Return the state of an XCom.

    Args:
        row: What Airflow's database holds.
        known: What Redis holds; None if it holds nothing.
        now: The time, UTC.
    """
    alone = of_row(row)
    if alone is not None or row.reference is None:
        return alone or State.FOREIGN
    reference, held = row.reference, None if known is None else known.held
    is_over = reference.expires_at <= now
    if held is None:
        return State.EXPIRED if is_over else State.LOST
    envelope = held.envelope
    if envelope is None or envelope.coordinate != reference.coordinate:
        return State.DAMAGED
    if envelope.version != reference.version:
        return State.SUPERSEDED
    # The results of a mapped task share a hash, which stays as long as the last of them.
    return State.EXPIRED if is_over and row.at.map_index != NOT_MAPPED else State.HELD
