"""Sealed data keys: whom they open for, and that nothing else does."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom import crypto
from exclusive_redis_xcom.crypto import Forged, SealPrivateKeys, SealPublicKey, UnknownKey
from tests.unit.crypto import rfc9180
from tests.unit.crypto.tampering import error_text, flipped, shows

TEXTS = crypto.generate_seal_keys()
PUBLIC, PRIVATE = SealPublicKey.parse(TEXTS[0]), SealPrivateKeys.parse(TEXTS[1])
RAW_PRIVATE = PRIVATE.get(PUBLIC.key_id).private_bytes_raw()
INFO = b"what it is bound to"
DATA_KEY = bytes(range(32))
SEALED = crypto.seal_key(DATA_KEY, PUBLIC, INFO)

INFOS = st.binary(max_size=300)
DATA_KEYS = st.binary(min_size=32, max_size=32)

# RFC 7748, 6.1 and https://cr.yp.to/ecdh.html#validate: points whose shared secret is known to all.
SMALL_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    b"\xec" + b"\xff" * 30 + b"\x7f",
    b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\x7f",
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]


def opens(sealed: bytes, key_id: str = PUBLIC.key_id, private: SealPrivateKeys = PRIVATE, info: bytes = INFO) -> bytes:
    return crypto.open_key(sealed, key_id, private, info)


def is_forged(sealed: bytes, info: bytes = INFO) -> bool:
    try:
        opens(sealed, info=info)
    except Forged:
        return True
    return False


@given(DATA_KEYS, INFOS)
def test_what_was_sealed_opens(data_key: bytes, info: bytes) -> None:
    sealed = crypto.seal_key(data_key, PUBLIC, info)

    assert len(sealed) == 80
    assert opens(sealed, info=info) == data_key


def test_a_sealed_key_is_different_each_time_and_does_not_hold_the_data_key() -> None:
    sealed = {crypto.seal_key(DATA_KEY, PUBLIC, INFO) for _ in range(100)}

    assert len(sealed) == len({one[:32] for one in sealed}) == len({one[32:] for one in sealed}) == 100
    assert not any(DATA_KEY in one for one in sealed)


def test_the_independent_implementation_agrees_with_the_test_vector_of_rfc_9180_a_1_1() -> None:
    private = bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    enc = bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
    ciphertext = "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"

    shared = rfc9180.decap(enc, private)
    context = rfc9180.key_schedule(shared, b"Ode on a Grecian Urn", rfc9180.AES_128_GCM)

    assert shared.hex() == "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"
    assert context.base_nonce.hex() == "56d890e5accaaf011cff4b7d"
    assert context.open(b"Count-0", bytes.fromhex(ciphertext)) == b"Beauty is truth, truth beauty"


@given(DATA_KEYS, INFOS)
def test_an_independent_implementation_opens_what_was_sealed(data_key: bytes, info: bytes) -> None:
    assert rfc9180.open_(RAW_PRIVATE, info, crypto.seal_key(data_key, PUBLIC, info)) == data_key


@given(DATA_KEYS, INFOS, st.binary(min_size=32, max_size=32))
def test_what_an_independent_implementation_sealed_opens(data_key: bytes, info: bytes, ephemeral: bytes) -> None:
    assert opens(rfc9180.seal(PUBLIC.raw, info, data_key, ephemeral), info=info) == data_key


def test_a_sealed_key_with_any_bit_flipped_is_forged() -> None:
    # All of them: X25519 ignores the topmost bit of a point (RFC 7748, 5), but HPKE binds every byte of it.
    assert all(is_forged(flipped(SEALED, bit)) for bit in range(len(SEALED) * 8))


def test_a_sealed_key_cut_anywhere_is_forged() -> None:
    assert all(is_forged(SEALED[:length]) for length in range(len(SEALED)))
    assert all(is_forged(SEALED[start:]) for start in range(1, len(SEALED)))


@given(st.binary(max_size=200))
def test_any_other_bytes_are_forged_and_nothing_worse(data: bytes) -> None:
    with pytest.raises(Forged):
        opens(data)


@pytest.mark.parametrize("more", [b"\0", SEALED, bytes(10_000_000)], ids=["a byte", "another one", "megabytes"])
def test_a_sealed_key_with_something_after_it_is_forged(more: bytes) -> None:
    with pytest.raises(Forged):
        opens(SEALED + more)


def test_an_info_with_any_bit_flipped_opens_nothing() -> None:
    assert all(is_forged(SEALED, flipped(INFO, bit)) for bit in range(len(INFO) * 8))


@pytest.mark.parametrize("info", [b"", INFO[:-1], INFO[1:], INFO + b"\0", b"\0" + INFO, INFO * 2])
def test_an_info_cut_or_extended_opens_nothing(info: bytes) -> None:
    with pytest.raises(Forged):
        opens(SEALED, info=info)


def test_an_info_beyond_any_reason_is_neither_sealed_nor_opened() -> None:
    info = bytes(8 * 1024 * 1024)

    assert opens(crypto.seal_key(DATA_KEY, PUBLIC, info), info=info) == DATA_KEY
    with pytest.raises(ValueError, match="8388608 bytes"):
        crypto.seal_key(DATA_KEY, PUBLIC, info + b"\0")
    beyond = rfc9180.seal(PUBLIC.raw, info + b"\0", DATA_KEY, os.urandom(32))
    with pytest.raises(Forged):
        opens(beyond, info=info + b"\0")


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_sealed_key_of_another_length_is_forged_even_if_the_seal_is_right(size: int) -> None:
    sealed = rfc9180.seal(PUBLIC.raw, INFO, bytes(size), os.urandom(32))

    assert rfc9180.open_(RAW_PRIVATE, INFO, sealed) == bytes(size)
    assert is_forged(sealed)


def test_parts_of_two_sealed_keys_make_no_third() -> None:
    other = crypto.seal_key(DATA_KEY, PUBLIC, INFO)

    with pytest.raises(Forged):
        opens(SEALED[:32] + other[32:])


def test_old_and_new_keys_open_during_a_rotation() -> None:
    new_public, new_private = crypto.generate_seal_keys()
    both = SealPrivateKeys.parse(f"{new_private},{TEXTS[1]}")
    newer = crypto.seal_key(DATA_KEY, both.public, INFO)

    assert both.public == SealPublicKey.parse(new_public)
    assert opens(newer, both.public.key_id, both) == DATA_KEY
    assert opens(SEALED, PUBLIC.key_id, both) == DATA_KEY
    with pytest.raises(UnknownKey):
        opens(newer, both.public.key_id, PRIVATE)


def test_a_key_of_the_list_does_not_open_what_was_sealed_to_another_of_it() -> None:
    both = SealPrivateKeys.parse(f"{crypto.generate_seal_keys()[1]} {TEXTS[1]}")

    with pytest.raises(Forged, match=r"^A sealed key was not sealed for this XCom, version and access list"):
        opens(SEALED, both.key_ids[0], both)


@pytest.mark.parametrize(
    "key_id",
    ["", "0" * 16, PUBLIC.key_id.upper() + "G", PUBLIC.key_id[:-1], PUBLIC.key_id + "\n"],
    ids=["none", "of nobody", "one more", "one less", "with a line end"],
)
def test_a_key_id_that_is_not_held_is_unknown(key_id: str) -> None:
    with pytest.raises(UnknownKey, match="seal_private_keys"):
        opens(SEALED, key_id)


def test_without_keys_every_id_is_unknown() -> None:
    with pytest.raises(UnknownKey):
        opens(SEALED, private=SealPrivateKeys())


def test_an_error_quotes_a_key_id_only_if_it_is_well_formed() -> None:
    with pytest.raises(UnknownKey) as well_formed:
        opens(SEALED, "0123456789abcdef")
    with pytest.raises(UnknownKey) as hostile:
        opens(SEALED, "canary\n" * 100_000)

    assert "'0123456789abcdef'" in str(well_formed.value)
    assert " that is not even well-formed" in str(hostile.value)
    assert "canary" not in str(hostile.value)
    assert len(str(hostile.value)) < 200


@pytest.mark.parametrize("data_key", [b"", bytes(16), bytes(31), bytes(33)])
def test_only_data_keys_of_256_bits_are_sealed(data_key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        crypto.seal_key(data_key, PUBLIC, INFO)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_nothing_is_sealed_to_a_public_key_that_makes_no_secret(point: bytes) -> None:
    with pytest.raises(ValueError, match="protects nothing"):
        crypto.seal_key(DATA_KEY, SealPublicKey(point), INFO)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_sealed_key_with_such_a_point_is_forged(point: bytes) -> None:
    with pytest.raises(Forged):
        opens(point + SEALED[32:])


@pytest.mark.parametrize("wrong", [{"sealed": SEALED[:-1] + b"x"}, {"info": b""}, {"key_id": "0" * 16}])
def test_failing_to_open_shows_no_key_and_no_crypto_error(wrong: dict[str, object]) -> None:
    with pytest.raises((Forged, UnknownKey)) as caught:
        crypto.open_key(**{"sealed": SEALED, "key_id": PUBLIC.key_id, "private": PRIVATE, "info": INFO} | wrong)  # type: ignore[arg-type]

    assert not shows(error_text(caught.value), RAW_PRIVATE, DATA_KEY)
    assert caught.value.__context__ is None


def test_failing_to_seal_shows_no_data_key() -> None:
    with pytest.raises(ValueError, match="protects nothing") as caught:
        crypto.seal_key(DATA_KEY, SealPublicKey(bytes(32)), INFO)

    assert not shows(error_text(caught.value), DATA_KEY)
    assert caught.value.__context__ is None


def test_a_private_key_is_made_ready_once_for_all_reads() -> None:
    assert PRIVATE.get(PUBLIC.key_id) is PRIVATE.get(PUBLIC.key_id)
