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
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference_fields as fields
from exclusive_redis_xcom.formats import reference_v3
from exclusive_redis_xcom.formats.reference_fields import WHOLE
from exclusive_redis_xcom.formats.reference_v2 import MACHINE
from exclusive_redis_xcom.formats.reference_v3 import VERSION
from exclusive_redis_xcom.formats.seal import FROM_URL
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

#: map_index, version, time of the push, TTL, size. The type follows, and the shape if there is one.
_LINE = re.compile(f"({WHOLE}) {VERSION} ({WHOLE}) ({WHOLE}) ({WHOLE}) ([^ \n]*(?: [0-9x]+)?)")
_COLUMNS = 6
_VERSIONS = re.compile(f"{VERSION}(?: {VERSION})*")
#: Slashes in what the coordinates of one key share.
_SLASHES = 3
_ANY_VERSION = "A" * 22


class _Shared(NamedTuple):
    """What rows of one key have in common if their TTL, type and shape are the same."""

    ids: tuple[str, str, str, str]
    epoch: datetime
    ttl: timedelta
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


def load(raw: Any) -> Iterator[tuple[Any, ...]]:
    """Read what `dump` returns, and yield the fields of `ReferenceFacts` for each row, as far as `shape`, in order.

    Raises:
        InvalidReference: It is something else.
    """
    if type(raw) is not list or [type(part) for part in raw] != [str, str]:
        raise fields.malformed("reference")
    path, lines = raw
    rows = [line.split(" ", _COLUMNS - 1) for line in lines.split("\n")]
    if {len(row) for row in rows} != {_COLUMNS}:
        raise fields.malformed(reference_v3.TO)
    indexes, versions, pushed, ttls, sizes, kinds = zip(*rows, strict=True)
    if not all(fields.NUMBERS.fullmatch(" ".join(column)) for column in (indexes, pushed, ttls, sizes)):
        raise fields.malformed(reference_v3.TO)
    joined = " ".join(versions)
    if not _VERSIONS.fullmatch(joined):
        raise fields.malformed(reference_v3.TO)
    try:
        known = {kind: _shared(path, *kind) for kind in set(zip(ttls, kinds, strict=True))}
        in_base64 = joined.encode("ascii").translate(FROM_URL).split(b" ")
        for map_index, version, ms, ttl, size, kind in zip(
            map(int, indexes), in_base64, map(int, pushed), ttls, map(int, sizes), kinds, strict=True
        ):
            shared = known[ttl, kind]
            pushed_at = shared.epoch + timedelta(0, 0, 0, ms)
            yield (
                Coordinate(*shared.ids, fields.map_index(map_index, reference_v3.TO)),
                a2b_base64(version + b"==").hex(),
                shared.type_name,
                fields.size(size, reference_v3.TO),
                (),
                "",
                pushed_at,
                pushed_at + shared.ttl,
                None,
                shared.shape,
            )
    except OverflowError:  # Python has no such time
        raise fields.malformed(reference_v3.TO) from None


@functools.lru_cache(maxsize=64)
def _shared(path: str, ttl: str, kind: str) -> _Shared:
    if path.count("/") != _SLASHES:
        raise fields.malformed(reference_v3.TO)
    text = f"{path}/0 {_ANY_VERSION} 0 {ttl} 0 {kind}"
    found = reference_v3.load({"about": "", MACHINE: {"v": reference_v3.FORMAT, reference_v3.TO: text}})
    at: Coordinate = found["coordinate"]
    ids, epoch = (at.dag_id, at.run_id, at.task_id, at.key), found["pushed_at"]
    return _Shared(ids, epoch, found["expires_at"] - epoch, found["type_name"], found["shape"])
