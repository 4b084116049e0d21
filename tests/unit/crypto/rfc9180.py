"""HPKE base mode written down from RFC 9180, apart from the code under test: X25519 and HKDF-SHA256, AES-GCM.

Only what one message needs, with names as in the RFC. Checked against its test vector in `test_hpke.py`.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM_X25519, KDF_HKDF_SHA256 = 0x0020, 0x0001
AEAD_KEY_BYTES = {0x0001: 16, 0x0002: 32}
AES_128_GCM, AES_256_GCM = AEAD_KEY_BYTES

KEM_SUITE = b"KEM" + struct.pack(">H", KEM_X25519)


@dataclass(frozen=True)
class Context:
    key: bytes
    base_nonce: bytes

    def seal(self, aad: bytes, plaintext: bytes) -> bytes:
        return AESGCM(self.key).encrypt(self.base_nonce, plaintext, aad)

    def open(self, aad: bytes, ciphertext: bytes) -> bytes:
        return AESGCM(self.key).decrypt(self.base_nonce, ciphertext, aad)


def seal(public: bytes, info: bytes, plaintext: bytes, ephemeral: bytes) -> bytes:
    """`enc || ct` (6.1), for the ephemeral private key given, with AES-256-GCM."""
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = private.public_key().public_bytes_raw()
    shared = shared_secret(private.exchange(X25519PublicKey.from_public_bytes(public)), enc, public)
    return enc + key_schedule(shared, info, AES_256_GCM).seal(b"", plaintext)


def open_(private: bytes, info: bytes, sealed: bytes) -> bytes:
    """What was sealed for this private key, with AES-256-GCM."""
    return key_schedule(decap(sealed[:32], private), info, AES_256_GCM).open(b"", sealed[32:])


def decap(enc: bytes, private: bytes) -> bytes:
    """4.1"""
    key = X25519PrivateKey.from_private_bytes(private)
    dh = key.exchange(X25519PublicKey.from_public_bytes(enc))
    return shared_secret(dh, enc, key.public_key().public_bytes_raw())


def shared_secret(dh: bytes, enc: bytes, public: bytes) -> bytes:
    """4.1, ExtractAndExpand"""
    eae_prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", dh)
    return labeled_expand(KEM_SUITE, eae_prk, b"shared_secret", enc + public, 32)


def key_schedule(shared: bytes, info: bytes, aead: int) -> Context:
    """5.1, mode_base"""
    suite = b"HPKE" + struct.pack(">HHH", KEM_X25519, KDF_HKDF_SHA256, aead)
    psk_id_hash = labeled_extract(suite, b"", b"psk_id_hash", b"")
    info_hash = labeled_extract(suite, b"", b"info_hash", info)
    context = b"\x00" + psk_id_hash + info_hash
    secret = labeled_extract(suite, shared, b"secret", b"")
    return Context(
        labeled_expand(suite, secret, b"key", context, AEAD_KEY_BYTES[aead]),
        labeled_expand(suite, secret, b"base_nonce", context, 12),
    )


def labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    assert length <= 32, "one block is enough here"
    return hmac.digest(prk, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info + b"\x01", "sha256")[:length]
