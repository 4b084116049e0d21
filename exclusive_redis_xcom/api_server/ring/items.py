"""The values of an answer to a GET: the answer taken apart, and put together again.

Each value is one `Item`, which goes through the ring once: `reads` makes it, and `releasing` decides about it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from exclusive_redis_xcom.api_server.requests.routes import Shape
from exclusive_redis_xcom.api_server.ring.answers import CannotDecide
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import opened_slice, reference
from exclusive_redis_xcom.formats.reference_facts import FORMAT
from exclusive_redis_xcom.model import NOT_MAPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.crypto.opening import Verdict
    from exclusive_redis_xcom.formats.claims import Claim
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate


_MARK = reference.MARK.encode("ascii")

#: The parts of an answer. The values stay as they came.
_PARTS: dict[Shape, Any] = {Shape.ITEM: Raw, Shape.SLICE: list[Raw], Shape.VALUE: dict[str, Raw]}

_OTHER_FORM = "Airflow's answer has a form that this release of exclusive-redis-xcom does not know."


@dataclass(slots=True)
class Item:
    """One value of an answer: what it is, what was decided, and what the caller gets.

    Items stand in the order of the values.

    Attributes:
        json: What the caller gets, as JSON. Before the decision it is what Airflow's database holds.
        reference: The reference that the value is; None where the value is none.
        malformed: Whether the value only looks like a reference.
        verdict: Whether the seal opens, and what its rule says; None where there is no seal.
        claim: What became of the claim; None where nothing had to be claimed.
        event: What goes on record, one of the events in `audit`; None where nothing does.
        why: The reason, for the record.
        at: The XCom that the record is about.
        data_key: The data key that the caller gets; None where the caller gets what `json` holds.
    """

    json: Raw = field(repr=False)
    reference: Reference | None = None
    malformed: bool = False
    verdict: Verdict | None = field(default=None, repr=False)
    claim: Claim | None = None
    event: str | None = None
    why: str = ""
    at: Coordinate | None = None
    data_key: bytes | None = field(default=None, repr=False)

    @property
    def concerns_the_ring(self) -> bool:
        """Whether there is anything to decide about."""
        return self.malformed or (self.reference is not None and self.reference.seal is not None)

    def note(self, event: str, why: str, at: Coordinate) -> None:
        """Say what goes on record."""
        self.event, self.why, self.at = event, why, at


class Document:
    """An answer, taken apart. Each value is read once, and what does not change is not written again.

    Attributes:
        items: The values of the answer.

    Args:
        shape: Where the answer holds the values.
        body: The answer.

    Raises:
        CannotDecide: The answer has another form.
    """

    def __init__(self, shape: Shape, body: bytes) -> None:
        self._shape = shape
        try:
            self._parts = _parts(shape, body)
        except (ValueError, RecursionError):
            raise CannotDecide("Airflow's answer could not be read.") from None
        values = _values(shape, self._parts)
        self.items = [_item(value) for value in values]

    @property
    def concerns_the_ring(self) -> bool:
        """Whether there is anything to decide about."""
        return any(item.concerns_the_ring for item in self.items)

    def to_json(self, *, as_texts: bool = True, as_one: bool = False) -> bytes:
        """Write the answer, with what the caller gets in place of each value.

        Args:
            as_texts: Whether an opened reference of the latest format is a text.
            as_one: Whether all values of a slice may become one text, if all are such references.
        """
        if as_texts and as_one and len(self.items) > 1 and all(map(_is_result, self.items)):
            return _as_one(self.items)
        values = [_written(item, as_texts=as_texts) for item in self.items]
        if self._shape is Shape.ITEM:
            return bytes(values[0])
        return msgspec.json.encode({**self._parts, "value": values[0]} if self._shape is Shape.VALUE else values)


def _is_result(item: Item) -> bool:
    """Tell whether an item is an opened result of a mapped task, in the latest format."""
    found = item.reference
    return (
        found is not None
        and item.data_key is not None
        and found.format == FORMAT
        and found.coordinate.map_index != NOT_MAPPED
    )


def _as_one(items: Sequence[Item]) -> bytes:
    opened = [(item.reference, item.data_key) for item in items]
    return msgspec.json.encode([{reference.MARK: {opened_slice.OPENED: opened_slice.dump(opened)}}])  # type: ignore[arg-type]


def _written(item: Item, *, as_texts: bool) -> Raw:
    """Return what the caller gets in place of one value, as JSON."""
    found, data_key = item.reference, item.data_key
    if found is None or data_key is None:
        return item.json
    # A worker of an earlier build reads rows of earlier formats alone, and those it must be able to read.
    if as_texts and found.format == FORMAT:
        return encoded_text(found.opened_text(data_key))
    return encoded(found.opened(data_key).to_json())


def encoded(value: Any) -> Raw:
    """Return a value as JSON, for `Item.json`."""
    return Raw(json.dumps(value, separators=(",", ":")).encode("ascii"))


def encoded_text(below_mark: str) -> Raw:
    """Return a reference that is one text as JSON, for `Item.json`."""
    return Raw(b'{"' + _MARK + b'":' + msgspec.json.encode(below_mark) + b"}")


def _parts(shape: Shape, body: bytes) -> Any:
    """Take an answer apart, as far as its values.

    Raises:
        CannotDecide, ValueError, RecursionError: The answer has another form.
    """
    try:
        return msgspec.json.decode(body, type=_PARTS[shape])
    except msgspec.ValidationError:
        raise CannotDecide(_OTHER_FORM) from None
    except msgspec.DecodeError:
        read = json.loads(body)
    # The standard library also reads what is no JSON: NaN, and half of a character that needs two.
    if shape is Shape.SLICE and isinstance(read, list):
        return [encoded(value) for value in read]
    if shape is Shape.VALUE and isinstance(read, dict):
        return {name: encoded(value) for name, value in read.items()}
    if shape is Shape.ITEM:
        return encoded(read)
    raise CannotDecide(_OTHER_FORM)


def _values(shape: Shape, parts: Any) -> list[Raw]:
    if shape is Shape.ITEM:
        return [parts]
    if shape is Shape.SLICE:
        return parts  # type: ignore[no-any-return]
    if "value" in parts:
        return [parts["value"]]
    raise CannotDecide(_OTHER_FORM)


def _item(value: Raw) -> Item:
    data = bytes(value)
    # Airflow's JSON never escapes ASCII letters, so a value without these bytes is no reference.
    if _MARK not in data:
        return Item(value)
    try:
        loaded = msgspec.json.decode(data)
    except msgspec.DecodeError:
        loaded = json.loads(data)
    if not reference.is_reference(loaded):
        return Item(value)
    try:
        return Item(value, reference.parse_stored(loaded))
    except InvalidReference:
        return Item(value, malformed=True)
