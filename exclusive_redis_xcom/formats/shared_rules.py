"""The field `acls` of a mapped task's hash: the rules under which its values were pushed, each once.

Each entry is 4 bytes of length, big-endian, and a rule (`formats/packed_rule.py`). `store/lua/push.lua` adds entries.
No entry is removed before the whole hash.
"""

from __future__ import annotations

import functools
import struct
from typing import TYPE_CHECKING

from exclusive_redis_xcom.formats import digests, packed_rule

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

_LENGTH = struct.Struct(">I")
#: A longer field is not remembered. Workers may write megabytes there.
_REMEMBERED_BYTES = 8192
#: `push.lua` adds to a list of less than 4096 bytes, and an entry takes at least 4. The rules that pushes write there
#: take less memory, also where all names are as long as they may be.
_MOST_ENTRIES, _MOST_BYTES = 1024 + 1, 8 * 1024 * 1024


def entry(rule: bytes) -> bytes:
    """Return the entry of a rule."""
    return _LENGTH.pack(len(rule)) + rule


def by_digest(data: bytes | None, at: Coordinate) -> dict[bytes, bytes]:
    """Return the rules of a field, unpacked, by their digests; up to the first entry that is cut.

    Rules beyond those that pushes write are left out. A value whose rule is missing is refused.

    Args:
        data: The field. It is not trusted.
        at: The XCom, with any map_index.
    """
    if not data:
        return {}
    read = _by_digest_again if len(data) <= _REMEMBERED_BYTES else _by_digest
    return read(data, at)


def _by_digest(data: bytes, at: Coordinate) -> dict[bytes, bytes]:
    found = {}
    start = size = 0
    for _ in range(_MOST_ENTRIES):
        if start + _LENGTH.size > len(data) or size > _MOST_BYTES:
            break
        begin = start + _LENGTH.size
        start = begin + _LENGTH.unpack_from(data, start)[0]
        if start > len(data):
            break
        rule = packed_rule.unpack(data[begin:start], at)
        size += len(rule)
        found[digests.rule_of(rule)] = rule
    return found


_by_digest_again = functools.lru_cache(maxsize=8)(_by_digest)
