"""What a value is bound to: bytes that no other coordinate, version or access list has."""

from __future__ import annotations

import functools
import hashlib
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

_LENGTH = struct.Struct(">Q")

# The labels differ: bytes for one purpose or format are never valid for another.
_SEAL_LABEL = b"exclusive-redis-xcom seal, format 1"
_PAYLOAD_LABEL = b"exclusive-redis-xcom payload, format 1"
_WRAP_LABEL = b"exclusive-redis-xcom wrapped key, format 1"

#: Longer access lists are encoded each time, so that little memory is needed.
_REMEMBERED_BYTES = 16 * 1024


def seal_info(coordinate: Coordinate, version: str, acl: bytes) -> bytes:
    """Return the context in which a data key is sealed or derived (`info` of HPKE, RFC 9180, 5.1, and of HKDF).

    Args:
        coordinate: The place to which the value was pushed.
        version: The version of the push.
        acl: The canonical bytes of the rule in force.
    """
    return _encode(_SEAL_LABEL, *_address(coordinate, version), acl)


def wrap_aad(coordinate: Coordinate, version: str, acl: bytes) -> bytes:
    """Return the associated data of a wrapped data key.

    The results of a mapped task share most of it, so that part comes first, and the last ones are remembered.

    Args:
        coordinate: The place to which the value was pushed.
        version: The version of the push.
        acl: The canonical bytes of the rule in force.
    """
    at = coordinate
    shared = _wrap_prefix if len(acl) <= _REMEMBERED_BYTES else _wrap_prefix.__wrapped__
    instance = () if at.ti_id is None else (at.ti_id,)
    own = (str(at.map_index), *instance, version)
    return shared(at.dag_id, at.run_id, at.task_id, at.key, acl) + _encode(*map(_text, own))


@functools.lru_cache(maxsize=64)
def _wrap_prefix(dag_id: str, run_id: str, task_id: str, key: str, acl: bytes) -> bytes:
    return _encode(_WRAP_LABEL, *map(_text, (dag_id, run_id, task_id, key)), acl)


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
    digest = hashlib.sha256(acl).digest()
    how = (_text(codec), _text(compression), _text(str(decoded_size)))
    return _encode(_PAYLOAD_LABEL, *_address(coordinate, version), digest, *how)


def _address(at: Coordinate, version: str) -> tuple[bytes, ...]:
    # The id of the task instance is one part more: no other coordinate has as many.
    instance = () if at.ti_id is None else (at.ti_id,)
    return tuple(map(_text, (at.dag_id, at.run_id, at.task_id, at.key, str(at.map_index), *instance, version)))


def _text(text: str) -> bytes:
    # Ids may hold lone surrogates, which are no valid UTF-8. "surrogatepass" gives each text bytes of its own.
    return text.encode("utf-8", "surrogatepass")


def _encode(*parts: bytes) -> bytes:
    """Write each part after its length, so that no two sequences of parts give the same bytes."""
    return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))
