"""What a value is bound to, as bytes that no other coordinate, version or access list has."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

_LENGTH = struct.Struct(">Q")

# Different labels: what is bound for one purpose or format is never valid for another.
_SEAL_LABEL = b"exclusive-redis-xcom seal, format 1"
_PAYLOAD_LABEL = b"exclusive-redis-xcom payload, format 1"


def seal_info(coordinate: Coordinate, version: str, acl: bytes) -> bytes:
    """The context a data key is sealed in (`info` of HPKE, RFC 9180, 5.1, and of HKDF).

    Args:
        coordinate: Where the value was pushed to.
        version: The push's version.
        acl: The canonical bytes of the rule in force.
    """
    return _encode(_SEAL_LABEL, *_address(coordinate, version), acl)


def payload_aad(
    coordinate: Coordinate, version: str, acl: bytes, *, codec: str, compression: str, decoded_size: int
) -> bytes:
    """The associated data of an encrypted payload: all that decides where it belongs and how it is decoded.

    Args:
        coordinate: Where the value was pushed to.
        version: The push's version.
        acl: The canonical bytes of the rule in force; its SHA-256 goes in.
        codec: The envelope's codec.
        compression: The envelope's compression.
        decoded_size: In bytes, before compression.
    """
    digest = hashlib.sha256(acl).digest()
    how = (_text(codec), _text(compression), _text(str(decoded_size)))
    return _encode(_PAYLOAD_LABEL, *_address(coordinate, version), digest, *how)


def _address(at: Coordinate, version: str) -> tuple[bytes, ...]:
    return tuple(map(_text, (at.dag_id, at.run_id, at.task_id, at.key, str(at.map_index), version)))


def _text(text: str) -> bytes:
    # Lone surrogates are no valid UTF-8, but ids may hold them; "surrogatepass" keeps all texts apart.
    return text.encode("utf-8", "surrogatepass")


def _encode(*parts: bytes) -> bytes:
    """Each part after its length: no two sequences of parts give the same bytes."""
    return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))
