"""The data keys of worker mode: derived from a shared key, one for each push."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from exclusive_redis_xcom import crypto
from exclusive_redis_xcom.crypto import EncryptionKeys, UnknownKey
from tests.unit.crypto.tampering import error_text, shows

ENCRYPTION_TEXT = crypto.generate_encryption_key()
KEY = base64.urlsafe_b64decode(ENCRYPTION_TEXT.removeprefix("xrx-enc-") + "=")
VERSION = "0123456789abcdef" * 2
INFO = b"what it is bound to"
ENCRYPTION = EncryptionKeys.parse(ENCRYPTION_TEXT)


def test_a_data_key_is_the_same_for_the_same_push_and_no_other() -> None:
    def derived(keys: EncryptionKeys = ENCRYPTION, version: str = VERSION, info: bytes = INFO) -> bytes:
        return keys.data_key(keys.newest_id, version, info)

    different = [
        derived(),
        derived(keys=EncryptionKeys.parse(crypto.generate_encryption_key())),
        derived(version="0" * 32),
        derived(info=INFO + b"\0"),
    ]

    assert derived() == different[0]
    assert len(set(different)) == 4
    assert {len(key) for key in different} == {32}
    assert KEY not in different


def test_a_data_key_is_hkdf_sha256_salted_with_the_version() -> None:
    prk = hmac.digest(bytes.fromhex(VERSION), KEY, "sha256")  # RFC 5869, 2.2
    expected = hmac.digest(prk, INFO + b"\x01", "sha256")  # 2.3

    assert ENCRYPTION.data_key(ENCRYPTION.newest_id, VERSION, INFO) == expected


def test_older_encryption_keys_still_derive_their_data_keys() -> None:
    rotated = EncryptionKeys.parse(f"{crypto.generate_encryption_key()},{ENCRYPTION_TEXT}")
    old = ENCRYPTION.newest_id

    assert rotated.newest_id != old
    assert rotated.data_key(old, VERSION, INFO) == ENCRYPTION.data_key(old, VERSION, INFO)


@pytest.mark.parametrize("key_id", ["", "0" * 16, "canary" * 1000])
def test_an_encryption_key_that_is_not_held_is_unknown(key_id: str) -> None:
    with pytest.raises(UnknownKey, match="encryption_keys") as caught:
        ENCRYPTION.data_key(key_id, VERSION, INFO)

    assert "canary" not in str(caught.value)
    assert not shows(error_text(caught.value), KEY)


@pytest.mark.parametrize("version", ["", "0" * 31, "0" * 34, VERSION.upper(), VERSION + "\n", " " * 32, "é" * 32])
def test_a_malformed_version_derives_nothing_and_shows_no_key(version: str) -> None:
    with pytest.raises(ValueError, match="32 hex digits") as caught:
        ENCRYPTION.data_key(ENCRYPTION.newest_id, version, INFO)

    assert not shows(error_text(caught.value), KEY)


def test_an_encryption_key_s_id_gives_nothing_of_the_key_away() -> None:
    assert len(ENCRYPTION.newest_id) == 16
    assert ENCRYPTION.newest_id not in (KEY.hex()[:16], hashlib.sha256(KEY).hexdigest()[:16])
