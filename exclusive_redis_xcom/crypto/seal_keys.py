"""The pair of keys of server mode: workers seal with the public one, API servers open with the private ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.crypto import texts
from exclusive_redis_xcom.crypto.failures import UnknownKey
from exclusive_redis_xcom.crypto.holder import SecretKeys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey


@dataclass(frozen=True, slots=True)
class SealPublicKey:
    """The X25519 public key that values are sealed to; no secret."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> SealPublicKey:
        """Read a key text.

        Raises:
            ValueError: It is none. The message says what it is instead, without quoting it: it may be the private key.
        """
        raw, problem = texts.read(text, texts.PUBLIC)
        del text  # a traceback may be shown with the locals of its frames
        if problem:
            raise ValueError(problem)
        return cls(raw)

    @property
    def key_id(self) -> str:
        """16 hex digits: the first 8 bytes of the SHA-256 of the key."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    @property
    def text(self) -> str:
        """What `parse` reads."""
        return texts.write(self.raw, texts.PUBLIC)

    def __repr__(self) -> str:
        return f"<SealPublicKey {self.key_id}>"


class SealPrivateKeys(SecretKeys):
    """X25519 private keys, newest first: all of them open, so that live values outlast a rotation."""

    __slots__ = ("_by_id",)

    kind = texts.PRIVATE

    def __init__(self, raw: tuple[bytes, ...] = ()) -> None:
        super().__init__(raw)
        self._by_id: dict[str, tuple[SealPublicKey, X25519PrivateKey]] | None = None

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the public halves, newest first."""
        return tuple(self._opened())

    @property
    def public(self) -> SealPublicKey:
        """The public half of the newest key: what workers should seal to.

        Raises:
            ValueError: There is no key.
        """
        for public, _ in self._opened().values():
            return public
        msg = "there is no private sealing key"
        raise ValueError(msg)

    def get(self, key_id: str) -> X25519PrivateKey:
        """The key with an id, which may be untrusted.

        Raises:
            UnknownKey: None has it.
        """
        found = self._opened().get(key_id)
        if found is None:
            raise UnknownKey.of(key_id, "seal_private_keys")
        return found[1]

    def _opened(self) -> dict[str, tuple[SealPublicKey, X25519PrivateKey]]:
        # Not at parsing: settings are read in processes that open nothing and need not load cryptography. Two threads
        # may both come here first; they make the same.
        if self._by_id is None:
            pairs = [_pair(raw) for raw in self._raw]
            self._by_id = {public.key_id: (public, private) for public, private in pairs}
        return self._by_id


def generate_seal_keys() -> tuple[str, str]:
    """A new pair, as texts: public, private."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.generate()
    public = SealPublicKey(private.public_key().public_bytes_raw())
    return public.text, texts.write(private.private_bytes_raw(), texts.PRIVATE)


def _pair(raw: bytes) -> tuple[SealPublicKey, X25519PrivateKey]:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.from_private_bytes(raw)
    return SealPublicKey(private.public_key().public_bytes_raw()), private
