"""The composed HPKE suite against RFC 9180's own numbers, and against the library's suite where the library has one."""

from __future__ import annotations

import importlib.util

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.crypto.hpke_composed import ComposedSuite, key_schedule, shared_secret
from tests.unit.crypto.tampering import flipped

HAS_HPKE = importlib.util.find_spec("cryptography.hazmat.primitives.hpke") is not None
needs_hpke = pytest.mark.skipif(not HAS_HPKE, reason="this cryptography is older than 47 and has no HPKE")

SUITE = ComposedSuite()
KEY = X25519PrivateKey.generate()
PUBLIC = KEY.public_key()

# RFC 9180, A.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. The RFC prints no vector for AES-256-GCM.
A_1 = b"HPKE" + bytes.fromhex("0020 0001 0001")


def test_the_vector_of_rfc_9180_a_1_1() -> None:
    private = X25519PrivateKey.from_private_bytes(
        bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    )
    enc = bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
    ciphertext = bytes.fromhex(
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    )

    dh = private.exchange(X25519PublicKey.from_public_bytes(enc))
    shared = shared_secret(dh, enc, private.public_key().public_bytes_raw())
    key, nonce = key_schedule(shared, b"Ode on a Grecian Urn", A_1, 16)

    assert shared.hex() == "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"
    assert key.hex() == "4531685d41d65f03dc48f6b8302c05b0"
    assert nonce.hex() == "56d890e5accaaf011cff4b7d"
    assert AESGCM(key).decrypt(nonce, ciphertext, b"Count-0") == b"Beauty is truth, truth beauty"


@given(st.binary(max_size=100), st.binary(max_size=300))
def test_what_it_sealed_it_opens(plaintext: bytes, info: bytes) -> None:
    sealed = SUITE.encrypt(plaintext, PUBLIC, info)

    assert len(sealed) == 32 + len(plaintext) + 16
    assert SUITE.decrypt(sealed, KEY, info) == plaintext


@needs_hpke
@given(st.binary(max_size=100), st.binary(max_size=300))
def test_it_and_the_library_open_what_the_other_sealed(plaintext: bytes, info: bytes) -> None:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    library = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

    assert library.decrypt(SUITE.encrypt(plaintext, PUBLIC, info), KEY, info=info) == plaintext
    assert SUITE.decrypt(library.encrypt(plaintext, PUBLIC, info=info), KEY, info) == plaintext


def test_with_any_bit_flipped_it_opens_nothing() -> None:
    sealed = SUITE.encrypt(bytes(32), PUBLIC, b"info")

    for bit in range(len(sealed) * 8):
        with pytest.raises((InvalidTag, ValueError)):
            SUITE.decrypt(flipped(sealed, bit), KEY, b"info")


def test_cut_anywhere_it_opens_nothing() -> None:
    sealed = SUITE.encrypt(bytes(32), PUBLIC, b"info")

    for length in range(len(sealed)):
        with pytest.raises((InvalidTag, ValueError)):
            SUITE.decrypt(sealed[:length], KEY, b"info")


def test_another_info_or_key_opens_nothing() -> None:
    sealed = SUITE.encrypt(bytes(32), PUBLIC, b"info")

    for key, info in ((KEY, b"other"), (X25519PrivateKey.generate(), b"info")):
        with pytest.raises(InvalidTag):
            SUITE.decrypt(sealed, key, info)


def test_a_point_of_small_order_is_an_error() -> None:
    nothing = X25519PublicKey.from_public_bytes(bytes(32))

    with pytest.raises(ValueError, match=r"shared key"):
        SUITE.encrypt(bytes(32), nothing, b"info")
    with pytest.raises(ValueError, match=r"shared key"):
        SUITE.decrypt(bytes(32) + SUITE.encrypt(bytes(32), PUBLIC, b"info")[32:], KEY, b"info")
