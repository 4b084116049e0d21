"""The part of a reference that holds the sealed data key, and what the ring makes of it.

Three forms, told apart by their fields. In Airflow's database there is only the first; the other two are answers of the
ring (the API server) to one task:

======== ============================================ =====================================================
pushed   `key_id`, `acl`, `key`                 the data key, sealed to the API server's public key
opened   `key_id`, `acl`, `data_key`            for a task that may read
refused  `key_id`, `acl`, `key`, `refused`    for everybody else: still sealed, with the reason
======== ============================================ =====================================================
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

DENIED = "denied"
CLAIMED = "claimed"
NOT_RUNNING = "not_running"
UNKNOWN_KEY = "unknown_key"
FORGED = "forged"
GONE = "gone"
WITHHELD = "withheld"

#: Why the ring left a seal shut: the access list names others; read once, by another; the token's task instance is
#: not running; the API server lacks the private key; the seal was not made for this reference; of values that are read
#: once: Redis no longer has it, or it was not claimed because another value of the same pull was refused.
REASONS = frozenset({DENIED, CLAIMED, NOT_RUNNING, UNKNOWN_KEY, FORGED, GONE, WITHHELD})

#: HPKE with X25519 and AES-256-GCM: 32 bytes encapsulated key, 32 bytes data key, 16 bytes tag (RFC 9180, 4.1 and 7).
SEALED_KEY_BYTES = 80
DATA_KEY_BYTES = 32

_KEY_ID = re.compile(r"[0-9a-f]{16}")
_MAX_ACL_CHARACTERS = 1024 * 1024
_MAX_BY_CHARACTERS = 2000
_COMMON = {"key_id", "acl"}


@dataclass(frozen=True, slots=True)
class Refused:
    """The ring's reason, one of `REASONS`; `by` names who claimed a read-once value, for people."""

    reason: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """`key_id` names the API server's key pair; `acl` is the rule in force as `Acl.dumps` wrote it."""

    key_id: str
    acl: bytes
    sealed_key: bytes | None = field(default=None, repr=False)
    data_key: bytes | None = field(default=None, repr=False)
    refused: Refused | None = None

    @property
    def is_as_pushed(self) -> bool:
        """Whether this is what a push wrote, not an answer of the ring."""
        return self.sealed_key is not None and self.refused is None

    def to_json(self) -> dict[str, Any]:
        """One of the three forms."""
        body: dict[str, Any] = {"key_id": self.key_id, "acl": self.acl.decode("ascii")}
        if self.data_key is not None:
            return {**body, "data_key": _encode(self.data_key)}
        if self.sealed_key is not None:
            body["key"] = _encode(self.sealed_key)
        if self.refused is not None:
            body["refused"] = {"reason": self.refused.reason, "by": self.refused.by}
        return body


def parse_seal(value: object) -> Seal:
    """Read any of the three forms back.

    Raises:
        ValueError: It is none of them.
    """
    if not isinstance(value, Mapping):
        raise ValueError
    fields = set(value)
    key_id, acl = _text(value.get("key_id"), 16), _text(value.get("acl"), _MAX_ACL_CHARACTERS)
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError
    seal = Seal(key_id, acl.encode("ascii"))
    if fields == _COMMON | {"data_key"}:
        return replace(seal, data_key=_decode(value["data_key"], DATA_KEY_BYTES))
    if fields == _COMMON | {"key"}:
        return replace(seal, sealed_key=_decode(value["key"], SEALED_KEY_BYTES))
    if fields == _COMMON | {"key", "refused"}:
        sealed_key = _decode(value["key"], SEALED_KEY_BYTES)
        return replace(seal, sealed_key=sealed_key, refused=_refused(value["refused"]))
    raise ValueError


def _refused(value: object) -> Refused:
    if not isinstance(value, Mapping) or set(value) != {"reason", "by"}:
        raise ValueError
    reason, by = _text(value["reason"], 20), value["by"]
    if reason not in REASONS:
        raise ValueError
    return Refused(reason, None if by is None else _text(by, _MAX_BY_CHARACTERS))


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError
    return value


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(value: object, length: int) -> bytes:
    text = _text(value, 2 * length)
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if len(data) != length or _encode(data) != text:  # one way to write each
        raise ValueError
    return data
