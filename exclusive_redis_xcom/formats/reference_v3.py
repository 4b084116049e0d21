"""Format 3 of a reference: a sentence for people, then all that the machine needs as one text.

```json
{"about": "list of 2, 13 bytes, for load until 6 Dec 11:57 UTC; the value is in Redis, not here",
 "reference": {"v": 3, "to": "sales/today/extract/token QiDwPFLOGHIxIShtTEJmAQ 1764485412345 604800000 13 list 2"}}
```

The text begins with the coordinate, the version, the time of the push and the TTL. The size in bytes, the name of the
type and the shape follow. A space is between two parts. A value without dimensions has no shape. Times are in
milliseconds, and the version is in base64.

The coordinate is `dag_id/run_id/task_id/key`. If the task is mapped, `/map_index` follows. If the task instance has an
id, `/map_index/ti_id` follows. Percent signs, slashes and spaces of an id are escaped, and nothing else is. So each
reference has one text.

The reference of a sealed value also has `seal`. The rule in the seal leaves out what the text says (`short_rule.py`).
Consumers and rule of other values are in Redis alone. For people, the sentence names the consumers.

`reference_v2.py` says why the outer keys have rising lengths.
"""

from __future__ import annotations

import functools
import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from datetime import datetime, timedelta, timezone
from operator import add
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats import reference_fields as fields
from exclusive_redis_xcom.formats import short_rule
from exclusive_redis_xcom.formats.reference_v2 import MACHINE, MAX_ABOUT, MAX_DOTS, MAX_SHOWN, shown
from exclusive_redis_xcom.formats.seal import FROM_URL
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exclusive_redis_xcom.formats.reference_facts import ReferenceFacts

FORMAT = 3

#: The key of the text.
TO = "to"

_OUTER = {"about", MACHINE}
_BARE = {"v", TO}
_SEALED = _BARE | {"seal"}

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)
#: The last millisecond of the year 9999, after which Python has no time.
_LAST = 253_402_300_799_999
#: What a text may have at most. Each id has fewer, also where every character is escaped.
MOST_CHARACTERS = 40_000
#: The characters of 16 bytes in base64. The last one has two bits.
_DIGITS = 22

#: The version of a value.
VERSION = f"[A-Za-z0-9_-]{{{_DIGITS - 1}}}[AQgw]"
_SHAPE = f"{fields.WHOLE}(?:x{fields.WHOLE})*"
#: The version, time of the push, TTL, size, type and shape.
AFTER_PATH = f"({VERSION}) ({fields.WHOLE}) ({fields.WHOLE}) ({fields.WHOLE}) ([^ ]*)(?: ({_SHAPE}))?"
#: What `facts` reads: the path, then the rest.
PATTERN = f"([^ ]*) {AFTER_PATH}"
_TEXT = re.compile(PATTERN)
_INDEX = re.compile("-1|0|[1-9][0-9]{0,9}")


def dump(reference: ReferenceFacts) -> dict[str, Any]:
    """Return the object below the mark."""
    machine: dict[str, Any] = {"v": FORMAT, TO: text(reference)}
    if reference.seal is not None:
        seal = reference.seal.to_json()
        rule = short_rule.shorten(reference.seal.acl, reference.coordinate, ttl_ms(reference))
        machine["seal"] = {**seal, "acl": rule}
    return {"about": shown(reference.about, MAX_ABOUT), MACHINE: machine}


def text(reference: ReferenceFacts) -> str:
    """Return all that the machine needs, but for the seal."""
    to = " ".join(
        (
            _path(reference.coordinate),
            urlsafe_b64encode(bytes.fromhex(reference.version))[:_DIGITS].decode("ascii"),
            str(pushed_ms(reference)),
            str(ttl_ms(reference)),
            str(reference.size),
            _escaped(shown(reference.type_name)),
        )
    )
    return to if reference.shape is None else f"{to} {'x'.join(map(str, reference.shape))}"


def pushed_ms(reference: ReferenceFacts) -> int:
    """Return the time of the push in milliseconds since 1970."""
    return (reference.pushed_at - _EPOCH) // _MILLISECOND


def ttl_ms(reference: ReferenceFacts) -> int:
    """Return the TTL in milliseconds."""
    return reference.ttl // _MILLISECOND


def times(pushed_ms: int, ttl_ms: int) -> tuple[datetime, datetime]:
    """Return when a value was pushed, and when it expires.

    Raises:
        InvalidReference: Python has no such time.
    """
    if pushed_ms + ttl_ms > _LAST:
        raise fields.malformed(TO)
    pushed_at = _EPOCH + timedelta(0, 0, 0, pushed_ms)
    return pushed_at, pushed_at + timedelta(0, 0, 0, ttl_ms)


def require_times(pushed: Sequence[int], ttls: Sequence[int]) -> None:
    """Refuse columns of times for which `times` would raise an error somewhere.

    Raises:
        InvalidReference: As for `times`.
    """
    if max(map(add, pushed, ttls)) > _LAST:
        raise fields.malformed(TO)


