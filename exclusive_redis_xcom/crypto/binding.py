"""What a value is bound to: bytes that no other coordinate, version or access list has."""

from __future__ import annotations

import functools
import hashlib
import struct
from binascii import hexlify
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.model import Coordinate

_LENGTH = struct.Struct(">Q")
_VERSION_BYTES = 16

# The labels differ: bytes for one purpose or format are never valid for another.
_SEAL_LABEL = b"exclusive-redis-xcom seal, format 1"
_PAYLOAD_LABEL = b"exclusive-redis-xcom payload, format 1"
_WRAP_LABEL = b"exclusive-redis-xcom wrapped key, format 1"

#: Longer access lists are hashed each time, so that little memory is needed.
_REMEMBERED_BYTES = 16 * 1024


def seal_info(coordinate: Coordinate, version: str, acl: bytes) -> bytes:
    """Return the context in which a data key is sealed or derived (`info` of HPKE, RFC 9180, 5.1, and of HKDF).

    Args:
        coordinate: The place to which the value was pushed.
        version: The version of the push.
        acl: The canonical bytes of the rule in force.
    """
    return _address(_SEAL_LABEL, coordinate, version) + _encode(acl)


def wrap_aad(coordinate: Coordinate, version: str, acl: bytes) -> bytes:
    """Return the associated data of a wrapped data key: the same as for a seal, under a label of its own.

    Args:
        coordinate: The place to which the value was pushed.
        version: The version of the push.
        acl: The canonical bytes of the rule in force.
    """
    return _address(_WRAP_LABEL, coordinate, version) + _encode(acl)


def wrap_aads(
    at: Coordinate, indexes: Sequence[int], versions: Sequence[bytes], acls: Sequence[bytes]
) -> Iterator[bytes]:
    """Yield what `wrap_aad` returns for several results of a mapped task, in a fraction of its time.

    Args:
        at: The XCom, with any map_index.
        indexes: The map indexes.
        versions: The versions, 16 bytes each.
        acls: The canonical bytes of the rules in force.
    """
    encoded = {acl: _encode(acl) for acl in set(acls)}
    for address, acl in zip(_addresses(_WRAP_LABEL, at, indexes, versions), acls, strict=True):
        yield address + encoded[acl]


def payload_aad(
    coordinate: Coordinate, version: str, acl: bytes, *, codec: str, compression: str, decoded_size: int
) -> bytes:
    """Return the associated data of an encrypted payload: all that decides where it belongs and how it is decoded.

    Args:
        coordinate: The place to which the value was pushed.
        version: The version of the push.
        acl: The canonical bytes of the rule in force. Their SHA-256 goes in.
        codec: The envelope's codec.
        compression: The envelope's compression.
        decoded_size: The size in bytes before compression.
    """
    digest = (_digest if len(acl) <= _REMEMBERED_BYTES else _digest.__wrapped__)(acl)
    how = _how(digest, codec, compression, decoded_size)
    return _address(_PAYLOAD_LABEL, coordinate, version) + how


def payload_aads(
    at: Coordinate,
    indexes: Sequence[int],
    versions: Sequence[bytes],
    acl: bytes,
    hows: Sequence[tuple[str, str]],
    decoded_sizes: Sequence[int],
) -> list[bytes]:
    """Return what `payload_aad` returns for several results of a mapped task, in a fraction of its time.

    Args:
        at: The XCom, with any map_index.
        indexes: The map indexes.
        versions: The versions, 16 bytes each.
        acl: The canonical bytes of the rule in force for all of them.
        hows: The codecs of the envelopes, each with the compression.
        decoded_sizes: The sizes in bytes before compression.
    """
    digest = (_digest if len(acl) <= _REMEMBERED_BYTES else _digest.__wrapped__)(acl)
    decodings = list(zip(hows, decoded_sizes, strict=True))
    encoded = {decoding: _how(digest, *decoding[0], decoding[1]) for decoding in set(decodings)}
    addresses = _addresses(_PAYLOAD_LABEL, at, indexes, versions)
    return [address + encoded[decoding] for address, decoding in zip(addresses, decodings, strict=True)]


def _addresses(label: bytes, at: Coordinate, indexes: Sequence[int], versions: Sequence[bytes]) -> Iterator[bytes]:
    """Yield what `_address` returns for several results of a mapped task."""
    shared = _shared_address(label, at.dag_id, at.run_id, at.task_id, at.key)
    texts = [b"%d" % index for index in indexes]
    lengths = {length: _LENGTH.pack(length) for length in set(map(len, texts))}
    instance = b"" if at.ti_id is None else _encode(_text(at.ti_id))
    before_version = instance + _LENGTH.pack(2 * _VERSION_BYTES)
    for text, version in zip(texts, versions, strict=True):
        yield b"".join((shared, lengths[len(text)], text, before_version, hexlify(version)))


def _address(label: bytes, at: Coordinate, version: str) -> bytes:
    # The results of a mapped task share the first parts, and one pull may have thousands of them. The id of the task
    # instance is one part more: no other coordinate has as many.
    shared = _shared_address(label, at.dag_id, at.run_id, at.task_id, at.key)
    if at.ti_id is None:
        index, text = str(at.map_index).encode(), _text(version)
        return b"".join((shared, _LENGTH.pack(len(index)), index, _LENGTH.pack(len(text)), text))
    return shared + _encode(str(at.map_index).encode(), _text(at.ti_id), _text(version))


@functools.lru_cache(maxsize=256)
def _shared_address(label: bytes, *ids: str) -> bytes:
    return _encode(label, *map(_text, ids))


@functools.lru_cache(maxsize=256)
def _how(digest: bytes, codec: str, compression: str, decoded_size: int) -> bytes:
    return _encode(digest, _text(codec), _text(compression), str(decoded_size).encode())


@functools.lru_cache(maxsize=256)
def _digest(acl: bytes) -> bytes:
    return hashlib.sha256(acl).digest()


def _text(text: str) -> bytes:
    # Ids may hold lone surrogates, which are no valid UTF-8. "surrogatepass" gives each text bytes of its own.
    return text.encode("utf-8", "surrogatepass")


def _encode(*parts: bytes) -> bytes:
    """Write each part after its length, so that no two sequences of parts give the same bytes."""
    return b"".join([piece for part in parts for piece in (_LENGTH.pack(len(part)), part)])
