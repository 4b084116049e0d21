"""References to results of one mapped task as columns, as the answer of an API server has them.

A pull may have ten thousand references. An object for each, with a coordinate and two times, takes most of the time
that reading them takes. So the columns are checked as a whole, and one reference is made of them where it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats import reference_v3
from exclusive_redis_xcom.formats.reference_facts import FORMAT
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Block:
    """Columns, which are all of the same length. Whoever makes one has checked what is in them. It must not be changed.

    Attributes:
        at: The XCom, with any map_index.
        indexes: The map indexes.
        versions: The versions, 16 bytes each.
        sizes: The encoded sizes in bytes, before compression.
        kinds: The names of the types, each with the shape.
        pushed: The times of the pushes, in milliseconds since 1970.
        ttls: The TTLs in milliseconds.
        consumers: Who may read, for people.
        rule: Where the rule was written, for people.
        sealed: The id of the key pair and the rule in the seals; None where values are not sealed.
        data_keys: The data keys; empty where values are not sealed.
    """

    at: Coordinate
    indexes: Sequence[int]
    versions: Sequence[bytes]
    sizes: Sequence[int]
    kinds: Sequence[tuple[str, tuple[int, ...] | None]]
    pushed: Sequence[int]
    ttls: Sequence[int]
    consumers: tuple[str, ...] = ()
    rule: str = ""
    sealed: tuple[str, bytes] | None = None
    data_keys: Sequence[bytes] = field(default=(), repr=False)

    def facts(self, i: int) -> tuple[Any, ...]:
        """Return the fields of `ReferenceFacts` for one reference, in their order."""
        at, (type_name, shape) = self.at, self.kinds[i]
        pushed_at, expires_at = reference_v3.times(self.pushed[i], self.ttls[i])
        return (
            Coordinate(at.dag_id, at.run_id, at.task_id, at.key, self.indexes[i], at.ti_id),
            self.versions[i].hex(),
            type_name,
            self.sizes[i],
            self.consumers,
            self.rule,
            pushed_at,
            expires_at,
            None if self.sealed is None else Seal(*self.sealed, data_key=self.data_keys[i]),
            shape,
            "",
            FORMAT,
        )

    def part(self, of: slice) -> Block:
        """Return some of the references."""
        return replace(
            self,
            indexes=self.indexes[of],
            versions=self.versions[of],
            sizes=self.sizes[of],
            kinds=self.kinds[of],
            pushed=self.pushed[of],
            ttls=self.ttls[of],
            data_keys=self.data_keys[of],
        )


def joined(blocks: Sequence[Block]) -> list[Block]:
    """Join neighbours that differ in columns alone. Results of several types have a block for each run of a type."""
    groups = groupby(blocks, lambda block: (block.at, block.consumers, block.rule, block.sealed))
    return [_one(list(group)) for _, group in groups]


def _one(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    columns: dict[str, Any] = {
        name: [each for block in blocks for each in getattr(block, name)]
        for name in ("indexes", "versions", "sizes", "kinds", "pushed", "ttls", "data_keys")
    }
    return replace(blocks[0], **columns)