def load(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Read the object below the mark, and return the fields of `ReferenceFacts`.

    Raises:
        InvalidReference: The object is not exactly what `dump` returns.
    """
    body = fields.mapping(raw, _OUTER, "reference")
    machine = body[MACHINE]
    sealed = isinstance(machine, dict) and "seal" in machine
    machine = fields.mapping(machine, _SEALED if sealed else _BARE, MACHINE)
    fields.integer(machine["v"], "v", FORMAT, FORMAT)
    to = machine[TO]
    matched = _TEXT.fullmatch(to) if isinstance(to, str) and len(to) <= MOST_CHARACTERS else None
    if matched is None:
        raise fields.malformed(TO)
    found, ttl_ms = facts(matched.groups())
    found["about"] = fields.printable(body["about"], "about", MAX_ABOUT + MAX_DOTS)
    if sealed:
        _add_seal(found, machine["seal"], ttl_ms)
    return found


def map_index_of(to: object) -> int | None:
    """Return the map_index that a text names; None if it is no such text. Nothing else of it is read."""
    parts = to.partition(" ")[0].split("/") if isinstance(to, str) and len(to) <= MOST_CHARACTERS else []
    if len(parts) == 4:
        return NOT_MAPPED
    return int(parts[4]) if len(parts) in (5, 6) and _INDEX.fullmatch(parts[4]) else None


def facts(parts: Sequence[Any]) -> tuple[dict[str, Any], int]:
    """Read the parts of what `text` returns, as `PATTERN` tells them. The TTL in milliseconds comes with its facts.

    Raises:
        InvalidReference: `text` does not return them.
    """
    path, version, pushed, ttl, size, type_name, shape = parts
    ttl_ms = int(ttl)
    pushed_at, expires_at = times(int(pushed), ttl_ms)
    found = {
        "format": FORMAT,
        "coordinate": _coordinate(path),
        "version": a2b_base64(version.encode("ascii").translate(FROM_URL) + b"==").hex(),
        "pushed_at": pushed_at,
        "expires_at": expires_at,
        "size": fields.size(int(size), TO),
        "type_name": fields.printable(_plain(type_name), TO, MAX_SHOWN + MAX_DOTS),
        "shape": None if shape is None else fields.lengths(shape.split("x"), TO),
        "consumers": (),
        "rule": "",
        "seal": None,
    }
    return found, ttl_ms


def _add_seal(found: dict[str, Any], value: object, ttl_ms: int) -> None:
    """Read a seal. It tells the consumers and the rule, too."""
    if not isinstance(value, fields.OBJECT) or "acl" not in value:
        raise fields.malformed("seal")
    try:
        acl, found["consumers"], found["rule"] = short_rule.expand(value["acl"], found["coordinate"], ttl_ms)
    except ValueError:
        raise fields.malformed("seal") from None
    found["seal"] = fields.seal({**value, "acl": acl})


def _path(at: Coordinate) -> str:
    ids = (_escaped(at.dag_id), _escaped(at.run_id), _escaped(at.task_id), _escaped(at.key))
    if at.ti_id is not None:
        return "/".join((*ids, str(at.map_index), _escaped(at.ti_id)))
    return "/".join(ids if at.map_index == NOT_MAPPED else (*ids, str(at.map_index)))


def _coordinate(path: str) -> Coordinate:
    start, _, index = path.rpartition("/")
    ids = _ids(start)
    if ids is not None and _INDEX.fullmatch(index) and index != "-1":  # a result of a mapped task, of thousands
        return Coordinate(*ids, fields.map_index(int(index), TO))
    parts = path.split("/")
    if not 4 <= len(parts) <= 6:
        raise fields.malformed(TO)
    if "%" in path or len(path) > fields.MAX_TEXT:
        parts = [fields.text(_plain(part), TO) for part in parts]
    if len(parts) == 4:
        return Coordinate(parts[0], parts[1], parts[2], parts[3])
    index, ti_id = parts[4], parts[5] if len(parts) == 6 else None
    if not _INDEX.fullmatch(index) or (ti_id is None and int(index) == NOT_MAPPED):
        raise fields.malformed(TO)
    return Coordinate(parts[0], parts[1], parts[2], parts[3], fields.map_index(int(index), TO), ti_id)


@functools.lru_cache(maxsize=64)
def _ids(path: str) -> tuple[str, str, str, str] | None:
    """Return the ids in a path without a map_index; None if it has more or fewer."""
    parts = path.split("/")
    if len(parts) != 4 or len(path) > fields.MAX_TEXT:
        return None
    dag_id, run_id, task_id, key = map(_plain, parts)
    return dag_id, run_id, task_id, key


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F").replace(" ", "%20")


def _plain(part: str) -> str:
    """Reverse `_escaped`."""
    if "%" not in part:
        return part
    text = part.replace("%20", " ").replace("%2F", "/").replace("%25", "%")
    if _escaped(text) != part:
        raise fields.malformed(TO)
    return text
