"""The texts of keys, as people handle them: a prefix that names the kind, then 32 bytes as unpadded base64url.

The functions return what is wrong instead of raising it, so that their callers can say which setting it is.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

KEY_BYTES = 32

#: No rotation needs more keys. Each answer of the ring announces the ids of all keys.
MAX_KEYS = 64

_BODY = re.compile(r"[A-Za-z0-9_-]{43}")
_SEPARATORS = re.compile(r"[\s,]+")
_LONGEST_LIST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of key: its prefix, its name for people, and where it belongs."""

    prefix: str
    name: str
    home: str


PUBLIC = Kind("xrx-pub-", "a public sealing key", "in seal_public_key, on workers")
PRIVATE = Kind("xrx-key-", "a private sealing key", "in seal_private_keys, on API servers only")
ENCRYPTION = Kind("xrx-enc-", "an encryption key", "in encryption_keys")
_KINDS = (PUBLIC, PRIVATE, ENCRYPTION)


def write(raw: bytes, kind: Kind) -> str:
    """Return the text of a key."""
    return kind.prefix + base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def read(text: object, kind: Kind) -> tuple[bytes, str]:
    """Return the bytes of a key, or `b""` and what is wrong with the text."""
    if not isinstance(text, str):
        return b"", f"{kind.name} is a text, {kind.prefix}...; this is of another type"
    text = text.strip()
    if not text.startswith(kind.prefix):
        return b"", _mistaken(text, kind)
    raw = _decoded(text[len(kind.prefix) :])
    if raw is None:
        return b"", (
            f"{kind.name} is {kind.prefix} and 43 characters, as exclusive-xcom keygen prints it; "
            "this one has too many, too few or other characters"
        )
    return raw, ""


def read_list(text: object, kind: Kind) -> tuple[tuple[bytes, ...], str]:
    """Return the keys of a list, or what is wrong with one of them.

    Commas, spaces or line breaks stand between keys. A key that is repeated counts once.
    """
    if not isinstance(text, str):
        return (), "a list of keys is a text; this is of another type"
    if len(text) > _LONGEST_LIST:
        return (), f"a list of keys is at most {_LONGEST_LIST} characters long; this one has {len(text)}"
    keys: dict[bytes, None] = {}
    for number, item in enumerate(filter(None, _SEPARATORS.split(text)), start=1):
        raw, problem = read(item, kind)
        if problem:
            return (), f"key {number} of the list: {problem}"
        keys[raw] = None
    if len(keys) > MAX_KEYS:
        return (), f"at most {MAX_KEYS} keys are taken; the list has {len(keys)}. Drop the oldest"
    return tuple(keys), ""


def _mistaken(text: str, kind: Kind) -> str:
    for other in _KINDS:
        if text.startswith(other.prefix):
            return f"this is {other.name}, it belongs {other.home}; {kind.name} ({kind.prefix}...) is wanted"
    return f"{kind.name} starts with {kind.prefix}; exclusive-xcom keygen makes one"


def _decoded(body: str) -> bytes | None:
    if not _BODY.fullmatch(body):
        return None
    try:
        raw = base64.urlsafe_b64decode(body + "=")
    except binascii.Error:  # pragma: no cover - 43 characters of the alphabet always decode
        return None
    # 43 characters hold two bits more than 32 bytes, but one key must not have four texts.
    return raw if base64.urlsafe_b64encode(raw).startswith(body.encode("ascii")) else None
