"""The seal: the part of a reference that holds the sealed data key, and what the ring makes of it.

A seal has one of four forms, which differ in their fields. A push writes the first. The ring (on the API server) checks
it at the push, and puts the second in its place. Airflow's database holds these two. The other two are answers of the
ring to one task:

| form    | fields                            | meaning                                                       |
|---------|-----------------------------------|---------------------------------------------------------------|
| pushed  | `key_id`, `acl`, `key`            | the data key, sealed to the API server's public key           |
| wrapped | `key_id`, `acl`, `wrapped`        | the data key, wrapped under a key that only API servers have  |
| opened  | `key_id`, `acl`, `data_key`       | for a task that may read                                      |
| refused | `key_id`, `acl`, `key`, `refused` | for everybody else: still sealed, with the reason             |

No answer holds a wrapped key. Where it is refused, `key` is `NO_KEY`: workers of earlier builds expect some key there.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DENIED = "denied"
CLAIMED = "claimed"
NOT_RUNNING = "not_running"
UNKNOWN_KEY = "unknown_key"
FORGED = "forged"
GONE = "gone"
WITHHELD = "withheld"

#: Why the ring did not open a seal. `denied`: the access list names others. `claimed`: the value is read once, and
#: another task instance has read it. `not_running`: the token's task instance is not running. `unknown_key`: the API
#: server lacks the private key. `forged`: the seal was not made for this reference. `gone`: the value is read once, and
#: Redis no longer has it. `withheld`: the value is read once, and was not claimed, because the pull fails at another or
#: reads ahead.
REASONS = frozenset({DENIED, CLAIMED, NOT_RUNNING, UNKNOWN_KEY, FORGED, GONE, WITHHELD})

#: HPKE with X25519 and AES-256-GCM (RFC 9180, 4.1 and 7): an encapsulated key of 32 bytes, the data key, 16 bytes tag.
SEALED_KEY_BYTES = 80
DATA_KEY_BYTES = 32
#: A nonce of 12 bytes, the encrypted data key, 16 bytes tag (`crypto.wrapping`).
WRAPPED_KEY_BYTES = 60

#: It stands for a sealed key. It opens nothing.
NO_KEY = bytes(SEALED_KEY_BYTES)

_KEY_ID = re.compile(r"[0-9a-f]{16}")
#: The longest rule that is read.
MAX_ACL_CHARACTERS = 1024 * 1024
_MAX_BY_CHARACTERS = 2000
_COMMON = {"key_id", "acl"}

_TO_URL = bytes.maketrans(b"+/", b"-_")
#: From base64 as URLs have it to base64 as `binascii` reads it.
FROM_URL = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the ring did not open a seal.

    `reason` is one of `REASONS`. `by` names, for people, who claimed a read-once value.
    """

    reason: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal of any form.

    `key_id` names the API server's key pair. `acl` is the rule in force, as `Acl.dumps` wrote it.
    """

    key_id: str
    acl: bytes
    sealed_key: bytes | None = field(default=None, repr=False)
    wrapped_key: bytes | None = field(default=None, repr=False)
    data_key: bytes | None = field(default=None, repr=False)
    refused: Refused | None = None

    @property
    def is_as_pushed(self) -> bool:
        """Whether it is in the form that a push writes."""
        return self.sealed_key is not None and self.refused is None

    @property
    def is_stored(self) -> bool:
        """Whether it is in a form that Airflow's database holds. If not, it is an answer of the ring."""
        return (self.sealed_key is not None or self.wrapped_key is not None) and self.refused is None

    def to_json(self) -> dict[str, Any]:
        """Return the seal in its form."""
        body: dict[str, Any] = {"key_id": self.key_id, "acl": self.acl.decode("ascii")}
        if self.data_key is not None:
            return {**body, "data_key": encode_key(self.data_key)}
        if self.wrapped_key is not None:
            return {**body, "wrapped": encode_key(self.wrapped_key)}
        if self.sealed_key is not None:
            body["key"] = encode_key(self.sealed_key)
        if self.refused is not None:
            body["refused"] = {"reason": self.refused.reason, "by": self.refused.by}
        return body


def parse_seal(value: object) -> Seal:
    """Read a seal of any form.

    Raises:
        ValueError: It has none of the four forms.
    """
    if not isinstance(value, Mapping):
        raise ValueError
    key_id, acl = _text(value.get("key_id"), 16), _text(value.get("acl"), MAX_ACL_CHARACTERS)
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError
    rule = acl.encode("ascii")
    form = value.keys() - _COMMON
    if form == {"wrapped"}:
        return Seal(key_id, rule, wrapped_key=decode_key(value["wrapped"], WRAPPED_KEY_BYTES))
    if form == {"data_key"}:
        return Seal(key_id, rule, data_key=decode_key(value["data_key"], DATA_KEY_BYTES))
    if form == {"key"}:
        return Seal(key_id, rule, sealed_key=decode_key(value["key"], SEALED_KEY_BYTES))
    if form == {"key", "refused"}:
        sealed_key = decode_key(value["key"], SEALED_KEY_BYTES)
        return Seal(key_id, rule, sealed_key=sealed_key, refused=_refused(value["refused"]))
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


def encode_key(data: bytes) -> str:
    """Write a key as text: base64 for URLs, without padding."""
    return b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


def decode_key(value: object, length: int) -> bytes:
    """Read a key of so many bytes.

    Raises:
        ValueError: The value is not what `encode_key` returns for such a key.
    """
    text = _text(value, 2 * length)
    data = a2b_base64(text.encode("ascii").translate(FROM_URL) + b"=" * (-len(text) % 4))
    if len(data) != length or encode_key(data) != text:  # there is one way to write each
        raise ValueError
    return data
