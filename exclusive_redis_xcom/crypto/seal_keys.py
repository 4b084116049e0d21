"""The pair of keys of server mode: workers seal with the public one, API servers open with the private ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.crypto import key_texts
from exclusive_redis_xcom.crypto.failures import UnknownKey
from exclusive_redis_xcom.crypto.secret_keys import SecretKeys
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_WRAPPING_LABEL = b"exclusive-redis-xcom wrapping key, format 1"


@dataclass(frozen=True, slots=True)
class SealPublicKey:
    """The X25519 public key to which data keys are sealed. It is no secret."""

    raw: bytes

    @classmethod
    @errors_without_locals
    def parse(cls, text: str) -> SealPublicKey:
        """Read a key text.

        Raises:
            ValueError: The text is no public key. The message says what it is, without quoting it: it may be the
                private key.
        """
        raw, problem = key_texts.read(text, key_texts.PUBLIC)
        if problem:
            raise ValueError(problem)
        return cls(raw)

    @property
    def key_id(self) -> str:
        """16 hex digits: the first 8 bytes of the SHA-256 of the key."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """The text that `parse` reads."""
        return key_texts.write(self.raw, key_texts.PUBLIC)

    def __repr__(self) -> str:
        return f"<SealPublicKey {self.key_id}>"


class SealPrivateKeys(SecretKeys):
    """X25519 private keys, newest first. All of them open seals, so that live values outlast a rotation."""

    __slots__ = ("_by_id", "_ciphers")

    kind = key_texts.PRIVATE

    def __init__(self, raw: tuple[bytes, ...] = ()) -> None:
        super().__init__(raw)
        self._by_id: dict[str, tuple[SealPublicKey, X25519PrivateKey]] | None = None
        self._ciphers: dict[str, AESGCM] = {}

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the public halves, newest first."""
        return tuple(self._pairs())

    @property
    def public(self) -> SealPublicKey:
        """The public half of the newest key, to which workers should seal.

        Raises:
            ValueError: There is no key.
        """
        for public, _ in self._pairs().values():
            return public
        msg = "there is no private sealing key"
        raise ValueError(msg)

    @errors_without_locals
    def get(self, key_id: str) -> X25519PrivateKey:
        """Return the key with an id, which may be untrusted.

        Raises:
            UnknownKey: No key has this id.
        """
        found = self._pairs().get(key_id)
        if found is None:
            raise UnknownKey.of(key_id, "seal_private_keys")
        return found[1]

    @errors_without_locals
    def wrapping_cipher(self, key_id: str) -> AESGCM:
        """Return the cipher whose key is derived (HKDF-SHA256, RFC 5869) from the private key with an id.

        Args:
            key_id: The id of the public half. It may be untrusted.

        Raises:
            UnknownKey: No key has this id.
        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            # Two threads may both come here first, and both make the same.
            cipher = self._ciphers[key_id] = _wrapping_cipher(self.get(key_id))
        return cipher

    def _pairs(self) -> dict[str, tuple[SealPublicKey, X25519PrivateKey]]:
        # This is not done at parsing: many processes read the settings, open nothing, and need no cryptography. Two
        # threads may both come here first, and both make the same.
        if self._by_id is None:
            pairs = [_pair(raw) for raw in self._raw]
            self._by_id = {public.key_id: (public, private) for public, private in pairs}
        return self._by_id


def generate_seal_keys() -> tuple[str, str]:
    """Return the texts of a new pair: public, private."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.generate()
    public = SealPublicKey(private.public_key().public_bytes_raw())
    return public.text, key_texts.write(private.private_bytes_raw(), key_texts.PRIVATE)


def _pair(raw: bytes) -> tuple[SealPublicKey, X25519PrivateKey]:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.from_private_bytes(raw)
    return SealPublicKey(private.public_key().public_bytes_raw()), private


def _wrapping_cipher(private: X25519PrivateKey) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(SHA256(), key_texts.KEY_BYTES, None, _WRAPPING_LABEL)
    return AESGCM(derived.derive(private.private_bytes_raw()))
