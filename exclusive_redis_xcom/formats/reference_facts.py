"""What a reference says. Each format of a reference writes and reads these facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from exclusive_redis_xcom.formats.seal import Seal
    from exclusive_redis_xcom.model import Coordinate

#: The latest format, which pushes write unless the setting `format` names an earlier one.
FORMAT = 3


@dataclass(slots=True)  # a frozen one takes three times as long to make, and a pull makes thousands
class ReferenceFacts:
    """A pointer to one pushed value. It must not be changed.

    Attributes:
        coordinate: Where the value was pushed.
        version: The version id of the push.
        type_name: The qualified name of the value's type, for people.
        size: The encoded size in bytes, before compression.
        consumers: Who may read, for people. Format 3 tells it of sealed values alone; `shown_consumers` reads on.
        rule: Where the rule was written, for people. It is empty where `consumers` is not told.
        pushed_at: When Redis took the value.
        expires_at: When Redis forgets it.
        seal: The sealed data key, or the ring's answer in its place; None where values are not sealed.
        shape: The length of each dimension; None where the value has no dimensions. Format 1 has no shape.
        about: A sentence for people (`about.sentence`). Format 1 has none.
        format: How `to_json` writes the reference.
    """

    coordinate: Coordinate
    version: str
    type_name: str
    size: int
    consumers: tuple[str, ...]
    rule: str
    pushed_at: datetime
    expires_at: datetime
    seal: Seal | None = None
    shape: tuple[int, ...] | None = None
    about: str = ""
    format: int = FORMAT

    @property
    def ttl(self) -> timedelta:
        """The time between push and expiry."""
        return self.expires_at - self.pushed_at
