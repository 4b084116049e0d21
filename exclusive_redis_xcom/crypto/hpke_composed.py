"""The one HPKE suite that we use, for releases of `cryptography` without HPKE: 42 to 46, as Airflow's constraints pin.

It is RFC 9180's base mode, single shot (sections 4.1, 5.1 and 6.1), with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
AES-256-GCM. Names of functions and labels are the RFC's. The library does the cryptography: X25519 and AES-GCM. This
module derives their keys with HMAC. What it seals, `cryptography.hazmat.primitives.hpke` opens, and the reverse.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

_ENC_BYTES = 32  # Nenc of DHKEM(X25519, HKDF-SHA256), table 2
_HASH_BYTES = 32  # Nh of HKDF-SHA256, table 3
_NONCE_BYTES = 12  # Nn of AES-GCM, table 5
_KEY_BYTES = 32  # Nk of AES-256-GCM, table 5

_VERSION = b"HPKE-v1"
_KEM = b"\x00\x20"  # DHKEM(X25519, HKDF-SHA256)
_KEM_SUITE = b"KEM" + _KEM
#: Its last two parts are HKDF-SHA256 and AES-256-GCM.
_HPKE_SUITE = b"HPKE" + _KEM + b"\x00\x01" + b"\x00\x02"
_MODE_BASE = b"\x00"


class ComposedSuite:
    """It has the two methods of `cryptography`'s `Suite` that we call, and no state."""

    def encrypt(self, plaintext: bytes, public_key: X25519PublicKey, info: bytes) -> bytes:
        """Seal a plaintext: the RFC's `SealBase` with an empty `aad`.

        Returns:
            The encapsulated key (32 bytes), then the ciphertext with its tag (16 bytes more than the plaintext).

        Raises:
            ValueError: The public key is a point of small order.
        """
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        ephemeral = X25519PrivateKey.generate()
        enc = _raw(ephemeral.public_key())
        key, nonce = key_schedule(shared_secret(ephemeral.exchange(public_key), enc, _raw(public_key)), info)
        return enc + AESGCM(key).encrypt(nonce, plaintext, b"")

    def decrypt(self, ciphertext: bytes, private_key: X25519PrivateKey, info: bytes) -> bytes:
        """Open what `encrypt` returned: the RFC's `OpenBase` with an empty `aad`.

        Raises:
            InvalidTag: It was not sealed for this key and this `info`.
            ValueError: Its point is of small order, or it is too short.
        """
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        enc = ciphertext[:_ENC_BYTES]
        dh = private_key.exchange(X25519PublicKey.from_public_bytes(enc))
        key, nonce = key_schedule(shared_secret(dh, enc, _raw(private_key.public_key())), info)
        return AESGCM(key).decrypt(nonce, ciphertext[_ENC_BYTES:], b"")


def shared_secret(dh: bytes, enc: bytes, public: bytes) -> bytes:
    """Derive the KEM's shared secret (32 bytes) from the result of X25519: `ExtractAndExpand` of section 4.1.

    Args:
        dh: The result of X25519.
        enc: The ephemeral public key, as it is sent.
        public: The recipient's public key.
    """
    eae_prk = _labeled_extract(_KEM_SUITE, b"", b"eae_prk", dh)
    return _labeled_expand(_KEM_SUITE, eae_prk, b"shared_secret", enc + public, _HASH_BYTES)


def key_schedule(
    shared: bytes, info: bytes, suite: bytes = _HPKE_SUITE, key_bytes: int = _KEY_BYTES
) -> tuple[bytes, bytes]:
    """Derive the key and the first nonce of AES-GCM: `KeySchedule` of section 5.1, in base mode.

    Args:
        shared: The KEM's shared secret.
        info: What the message is bound to.
        suite: The suite's id. The RFC prints its test vectors for another AES-GCM than ours.
        key_bytes: The length of that suite's key.
    """
    psk_id_hash = _labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = _labeled_extract(suite, b"", b"info_hash", info)
    context = _MODE_BASE + psk_id_hash + info_hash
    secret = _labeled_extract(suite, shared, b"secret", b"")
    return (
        _labeled_expand(suite, secret, b"key", context, key_bytes),
        _labeled_expand(suite, secret, b"base_nonce", context, _NONCE_BYTES),
    )


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    # HMAC pads a key with zeros: an empty salt is the RFC's salt of `_HASH_BYTES` zeros.
    return hmac.digest(salt, _VERSION + suite + label + ikm, "sha256")


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    # HKDF-Expand (RFC 5869, 2.3): one block is enough, since `length` is at most `_HASH_BYTES`.
    labeled = length.to_bytes(2, "big") + _VERSION + suite + label + info
    return hmac.digest(prk, labeled + b"\x01", "sha256")[:length]


def _raw(key: X25519PublicKey) -> bytes:
    return key.public_bytes_raw()
