"""What may change for whom between two sets of DAGs: the kinds of changes, one change, and all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.reader_groups import ReaderGroup
    from exclusive_redis_xcom.access.snapshot import XCom

#: Whether a change of conditions lets readers have more, or less, or whether that is not known.
Effect = Literal["wider", "narrower", "unknown"]


class Kind(str, Enum):
    """The kind of a change. `MAYBE_GAINED` is a class of its own: what cannot be known is never "no change"."""

    GAINED = "gained"
    MAYBE_GAINED = "maybe_gained"
    REVOKED = "revoked"
    CHANGED = "changed"


@dataclass(frozen=True)
class Change:
    """What changes for the same readers of one or more XComs.

    Attributes:
        kind: The kind.
        readers: Whom it is about.
        xcoms: The XComs, sorted.
        why: What else there is to say, as clauses.
        effect: For `CHANGED`, whether readers get more or less.
        rule: The rule and its place; None where a snapshot does not tell. For `REVOKED`, it is the old rule.
    """

    kind: Kind
    readers: tuple[ReaderGroup, ...]
    xcoms: tuple[XCom, ...]
    why: tuple[str, ...] = ()
    effect: Effect | None = None
    rule: str | None = None

    @property
    def is_gain(self) -> bool:
        """Whether somebody certainly gets more than before."""
        return self.kind is Kind.GAINED or self.effect == "wider"

    @property
    def may_be_gain(self) -> bool:
        """Whether somebody gets more than before, or may do so."""
        return self.is_gain or self.kind is Kind.MAYBE_GAINED or self.effect == "unknown"


@dataclass(frozen=True)
class AccessDiff:
    """What changes between two sets of DAGs.

    Attributes:
        changes: The changes, by kind, then by XCom.
        unchanged: How many XComs have the same readers under the same conditions.
        unknown: How many XComs have the same rules, while some of their readers cannot be known in either set.
        files: The file of each DAG, where it is known.
    """

    changes: tuple[Change, ...]
    unchanged: int
    unknown: int
    files: dict[str, str]

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """Return the changes of one kind."""
        return tuple(change for change in self.changes if change.kind is kind)

    @property
    def gained(self) -> tuple[Change, ...]:
        """Who may now read what they might not read before."""
        return self.of(Kind.GAINED)

    @property
    def maybe_gained(self) -> tuple[Change, ...]:
        """Who may perhaps read what they might not read before."""
        return self.of(Kind.MAYBE_GAINED)

    @property
    def revoked(self) -> tuple[Change, ...]:
        """Who may no longer read what they might read before."""
        return self.of(Kind.REVOKED)

    @property
    def changed(self) -> tuple[Change, ...]:
        """Whose access has other conditions than before."""
        return self.of(Kind.CHANGED)

    @property
    def has_gains(self) -> bool:
        """Whether somebody gets more than before: a grant, a longer ttl, or a condition less."""
        return any(change.is_gain for change in self.changes)

    @property
    def may_have_gains(self) -> bool:
        """Whether somebody gets more than before, or may do so."""
        return any(change.may_be_gain for change in self.changes)
