"""The rules of a hash: the one in force for the key, and those under which the values of a mapped task were pushed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.formats import digests, packed_rule, shared_rules

if TYPE_CHECKING:
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.model import Coordinate


class Rules:
    """What Redis holds of a hash's rules, as canonical JSON. None of it is trusted.

    A value of a mapped task names its rule by digest, or a field of its own holds the rule. The digest decides. So a
    value never gets another rule than its push wrote, whatever later pushes of any release have done to the hash.

    Args:
        at: An XCom of the hash, with any map_index.
        in_force: The field of the rule in force; None if it is missing.
        shared: The field of the rules that values name; None if it is missing.
    """

    __slots__ = ("_at", "_found", "_shared", "in_force")

    def __init__(self, at: Coordinate, in_force: bytes | None, shared: bytes | None) -> None:
        self.in_force = None if in_force is None else packed_rule.unpack(in_force, at)
        self._at, self._shared = at, shared
        self._found: dict[bytes, bytes] | None = None

    def own(self, envelope: Envelope | None, field: bytes | None) -> bytes | None:
        """Return the rule under which a value was pushed; None if there is none, or nothing holds it.

        Args:
            envelope: The value; None if there is none.
            field: The field of the value's own rule.
        """
        wanted = None if envelope is None else envelope.rule
        if wanted is None and field is None:
            return None
        text = None if field is None else packed_rule.unpack(field, self._at)
        if wanted is None:
            return text
        if self._found is None:
            self._found = dict(shared_rules.by_digest(self._shared, self._at))
            if self.in_force is not None:
                self._found[digests.rule_of(self.in_force)] = self.in_force
        if text is not None and digests.rule_of(text) == wanted:
            return text
        return self._found.get(wanted)
