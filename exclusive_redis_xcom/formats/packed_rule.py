"""A rule as pushes of generation 3 write it to Redis: the canonical JSON of `acl/canonical.py`, packed.

The name of the hash tells which XCom it is, so the names in the rule need not be repeated. A digest of them shows a rule
that stands in a wrong place. Such a rule, and one that packs to nothing shorter, is left as it is.

Layout; all integers are big-endian:

| bytes    | content                                                                                     |
|----------|---------------------------------------------------------------------------------------------|
| 1        | format version, 3; canonical JSON begins with `{`                                           |
| 4        | digest of dag_id, producer and key (`formats/digests.py`)                                   |
| 1        | flags: once, restricted, same_run, and whether ttl_ms follows                               |
| 6        | ttl_ms, where the flag says so                                                              |
| as told  | the consumers' list in JSON without its brackets; then a zero byte                          |
| the rest | the source in JSON without its quotes; control characters stand for what most sources have  |
"""

from __future__ import annotations

import functools
import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING

from exclusive_redis_xcom.formats.digests import NAMES_BYTES, names_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

_FORMAT = b"\x03"
_ONCE, _RESTRICTED, _SAME_RUN, _TTL = 1, 2, 4, 8
_TTL_BYTES = 6
_FLAGS_AT = 1 + NAMES_BYTES
#: A longer rule is not remembered. Workers may write rules of a megabyte.
_REMEMBERED_BYTES = 4096


def pack(text: bytes, at: Coordinate) -> bytes:
    """Pack a rule in force for an XCom; a text that `unpack` would not give back is returned as it is.

    Args:
        text: The rule as canonical JSON.
        at: The XCom, with any map_index.
    """
    try:
        packed = _packed(text, at)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return text
    return packed if len(packed) < len(text) and _unpacked(packed, at.dag_id, at.task_id, at.key) == text else text


def unpack(data: bytes, at: Coordinate) -> bytes:
    """Return the canonical JSON of a rule from Redis. `data` is not trusted, and nor is the result.

    What `pack` did not write for this XCom is returned as it is. It is canonical JSON, or nobody can read it.
    """
    if data[:1] != _FORMAT:
        return data
    read = _unpacked_again if len(data) <= _REMEMBERED_BYTES else _unpacked
    return read(data, at.dag_id, at.task_id, at.key)


def _packed(text: bytes, at: Coordinate) -> bytes:
    fields = json.loads(text)
    flags = _ONCE * fields["once"] | _RESTRICTED * fields["restricted"] | _SAME_RUN * fields["same_run"]
    ttl = b""
    if fields["ttl_ms"] is not None:
        flags |= _TTL
        ttl = fields["ttl_ms"].to_bytes(_TTL_BYTES, "big")
    consumers = json.dumps(fields["consumers"], separators=(",", ":"))[1:-1]
    source = encode_basestring_ascii(fields["source"])[1:-1]
    for sign, words in _signs(at.task_id, at.key):
        source = source.replace(words, sign)
    names = names_of(at.dag_id, at.task_id, at.key)
    return b"".join((_FORMAT, names, bytes((flags,)), ttl, consumers.encode("ascii"), b"\0", source.encode("ascii")))


def _unpacked(data: bytes, dag_id: str, task_id: str, key: str) -> bytes:
    flags = data[_FLAGS_AT] if len(data) > _FLAGS_AT else None
    if flags is None or data[1:_FLAGS_AT] != names_of(dag_id, task_id, key):
        return data
    start = _FLAGS_AT + 1
    ttl = "null"
    if flags & _TTL:
        ttl = str(int.from_bytes(data[start : start + _TTL_BYTES], "big"))
        start += _TTL_BYTES
    consumers, _, source = data[start:].decode("ascii", "replace").partition("\0")
    for sign, words in _signs(task_id, key):
        source = source.replace(sign, words)
    return (
        f'{{"consumers":[{consumers}],"dag_id":{encode_basestring_ascii(dag_id)},"key":{encode_basestring_ascii(key)},'
        f'"once":{_bool(flags & _ONCE)},"producer":{encode_basestring_ascii(task_id)},'
        f'"restricted":{_bool(flags & _RESTRICTED)},"same_run":{_bool(flags & _SAME_RUN)},"source":"{source}",'
        f'"ttl_ms":{ttl},"version":1}}'
    ).encode()


_unpacked_again = functools.lru_cache(maxsize=128)(_unpacked)


@functools.lru_cache(maxsize=128)
def _signs(task_id: str, key: str) -> tuple[tuple[str, str], ...]:
    """Return control characters, and the words of sources that they stand for. JSON has no control characters."""
    entries = (f"xcom_acl[{task_id!r}][{key!r}]", f"xcom_acl[{key!r}]", f"xcom_acl[{task_id!r}]")
    words = (
        *(encode_basestring_ascii(entry)[1:-1] for entry in entries),
        "default_consumers",
        "exclusive()",
        " at ",
    )
    return tuple((chr(number), each) for number, each in enumerate(words, start=1))


def _bool(flag: int) -> str:
    return "true" if flag else "false"
