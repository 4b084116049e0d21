r"""The rows of a mapped task's results in short: the API server's answer to a task that asks for a slice so.

A slice holds thousands of references. Each JSON object, list and text costs time on its way: in Airflow's API server,
in the supervisor and in the task. So the answer is one row that stands for all, with this below the mark:

    ["sales/today/extract/token", "0 QiDwPFLOGHIxIShtTEJmAQ 1764485412345 604800000 13 list 2\n1 ..."]

The first text is what the coordinates share. The second has a line for each row: its map_index, then the rest of the
text of format 3 (`reference_v3.py`). The sentence `about` is left out.

Airflow's database never holds this form. Only references of format 3 without a seal have it.
"""

from __future__ import annotations

import functools
import re
from binascii import a2b_base64
from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference_fields as fields
from exclusive_redis_xcom.formats import reference_v3
from exclusive_redis_xcom.formats.block import Block
from exclusive_redis_xcom.formats.reference_fields import WHOLE
from exclusive_redis_xcom.formats.reference_v2 import MACHINE
from exclusive_redis_xcom.formats.reference_v3 import VERSION
from exclusive_redis_xcom.formats.seal import FROM_URL
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Sequence

#: map_index, version, time of the push, TTL, size. The type follows, and the shape if there is one.
_LINE = re.compile(f"({WHOLE}) {VERSION} ({WHOLE}) ({WHOLE}) ({WHOLE}) ([^ \n]*(?: [0-9x]+)?)")
_COLUMNS = 6
_VERSIONS = re.compile(f"{VERSION}(?: {VERSION})*")
#: Slashes in what the coordinates of one key share.
_SLASHES = 3
_ANY_VERSION = "A" * 22
#: What makes 24 letters of base64 of the 22 of a version, and how many bytes it adds to the version's.
_REST, _REST_BYTES = "AA", 2
_VERSION_BYTES = 16


class _Shared(NamedTuple):
    """What rows of one key have in common if their TTL, type and shape are the same."""

    ids: tuple[str, str, str, str]
    type_name: str
    shape: tuple[int, ...] | None


def dump(texts: Sequence[str]) -> list[str] | None:
    """Return what stands below the mark for rows with these texts of format 3; None if they have no short form.

    `load` reads all that is returned. One row that nobody can read would take the values of all others with it.
    """
    path = texts[0].partition(" ")[0].rpartition("/")[0] if texts else ""
    start = f"{path}/"
    if path.count("/") != _SLASHES or not all(text.startswith(start) for text in texts):
        return None
    lines = [text[len(start) :] for text in texts]
    matches = [matched for matched in map(_LINE.fullmatch, lines) if matched is not None]
    is_readable = len(matches) == len(lines) and _are_readable(path, [matched.groups() for matched in matches])
    return [path, "\n".join(lines)] if is_readable else None


def _are_readable(path: str, rows: Sequence[Sequence[str]]) -> bool:
    indexes, pushed, ttls, sizes, kinds = zip(*rows, strict=True)
    if max(map(int, indexes)) > fields.MAX_MAP_INDEX or max(map(int, sizes)) > fields.MAX_SIZE:
        return False
    try:
        reference_v3.times(max(map(int, pushed)), max(map(int, ttls)))
        for ttl, kind in set(zip(ttls, kinds, strict=True)):
            _shared(path, ttl, kind)
    except InvalidReference:
        return False
    return True


def load(raw: Any) -> Block:
    """Read what `dump` returns.

    Raises:
        InvalidReference: It is something else.
    """
    if type(raw) is not list or [type(part) for part in raw] != [str, str]:
        raise fields.malformed("reference")
    path, lines = raw
    rows = [line.split(" ", _COLUMNS - 1) for line in lines.split("\n")]
    if set(map(len, rows)) != {_COLUMNS}:
        raise fields.malformed(reference_v3.TO)
    texts, versions, pushed_texts, ttl_texts, size_texts, kinds = zip(*rows, strict=True)
    if not all(fields.NUMBERS.fullmatch(" ".join(column)) for column in (texts, pushed_texts, ttl_texts, size_texts)):
        raise fields.malformed(reference_v3.TO)
    indexes, pushed, ttls, sizes = (list(map(int, column)) for column in (texts, pushed_texts, ttl_texts, size_texts))
    known = {kind: _shared(path, *kind) for kind in set(zip(ttl_texts, kinds, strict=True))}
    shapes = {kind: (shared.type_name, shared.shape) for (_, kind), shared in known.items()}
    at = Coordinate(*next(iter(known.values())).ids)
    block = Block(at, indexes, _versions(versions), sizes, [shapes[kind] for kind in kinds], pushed, ttls)
    fields.map_index(max(indexes), reference_v3.TO)
    fields.size(max(sizes), reference_v3.TO)
    reference_v3.require_times(pushed, ttls)
    return block


def _versions(texts: Sequence[str]) -> list[bytes]:
    """Read versions as format 3 writes them, all at once. Two letters more make whole bytes of each: two zeros."""
    joined = " ".join(texts)
    if not _VERSIONS.fullmatch(joined):
        raise fields.malformed(reference_v3.TO)
    data = a2b_base64(joined.replace(" ", _REST).encode("ascii").translate(FROM_URL) + _REST.encode("ascii"))
    return [data[start : start + _VERSION_BYTES] for start in range(0, len(data), _VERSION_BYTES + _REST_BYTES)]


@functools.lru_cache(maxsize=64)
def _shared(path: str, ttl: str, kind: str) -> _Shared:
    if path.count("/") != _SLASHES:
        raise fields.malformed(reference_v3.TO)
    text = f"{path}/0 {_ANY_VERSION} 0 {ttl} 0 {kind}"
    found = reference_v3.load({"about": "", MACHINE: {"v": reference_v3.FORMAT, reference_v3.TO: text}})
    at: Coordinate = found["coordinate"]
    return _Shared((at.dag_id, at.run_id, at.task_id, at.key), found["type_name"], found["shape"])
