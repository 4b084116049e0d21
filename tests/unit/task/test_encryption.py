"""Sealed, encrypted at rest or plain: what a push writes, and what a pull accepts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.crypto import EncryptionKeys, SealPrivateKeys, generate_encryption_key
from exclusive_redis_xcom.crypto.opening import open_for
from exclusive_redis_xcom.errors import ConfigurationError, CorruptValue
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.settings import Settings, load_settings
from exclusive_redis_xcom.task import encryption
from exclusive_redis_xcom.task.encryption import Encrypted, decrypt_payload, encrypt_payload
from tests.unit.sealed_reference import AT, LOAD, PRIVATE, PUBLIC, PUSHED, VERSION, acl_in_force, sealed_reference

SECRET = b"canary-3141592653"
ENVELOPE = Envelope(AT, VERSION, codec="raw", compression="off", decoded_size=17, pushed_at=PUSHED, payload=(SECRET,))
RESTRICTED = acl_in_force()
OPEN = Acl(
    RESTRICTED.dag_id, tuple(replace(rule, restricted=False, consumers=("*",)) for rule in RESTRICTED.rules), "nobody"
)
KEY_TEXT = generate_encryption_key()
KEYS = EncryptionKeys.parse(KEY_TEXT)


def settings(**changes: Any) -> Settings:
    return replace(load_settings(), **changes)


SERVER = settings(enforcement="server", seal_public_key=PUBLIC)
SHARED = settings(encryption_keys=KEYS)


def opened(encrypted: Encrypted) -> Any:
    """The seal as the ring hands it to the consumer."""
    reference = replace(sealed_reference(), seal=encrypted.seal)
    verdict = open_for(reference, LOAD, PRIVATE)
    assert verdict.data_key is not None
    return reference.opened(verdict.data_key).seal


def test_a_plain_value_stays_as_it_is() -> None:
    assert encrypt_payload(ENVELOPE, RESTRICTED, settings()) == Encrypted(ENVELOPE)
    assert decrypt_payload(ENVELOPE, None, RESTRICTED, settings()) == SECRET


def test_a_sealed_value_opens_with_the_key_that_the_ring_hands_out() -> None:
    encrypted = encrypt_payload(ENVELOPE, RESTRICTED, SERVER)

    assert SECRET not in encrypted.envelope.pack()
    assert decrypt_payload(encrypted.envelope, opened(encrypted), RESTRICTED, SERVER) == SECRET


def test_the_data_key_is_in_neither_the_envelope_nor_the_reference() -> None:
    encrypted = encrypt_payload(ENVELOPE, RESTRICTED, SERVER)
    data_key = opened(encrypted).data_key

    assert encrypted.seal is not None
    assert encrypted.seal.data_key is None
    assert data_key not in encrypted.envelope.pack()
    assert data_key not in (encrypted.seal.sealed_key or b"")


def test_an_encrypted_value_opens_with_the_shared_keys() -> None:
    encrypted = encrypt_payload(ENVELOPE, RESTRICTED, SHARED)

    assert encrypted.seal is None
    assert SECRET not in encrypted.envelope.pack()
    assert decrypt_payload(encrypted.envelope, None, RESTRICTED, SHARED) == SECRET


def test_two_pushes_of_one_value_have_nothing_in_common() -> None:
    first, second = (encrypt_payload(ENVELOPE, RESTRICTED, SERVER) for _ in range(2))

    assert first.envelope.payload != second.envelope.payload
    assert opened(first).data_key != opened(second).data_key


def test_older_encryption_keys_go_on_reading() -> None:
    encrypted = encrypt_payload(ENVELOPE, RESTRICTED, SHARED)
    rotated = settings(encryption_keys=EncryptionKeys.parse(f"{generate_encryption_key()},{KEY_TEXT}"))

    assert decrypt_payload(encrypted.envelope, None, RESTRICTED, rotated) == SECRET
    assert encrypt_payload(ENVELOPE, RESTRICTED, rotated).envelope.key_id != encrypted.envelope.key_id


def test_a_key_that_was_removed_is_named_as_the_cause() -> None:
    encrypted = encrypt_payload(ENVELOPE, RESTRICTED, SHARED)
    other = settings(encryption_keys=EncryptionKeys.parse(generate_encryption_key()))

    with pytest.raises(ConfigurationError, match="encryption_keys lacks the key of a value here"):
        decrypt_payload(encrypted.envelope, None, RESTRICTED, other)


@pytest.mark.parametrize("kind", ["sealed", "at rest"])
@pytest.mark.parametrize(
    "change",
    [
        {"version": "f" * 32},
        {"coordinate": replace(AT, key="other")},
        {"coordinate": replace(AT, map_index=3)},
        {"codec": "flat"},
        {"compression": "zstd"},
        {"decoded_size": 18},
        {"payload": (SECRET,)},
        {"payload": (b"",)},
        {"key_id": None},
        {"key_id": "seal:0123456789abcdef"},
    ],
    ids=str,
)
def test_whatever_is_changed_in_redis_is_noticed(kind: str, change: dict[str, Any]) -> None:
    chosen = SERVER if kind == "sealed" else SHARED
    encrypted = encrypt_payload(ENVELOPE, RESTRICTED, chosen)
    seal = opened(encrypted) if kind == "sealed" else None

    with pytest.raises(CorruptValue):
        decrypt_payload(replace(encrypted.envelope, **change), seal, RESTRICTED, chosen)


@pytest.mark.parametrize("kind", ["sealed", "at rest"])
def test_an_edited_rule_is_noticed(kind: str) -> None:
    chosen = SERVER if kind == "sealed" else SHARED
    encrypted = encrypt_payload(ENVELOPE, RESTRICTED, chosen)
    seal = opened(encrypted) if kind == "sealed" else None

    with pytest.raises(CorruptValue):
        decrypt_payload(encrypted.envelope, seal, acl_in_force(("load", "report")), chosen)
    with pytest.raises(CorruptValue):
        decrypt_payload(encrypted.envelope, seal, None, chosen)


def test_a_payload_of_another_push_of_the_same_xcom_is_noticed() -> None:
    first, second = (encrypt_payload(ENVELOPE, RESTRICTED, SERVER) for _ in range(2))

    with pytest.raises(CorruptValue):
        decrypt_payload(second.envelope, opened(first), RESTRICTED, SERVER)


def test_a_sealed_value_whose_reference_lost_its_seal_is_noticed() -> None:
    encrypted = encrypt_payload(ENVELOPE, RESTRICTED, SERVER)

    with pytest.raises(CorruptValue, match="no seal"):
        decrypt_payload(encrypted.envelope, None, RESTRICTED, SERVER)


@pytest.mark.parametrize("chosen", [SERVER, SHARED, replace(SERVER, seal="restricted")], ids=["all", "rest", "some"])
@pytest.mark.parametrize("acl", [RESTRICTED, None], ids=["a rule", "an unreadable rule"])
def test_plain_values_are_refused_where_they_would_be_protected(chosen: Settings, acl: Acl | None) -> None:
    with pytest.raises(CorruptValue, match="is not encrypted in Redis, as it must be here"):
        decrypt_payload(ENVELOPE, None, acl, chosen)

    assert decrypt_payload(ENVELOPE, None, acl, replace(chosen, allow_plaintext_read=True)) == SECRET


def test_only_keys_with_a_rule_are_sealed_where_the_setting_says_so() -> None:
    chosen = replace(SERVER, seal="restricted")

    assert encrypt_payload(ENVELOPE, RESTRICTED, chosen).seal is not None
    assert encrypt_payload(ENVELOPE, OPEN, chosen) == Encrypted(ENVELOPE)
    assert decrypt_payload(ENVELOPE, None, OPEN, chosen) == SECRET


def test_what_is_not_sealed_is_encrypted_at_rest_where_there_are_keys() -> None:
    chosen = replace(SERVER, seal="restricted", encryption_keys=KEYS)
    encrypted = encrypt_payload(ENVELOPE, OPEN, chosen)

    assert encrypted.seal is None
    assert decrypt_payload(encrypted.envelope, None, OPEN, chosen) == SECRET
    assert SECRET not in encrypted.envelope.pack()


def test_without_a_public_key_nothing_is_pushed() -> None:
    with pytest.raises(ConfigurationError, match="exclusive-xcom keygen"):
        encrypt_payload(ENVELOPE, RESTRICTED, settings(enforcement="server"))


def test_a_process_with_the_private_keys_needs_no_public_one() -> None:
    chosen = settings(enforcement="server", seal_private_keys=PRIVATE)

    assert encrypt_payload(ENVELOPE, RESTRICTED, chosen).seal is not None
    assert encrypt_payload(ENVELOPE, RESTRICTED, chosen).seal.key_id == PUBLIC.key_id  # type: ignore[union-attr]
    assert not settings(seal_private_keys=SealPrivateKeys()).seal_private_keys


def test_a_process_knows_the_data_keys_of_its_latest_thousand_pushes() -> None:
    encryption.forget()
    versions = [f"{number:032x}" for number in range(1001)]
    for version in versions:
        encrypt_payload(replace(ENVELOPE, version=version), RESTRICTED, SERVER)

    assert [encryption.own_data_key(version) is None for version in versions] == [True] + [False] * 1000
    assert encryption.own_data_key("f" * 32) is None
    encryption.forget()
    assert encryption.own_data_key(versions[-1]) is None
