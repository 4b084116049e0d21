"""Digests that stand in Redis in place of texts. They show a mix-up, and stop nobody who can write to Redis."""

from __future__ import annotations

import functools
import hashlib
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.model import Coordinate

#: The bytes of each digest.
PLACE_BYTES, RULE_BYTES, NAMES_BYTES = 16, 8, 4

_LENGTH = struct.Struct(">I")
_INDEX = struct.Struct(">q")


def place_of(at: Coordinate) -> bytes:
    """Return the digest of a whole coordinate. An envelope of format 4 has it in place of the ids."""
    hasher = _hasher(at.dag_id, at.run_id, at.task_id, at.key, at.ti_id).copy()
    hasher.update(_INDEX.pack(at.map_index))
    return hasher.digest()


def places_of(at: Coordinate, indexes: Iterable[int]) -> list[bytes]:
    """Return what `place_of` returns for the results of a mapped task. `at` may have any map_index."""
    copy, pack = _hasher(at.dag_id, at.run_id, at.task_id, at.key, at.ti_id).copy, _INDEX.pack
    found = []
    for index in indexes:
        hasher = copy()
        hasher.update(pack(index))
        found.append(hasher.digest())
    return found


def rule_of(text: bytes) -> bytes:
    """Return the digest of a rule, which is canonical JSON. The results of a mapped task name their rule by it."""
    return hashlib.blake2b(text, digest_size=RULE_BYTES, person=b"xrx rule").digest()


def names_of(dag_id: str, task_id: str, key: str) -> bytes:
    """Return the digest of the names in a rule. A packed rule has it in their place (`formats/packed_rule.py`)."""
    return hashlib.blake2b(_joined(dag_id, task_id, key), digest_size=NAMES_BYTES, person=b"xrx names").digest()


@functools.lru_cache(maxsize=128)  # the results of a mapped task differ in their map_index alone
def _hasher(dag_id: str, run_id: str, task_id: str, key: str, ti_id: str | None) -> hashlib.blake2b:
    texts = (dag_id, run_id, task_id, key) if ti_id is None else (dag_id, run_id, task_id, key, ti_id)
    return hashlib.blake2b(_joined(*texts), digest_size=PLACE_BYTES, person=b"xrx place")


def _joined(*texts: str) -> bytes:
    """Join texts so that no two lists of texts give the same bytes."""
    data = [text.encode("utf-8", "surrogatepass") for text in texts]
    return b"".join([_LENGTH.pack(len(data)), *(_LENGTH.pack(len(each)) + each for each in data)])
