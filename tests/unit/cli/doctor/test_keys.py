"""Which process may hold which keys."""

from __future__ import annotations

from typing import Any

import pytest

from exclusive_redis_xcom.crypto import EncryptionKeys, generate_encryption_key
from exclusive_redis_xcom.health import keys
from exclusive_redis_xcom.health.visit import Visit
from tests.unit.cli.doctor.patients import (
    BOTH_PRIVATE,
    OLDER_PUBLIC,
    PRIVATE,
    PRIVATE_TEXT,
    PUBLIC,
    only,
    sealed_visit,
    visit,
)

VARIABLE = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__SEAL_PRIVATE_KEYS"
NO_SETTINGS = Visit("worker", None)


def test_a_worker_without_private_keys_is_ok() -> None:
    assert only(keys.private_keys(sealed_visit())).result == "ok"


@pytest.mark.parametrize("suffix", ["", "_CMD", "_SECRET"])
def test_a_worker_that_is_told_of_private_keys_fails(monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    visits = sealed_visit(), NO_SETTINGS  # before the variable is there: the command that it names does not exist
    monkeypatch.setenv(VARIABLE + suffix, PRIVATE_TEXT)

    for found in (only(keys.private_keys(asked)) for asked in visits):
        assert found.result == "FAIL"
        assert found.seen == f"set on a worker: {VARIABLE}{suffix}"
        assert PRIVATE_TEXT not in repr(found)


def test_a_worker_that_has_private_keys_from_a_file_fails() -> None:
    found = only(keys.private_keys(sealed_visit(seal_private_keys=PRIVATE)))

    assert found.result == "FAIL"
    assert "make a new pair" in found.remedy


@pytest.mark.parametrize(
    ("changes", "result"),
    [({"seal_public_key": PUBLIC}, "ok"), ({"seal_public_key": None}, "FAIL")],
)
def test_a_worker_needs_the_public_key(changes: dict[str, Any], result: str) -> None:
    assert only(keys.public_key(sealed_visit(**changes))).result == result


def test_without_enforcement_no_key_is_needed() -> None:
    for role in ("worker", "api-server"):
        asked = visit(role)
        assert [found.result for found in (*keys.private_keys(asked), *keys.public_key(asked))] == ["ok", "ok"]


def test_an_api_server_needs_private_keys() -> None:
    missing = only(keys.private_keys(sealed_visit("api-server")))
    there = only(keys.private_keys(sealed_visit("api-server", seal_private_keys=PRIVATE)))

    assert (missing.result, there.result) == ("FAIL", "ok")
    assert PUBLIC.key_id in there.seen


@pytest.mark.parametrize(
    ("public", "private", "result"),
    [
        (PUBLIC, BOTH_PRIVATE, "ok"),
        (OLDER_PUBLIC, BOTH_PRIVATE, "warning"),
        (OLDER_PUBLIC, PRIVATE, "FAIL"),
        (None, PRIVATE, "ok"),
    ],
)
def test_the_public_key_of_an_api_server_belongs_to_a_private_one(public: object, private: object, result: str) -> None:
    asked = sealed_visit("api-server", seal_public_key=public, seal_private_keys=private)

    assert only(keys.public_key(asked)).result == result


@pytest.mark.parametrize(
    ("executor", "enforced", "result"),
    [
        ("LocalExecutor", True, "warning"),
        ("CeleryExecutor,LocalExecutor", True, "warning"),
        ("CeleryExecutor", True, "ok"),
        ("LocalExecutor", False, "ok"),
    ],
)
def test_the_local_executor_with_enforcement_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, executor: str, enforced: bool, result: str
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)

    assert only(keys.executor(sealed_visit() if enforced else visit())).result == result


def test_plain_values_in_redis_are_told_and_are_no_warning() -> None:
    found = only(keys.encryption(visit()))

    assert found.result == "ok"
    assert "plain" in found.seen
    assert "keygen --encryption" in found.remedy


def test_the_key_of_encryption_is_named_by_its_id_alone() -> None:
    text = generate_encryption_key()
    held = EncryptionKeys.parse(text)
    found = only(keys.encryption(visit(encryption_keys=held)))

    assert found.result == "ok"
    assert held.newest_id in found.seen
    assert text not in repr(found)


def test_reading_plain_values_on_after_the_switch_is_a_warning() -> None:
    assert only(keys.encryption(sealed_visit(allow_plaintext_read=True))).result == "warning"


def test_without_settings_what_needs_them_is_skipped() -> None:
    found = [*keys.private_keys(NO_SETTINGS), *keys.public_key(NO_SETTINGS), *keys.encryption(NO_SETTINGS)]

    assert {finding.result for finding in found} == {"skipped"}
