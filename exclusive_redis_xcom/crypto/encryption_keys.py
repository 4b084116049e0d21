"""The encryption keys, which all workers share in worker mode, where no API server decides."""

from __future__ import annotations

import hmac
import os
import re

from exclusive_redis_xcom.crypto import key_texts
from exclusive_redis_xcom.crypto.failures import UnknownKey
from exclusive_redis_xcom.crypto.secret_keys import SecretKeys
from exclusive_redis_xcom.tracebacks import errors_without_locals

_ID_LABEL = b"exclusive-redis-xcom encryption key id, format 1"
_VERSION = re.compile(r"[0-9a-f]{32}")


class EncryptionKeys(SecretKeys):
    """256-bit keys that every worker holds, newest first. The newest key encrypts, and all keys decrypt."""

    __slots__ = ("_by_id",)

    kind = key_texts.ENCRYPTION

    def __init__(self, raw: tuple[bytes, ...] = ()) -> None:
        super().__init__(raw)
        self._by_id = {_key_id(key): key for key in raw}

    @property
    def newest_id(self) -> str:
        """The id of the key that encrypts: 16 hex digits, the start of HMAC-SHA-256(key, a fixed label).

        Raises:
            ValueError: There is no key.
        """
        for key_id in self._by_id:
            return key_id
        msg = "there is no encryption key"
        raise ValueError(msg)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys, newest first."""
        return tuple(self._by_id)

    @errors_without_locals
    def data_key(self, key_id: str, version: str, info: bytes) -> bytes:
        """Derive the 32-byte data key of one push: HKDF-SHA256 (RFC 5869) of a key, salted with the push's version.

        A version is 128 random bits, so no two pushes share a data key.

        Args:
            key_id: The id of the key. It may be untrusted.
            version: The version of the push, 32 hex digits.
            info: What the value is bound to, see `seal_info`.

        Raises:
            UnknownKey: No key has this id.
            ValueError: The version is malformed.
        """
        key = self._by_id.get(key_id)
        if key is None:
            raise UnknownKey.of(key_id, "encryption_keys")
        if not _VERSION.fullmatch(version):
            msg = "a version is 32 hex digits"
            raise ValueError(msg)
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), key_texts.KEY_BYTES, bytes.fromhex(version), info).derive(key)


def generate_encryption_key() -> str:
    """Return the text of a new key."""
    return key_texts.write(os.urandom(key_texts.KEY_BYTES), key_texts.ENCRYPTION)


def _key_id(key: bytes) -> str:
    return hmac.digest(key, _ID_LABEL, "sha256").hex()[:16]
