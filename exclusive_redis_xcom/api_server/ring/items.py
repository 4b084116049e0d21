"""The values of an answer to a GET: the answer taken apart, and put together again.

Each value is one `Item`, which goes through the ring once: `reads` makes it, and `releasing` decides about it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests.routes import Shape
from exclusive_redis_xcom.api_server.ring.answers import CannotDecide
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference

if TYPE_CHECKING:
    from exclusive_redis_xcom.crypto.opening import Verdict
    from exclusive_redis_xcom.formats.claims import Claim
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate


@dataclass(slots=True)
class Item:
    """One value of an answer: what it is, what was decided, and what the caller gets.

    Items stand in the order of the values.

    Attributes:
        json: What the caller gets. Before the decision it is what Airflow's database holds.
        reference: The reference that the value is; None where the value is none.
        malformed: Whether the value only looks like a reference.
        verdict: Whether the seal opens, and what its rule says; None where there is no seal.
        claim: What became of the claim; None where nothing had to be claimed.
        event: What goes on record, one of the events in `audit`; None where nothing does.
        why: The reason, for the record.
        at: The XCom that the record is about.
        opened: Whether the caller gets an open data key.
    """

    json: Any = field(repr=False)
    reference: Reference | None = None
    malformed: bool = False
    verdict: Verdict | None = field(default=None, repr=False)
    claim: Claim | None = None
    event: str | None = None
    why: str = ""
    at: Coordinate | None = None
    opened: bool = False

    @property
    def concerns_the_ring(self) -> bool:
        """Whether there is anything to decide about."""
        return self.malformed or (self.reference is not None and self.reference.seal is not None)

    def note(self, event: str, why: str, at: Coordinate) -> None:
        """Say what goes on record."""
        self.event, self.why, self.at = event, why, at


def take_apart(shape: Shape, body: bytes) -> tuple[Any, list[Item]]:
    """Read an answer.

    Returns:
        The whole JSON document, and its values.

    Raises:
        CannotDecide: The answer has another form.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise CannotDecide("Airflow's answer could not be read.") from None
    return document, [_item(value) for value in _values(shape, document)]


def put_together(shape: Shape, document: Any, items: list[Item]) -> bytes:
    """Write an answer that was taken apart, with what the caller gets in place of each value."""
    if shape is Shape.SLICE:
        changed: Any = [item.json for item in items]
    elif shape is Shape.VALUE:
        changed = {**document, "value": items[0].json}
    else:
        changed = items[0].json
    return json.dumps(changed, separators=(",", ":")).encode("ascii")


def _values(shape: Shape, document: Any) -> list[Any]:
    if shape is Shape.ITEM:
        return [document]
    if shape is Shape.SLICE and isinstance(document, list):
        return document
    if shape is Shape.VALUE and isinstance(document, dict) and "value" in document:
        return [document["value"]]
    raise CannotDecide("Airflow's answer has a form that this release of exclusive-redis-xcom does not know.")


def _item(value: Any) -> Item:
    if not reference.is_reference(value):
        return Item(value)
    try:
        return Item(value, reference.parse_stored(value))
    except InvalidReference:
        return Item(value, malformed=True)
