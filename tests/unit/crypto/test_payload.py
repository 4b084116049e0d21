"""Encrypted payloads: what opens them, and that nothing else does."""

from __future__ import annotations

import mmap
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom import crypto
from exclusive_redis_xcom.crypto import Forged
from exclusive_redis_xcom.crypto.payload import _decrypt_in_steps
from tests.unit.crypto.tampering import error_text, flipped, shows

KEY = bytes(range(32))
AAD = b"where it belongs"
PAYLOAD = b"canary"
DATA = bytes(crypto.encrypt((PAYLOAD,), KEY, AAD))


def is_forged(data: bytes, key: bytes = KEY, aad: bytes = AAD) -> bool:
    try:
        crypto.decrypt(data, key, aad)
    except Forged:
        return True
    return False


@given(st.binary(max_size=2000), st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_what_was_encrypted_is_decrypted(payload: bytes, key: bytes, aad: bytes) -> None:
    data = crypto.encrypt((payload,), key, aad)

    assert len(data) == len(payload) + 28
    assert crypto.decrypt(data, key, aad) == payload


def test_a_payload_of_many_megabytes_comes_back() -> None:
    payload = b"0123456789abcdef" * (1024 * 1024)

    assert crypto.decrypt(crypto.encrypt((payload,), KEY, AAD), KEY, AAD) == payload


def test_the_layout_is_nonce_ciphertext_tag() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    assert AESGCM(KEY).decrypt(DATA[:12], DATA[12:], AAD) == PAYLOAD


def test_nonces_and_ciphertexts_never_repeat() -> None:
    many = [bytes(crypto.encrypt((PAYLOAD,), KEY, AAD)) for _ in range(1000)]

    assert len({data[:12] for data in many}) == len({data[12:] for data in many}) == 1000


def test_data_keys_never_repeat_and_have_256_bits() -> None:
    keys = {crypto.new_data_key() for _ in range(1000)}

    assert len(keys) == 1000
    assert {len(key) for key in keys} == {32}


def test_data_with_any_bit_flipped_is_forged() -> None:
    assert all(is_forged(flipped(DATA, bit)) for bit in range(len(DATA) * 8))


def test_associated_data_with_any_bit_flipped_decrypts_nothing() -> None:
    assert all(is_forged(DATA, aad=flipped(AAD, bit)) for bit in range(len(AAD) * 8))


def test_a_key_with_any_bit_flipped_decrypts_nothing() -> None:
    assert all(is_forged(DATA, key=flipped(KEY, bit)) for bit in range(len(KEY) * 8))


def test_data_cut_anywhere_is_forged() -> None:
    assert all(is_forged(DATA[:length]) for length in range(len(DATA)))
    assert all(is_forged(DATA[start:]) for start in range(1, len(DATA)))


@pytest.mark.parametrize("aad", [b"", AAD[:-1], AAD + b"\0", AAD * 2])
def test_associated_data_cut_or_extended_decrypts_nothing(aad: bytes) -> None:
    with pytest.raises(Forged):
        crypto.decrypt(DATA, KEY, aad)


@given(st.binary(max_size=100), st.binary(max_size=40))
def test_any_other_bytes_are_forged_and_nothing_worse(data: bytes, key: bytes) -> None:
    with pytest.raises(Forged):
        crypto.decrypt(data, key, AAD)


@given(st.binary(max_size=2000), st.binary(max_size=300))
def test_what_one_call_encrypted_several_calls_decrypt(payload: bytes, aad: bytes) -> None:
    data = crypto.encrypt((payload,), KEY, aad)

    assert _decrypt_in_steps(memoryview(data), KEY, aad) == payload


def test_several_calls_decrypt_nothing_that_was_changed() -> None:
    for bit in range(len(DATA) * 8):
        with pytest.raises(InvalidTag):
            _decrypt_in_steps(memoryview(flipped(DATA, bit)), KEY, AAD)


@pytest.mark.parametrize("size", [16, 24])
def test_what_was_encrypted_with_a_shorter_aes_key_is_forged(size: int) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    short = KEY[:size]

    with pytest.raises(Forged):
        crypto.decrypt(bytes(12) + AESGCM(short).encrypt(bytes(12), PAYLOAD, AAD), short, AAD)


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_only_data_keys_of_256_bits_encrypt(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        crypto.encrypt((PAYLOAD,), bytes(size), AAD)


@given(st.lists(st.binary(max_size=50), max_size=6))
def test_a_payload_in_pieces_is_encrypted_as_one(pieces: list[bytes]) -> None:
    data = crypto.encrypt(tuple(pieces), KEY, AAD)

    assert len(data) == len(b"".join(pieces)) + 28
    assert crypto.decrypt(data, KEY, AAD) == b"".join(pieces)


def test_two_gibibytes_are_neither_encrypted_nor_decrypted() -> None:
    huge: Any = mmap.mmap(-1, 2**31)  # of no cost: its pages are never touched

    with pytest.raises(ValueError, match="2147483631 bytes"):
        crypto.encrypt((huge,), KEY, AAD)
    assert is_forged(huge)


def test_failing_to_decrypt_shows_neither_key_nor_payload_nor_a_crypto_error() -> None:
    with pytest.raises(
        Forged, match=r"not written for this XCom, version and access list: it was changed or moved\.$"
    ) as caught:
        crypto.decrypt(DATA, KEY, b"elsewhere")

    assert not shows(error_text(caught.value), KEY, PAYLOAD)
    assert caught.value.__context__ is None


def test_failing_to_encrypt_shows_neither_key_nor_payload() -> None:
    with pytest.raises(ValueError, match="32 bytes") as caught:
        crypto.encrypt((PAYLOAD,), KEY[:31], AAD)

    assert not shows(error_text(caught.value), KEY[:31], PAYLOAD)


def several(*changed: tuple[bytes, bytes, bytes]) -> Any:
    """Decrypt a payload, then others."""
    return crypto.decrypt_each(*zip((DATA, KEY, AAD), *changed, strict=True))


def test_several_payloads_are_decrypted_one_after_the_other() -> None:
    other = bytes(crypto.encrypt((b"",), KEY[::-1], b""))

    assert list(several((other, KEY[::-1], b""), (DATA, KEY, AAD))) == [PAYLOAD, b"", PAYLOAD]


@pytest.mark.parametrize(
    "changed",
    [
        *((flipped(DATA, bit), KEY, AAD) for bit in (0, 95, 96, 8 * len(DATA) - 1)),
        (DATA, flipped(KEY, 0), AAD),
        (DATA, KEY, flipped(AAD, 0)),
        (DATA[:27], KEY, AAD),
        (b"", KEY, AAD),
        (DATA, KEY[:16], AAD),
        (DATA, b"", AAD),
    ],
)
def test_a_forged_one_ends_several_where_it_stands(changed: tuple[bytes, bytes, bytes]) -> None:
    each = several(changed, (DATA, KEY, AAD))

    assert next(each) == PAYLOAD
    with pytest.raises(Forged) as caught:
        next(each)
    with pytest.raises(Forged) as alone:
        crypto.decrypt(*changed)
    assert str(caught.value) == str(alone.value)
