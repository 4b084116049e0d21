"""A rule as pushes of generation 3 write it to Redis: the canonical JSON of `acl/canonical.py`, packed.

The name of the hash tells which XCom it is, so the names in the rule need not be repeated. A digest of them shows a
rule that stands in a wrong place. A rule that packs to nothing shorter is left as it is.

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
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.formats.digests import NAMES_BYTES, names_of

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

_FORMAT = b"\x03"
_ONCE, _RESTRICTED, _SAME_RUN, _TTL = 1, 2, 4, 8
_TTL_BYTES = 6
_FLAGS_AT = 1 + NAMES_BYTES
_FIRST, _SAME_RUN_NAME, _SOURCE, _TTL_NAME = b'{"consumers":[', b',"same_run":', b',"source":"', b'","ttl_ms":'
_LAST = b',"version":1}'
_MOST_DIGITS = 14  # these fit into the bytes
#: The longest source in JSON: `acl.limits.MAX_SOURCE_LENGTH` characters, each escaped in 12 bytes. A sign stands for up
#: to some kilobytes. So without a bound, a megabyte of signs would be gigabytes.
_MOST_SOURCE_BYTES = 12 * 16 * 1024
#: A longer rule is not remembered. Workers may write rules of a megabyte.
_REMEMBERED_BYTES = 4096


def pack(text: bytes, at: Coordinate) -> bytes:
    """Pack a rule in force for an XCom; a text that `unpack` would not give back is returned as it is.

    Args:
        text: The rule as canonical JSON.
        at: The XCom, with any map_index.
    """
    packed = _packed(text, at)
    return packed if len(packed) < len(text) and _unpacked(packed, at.dag_id, at.task_id, at.key) == text else text


def unpack(data: bytes, at: Coordinate) -> bytes:
    """Return the canonical JSON of a rule from Redis. Neither `data` nor the result is trusted.

    A rule that was packed for another XCom gets the name of another DAG. What `pack` did not write is returned as it
    is. It is canonical JSON, or nobody can read it.
    """
    if data[:1] != _FORMAT:
        return data
    read = _unpacked_again if len(data) <= _REMEMBERED_BYTES else _unpacked
    return read(data, at.dag_id, at.task_id, at.key)


class _Words(NamedTuple):
    """What the names of an XCom make of its rules.

    `after_consumers` and `after_once` are JSON. `signs` are control characters, which JSON does not have, each with the
    words of sources for which it stands.
    """

    digest: bytes
    after_consumers: bytes
    after_once: bytes
    signs: tuple[tuple[bytes, bytes], ...]


def _packed(text: bytes, at: Coordinate) -> bytes:
    """Pack a rule. The result is of no use if the text is anything else; `pack` finds that out."""
    words = _words(at.dag_id, at.task_id, at.key)
    consumers, _, rest = text.partition(words.after_consumers)
    once, _, rest = rest.partition(words.after_once)
    restricted, _, rest = rest.partition(_SAME_RUN_NAME)
    same_run, _, rest = rest.partition(_SOURCE)
    source, _, rest = rest.rpartition(_TTL_NAME)
    flags = _ONCE * (once == b"true") | _RESTRICTED * (restricted == b"true") | _SAME_RUN * (same_run == b"true")
    digits = rest[: -len(_LAST)]
    ttl = b""
    if digits.isdigit() and len(digits) <= _MOST_DIGITS:
        flags |= _TTL
        ttl = int(digits).to_bytes(_TTL_BYTES, "big")
    for sign, long in words.signs:
        source = source.replace(long, sign)
    return b"".join((_FORMAT, words.digest, bytes((flags,)), ttl, consumers[len(_FIRST) :], b"\0", source))


def _unpacked(data: bytes, dag_id: str, task_id: str, key: str) -> bytes:
    words = _words(dag_id, task_id, key)
    start = _FLAGS_AT + 1
    if len(data) < start:
        return data
    if data[1:_FLAGS_AT] != words.digest:
        # The names of a rule in a wrong place are not known. No DAG has this one here, so `decide` refuses.
        words = _words(f"{dag_id}?", task_id, key)
    flags, ttl = data[_FLAGS_AT], b"null"
    if flags & _TTL:
        ttl = b"%d" % int.from_bytes(data[start : start + _TTL_BYTES], "big")
        start += _TTL_BYTES
    consumers, _, source = data[start:].partition(b"\0")
    if len(source) + sum(source.count(sign) * (len(long) - 1) for sign, long in words.signs) > _MOST_SOURCE_BYTES:
        return data
    for sign, long in words.signs:
        source = source.replace(sign, long)
    return b"".join(
        (
            _FIRST,
            consumers,
            words.after_consumers,
            _bool(flags & _ONCE),
            words.after_once,
            _bool(flags & _RESTRICTED),
            _SAME_RUN_NAME,
            _bool(flags & _SAME_RUN),
            _SOURCE,
            source,
            _TTL_NAME,
            ttl,
            _LAST,
        )
    )


_unpacked_again = functools.lru_cache(maxsize=128)(_unpacked)


@functools.lru_cache(maxsize=128)
def _words(dag_id: str, task_id: str, key: str) -> _Words:
    dag, task, name = (encode_basestring_ascii(each).encode("ascii") for each in (dag_id, task_id, key))
    entries = (f"xcom_acl[{task_id!r}][{key!r}]", f"xcom_acl[{key!r}]", f"xcom_acl[{task_id!r}]")
    quoted = (encode_basestring_ascii(entry)[1:-1].encode("ascii") for entry in entries)
    long = (*quoted, b"default_consumers", b"exclusive()", b" at ")
    return _Words(
        names_of(dag_id, task_id, key),
        b'],"dag_id":%b,"key":%b,"once":' % (dag, name),
        b',"producer":%b,"restricted":' % task,
        tuple((bytes((number,)), each) for number, each in enumerate(long, start=1)),
    )


def _bool(flag: int) -> bytes:
    return b"true" if flag else b"false"
