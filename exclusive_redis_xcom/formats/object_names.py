"""Names of objects, below `spill_path`: `<dag_id>/<run_id>/<task_id>/<key>/<map_index>/<version>`.

Where Airflow names the task instance (3.4 and later), `ti-<ti_id>` stands before the key.

Every id is percent-encoded, and so is a dot at its beginning. So no id leaves its component, hides a file or leads to
the directory above. A long id is cut and ends in a digest. So names fit file systems, which take 255 bytes in a
component. They fit object stores, too, which take 1,024 bytes in all: about a quarter is left for the bucket's prefix.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from exclusive_redis_xcom.formats.redis_names import instance_part
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

#: No encoded id holds this character. It stands before the digest of an id that was cut, and alone for an empty id.
_MARK = "!"
_LONGEST = 180
_PARTS = 6
_DIGEST_LENGTH = _VERSION_LENGTH = 32
_CUT_ESCAPE = re.compile(r"%[0-9A-F]?\Z")
_VERSION = re.compile(r"[0-9a-f]{32}")
_MAP_INDEX = re.compile(r"-?[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class ParsedName:
    """The content of a name: the version, and the coordinate unless one of its ids was too long for the name."""

    version: str
    coordinate: Coordinate | None


def object_name(coordinate: Coordinate, version: str) -> str:
    """Name this version's object, relative to `spill_path`.

    Args:
        coordinate: Any ids.
        version: 32 hexadecimal digits.
    """
    instance = () if coordinate.ti_id is None else (instance_part(coordinate.ti_id),)
    ids = (coordinate.dag_id, coordinate.run_id, coordinate.task_id, *instance, coordinate.key)
    return "/".join((*map(_component, ids), str(coordinate.map_index), version))


def parse(name: str) -> ParsedName | None:
    """Read a name; None for one that `object_name` does not make."""
    parts = name.split("/")
    if len(parts) not in (_PARTS, _PARTS + 1):
        return None
    *ids, index, version = parts
    if not _VERSION.fullmatch(version) or not _MAP_INDEX.fullmatch(index):
        return None
    if any(_MARK in part and part != _MARK for part in ids):
        return ParsedName(version, None)
    coordinate = _coordinate(ids, int(index))
    if coordinate is None or object_name(coordinate, version) != name:
        return None
    return ParsedName(version, coordinate)


def is_name_of(name: str, coordinate: Coordinate) -> bool:
    """Tell whether `object_name` gives this name to some version of the coordinate. The name is not trusted."""
    version = name[-_VERSION_LENGTH:]
    return _VERSION.fullmatch(version) is not None and name == object_name(coordinate, version)


def _component(text: str) -> str:
    # quote() leaves exactly the unreserved characters of RFC 3986, 2.3, and the dot is one. redis_names treats
    # surrogates the same way.
    raw = text.encode("utf-8", "surrogatepass")
    encoded = quote(raw, safe="")
    if encoded.startswith("."):
        encoded = f"%2E{encoded[1:]}"
    if not encoded:
        return _MARK
    if len(encoded) <= _LONGEST:
        return encoded
    digest = hashlib.sha256(raw).hexdigest()[:_DIGEST_LENGTH]
    return f"{_CUT_ESCAPE.sub('', encoded[: _LONGEST - len(digest) - 1])}{_MARK}{digest}"


def _coordinate(ids: list[str], map_index: int) -> Coordinate | None:
    if map_index < NOT_MAPPED:
        return None
    try:
        dag_id, run_id, task_id, *instance, key = map(_text, ids)
    except ValueError:
        return None
    # What does not begin with "ti-" gives a coordinate with another name, and `parse` compares the names.
    ti_id = instance[0].removeprefix(instance_part("")) if instance else None
    return Coordinate(dag_id, run_id, task_id, key, map_index, ti_id)


def _text(component: str) -> str:
    return "" if component == _MARK else unquote_to_bytes(component).decode("utf-8", "surrogatepass")
