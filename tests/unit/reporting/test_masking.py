"""What Airflow's own masking shows of a value after `mask`, and that it stays cheap."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from airflow.sdk._shared.secrets_masker import _secrets_masker, redact

from exclusive_redis_xcom.reporting import masking

SECRET = "kR7-pQ2.vX9_mZ4"


@pytest.fixture(autouse=True)
def nothing_is_masked_yet() -> Iterator[None]:
    masking.forget()
    _secrets_masker().reset_masker()
    yield
    masking.forget()
    _secrets_masker().reset_masker()


@dataclass
class Login:
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Slotted:
    password: str


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (SECRET, f"token {SECRET}!"),
        ({"a": [{"b": (SECRET,)}]}, SECRET),
        ({SECRET}, SECRET),
        (SECRET.encode(), SECRET),
        (b"\xff\xfe\x00\x93\x80", "b'\\xff\\xfe\\x00\\x93\\x80'"),
        (Login("bob", SECRET), SECRET),
        (Slotted(SECRET), SECRET),
        (82736451, "order 82736451"),
        (8273.6451, "8273.6451"),
        (Decimal("8273.6451"), "8273.6451"),
        (UUID(int=0x12345678123456781234567812345678), "12345678-1234-5678-1234-567812345678"),
        (Path("/secret/place"), "/secret/place"),
        (f"first line {SECRET}\nsecond line", f"first line {SECRET}"),
        (f"first line {SECRET}\nsecond line", "second line"),
        (f"first line {SECRET}\nsecond line", repr(f"first line {SECRET}\nsecond line")),
        ("12\n34\n56", "12\n34\n56"),
        ("12\n34\n56", json.dumps("12\n34\n56")),
        ('it\'s "mine" \\ né', json.dumps('it\'s "mine" \\ né')),
        ('it\'s "mine" \\ né', json.dumps('it\'s "mine" \\ né', ensure_ascii=False)),
        ('it\'s "mine" \\ né', repr('it\'s "mine" \\ né')),
        (f"{SECRET}\ud800", repr(f"{SECRET}\ud800")),
    ],
)
def test_a_leaf_is_shown_in_no_form(value: Any, text: str) -> None:
    assert redact(text) == text

    masking.mask(value, "an XCom")

    shown = redact(text)
    assert isinstance(shown, str)
    assert "***" in shown
    assert len(shown.replace("***", "")) <= len(text) - 5


@pytest.mark.parametrize("value", [None, True, "", "abcd", 1234, [], {}, {"password": "abcd"}, ["ab\ncd"[:4]], b"ab"])
def test_what_is_too_short_is_not_sent_so_that_airflow_does_not_warn(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    masking.mask(value, "an XCom")

    assert caplog.text == ""
    assert _secrets_masker().patterns == set()


def test_keys_of_mappings_are_not_masked() -> None:
    masking.mask({"customer_id": SECRET}, "an XCom")

    assert redact(f"customer_id={SECRET}") == "customer_id=***"


def test_a_value_masked_before_costs_no_further_message(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr("airflow.sdk.log.mask_secret", calls.append)

    masking.mask({"a": SECRET, "b": [12345, SECRET]}, "an XCom")
    masking.mask(["12345", SECRET], "an XCom")

    (call,) = calls
    assert sorted(call) == ["12345", SECRET]


def test_a_list_too_long_is_masked_in_part_with_one_warning_that_names_the_xcom(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(3):
        masking.mask([f"{SECRET}-{i}" for i in range(10_000)], "XCom 'token' of task 'extract'")

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "XCom 'token' of task 'extract' could be masked only in part: it is too large" in record.getMessage()
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10_000_000,
        ["x" * 1_000 + str(i) for i in range(10_000)],
        {"a": {str(i): f"{SECRET}-{i}" for i in range(200_000)}},
        10**100_000,
        "\n".join(f"{SECRET}-{i}" for i in range(100_000)),
    ],
    ids=["one long string", "long strings", "many strings", "a huge number", "many lines"],
)
def test_no_value_makes_airflow_compile_more_than_the_bound(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    masking.mask(value, "an XCom")

    assert masking._registered.spent <= masking._PER_CALL
    assert "too large" in caplog.text


def test_a_process_that_pulls_without_end_stops_masking_at_the_bound(caplog: pytest.LogCaptureFixture) -> None:
    for i in range(300):
        masking.mask(f"{SECRET}-{i}", "an XCom")

    assert masking._registered.spent <= masking._PER_PROCESS
    assert len(masking._registered.strings) > 100
    assert len(caplog.records) == 1


def test_the_strings_of_many_small_dicts_are_reached() -> None:
    masking.mask([{"token": f"{SECRET}-{i}"} for i in range(10_000)], "an XCom")

    assert len(masking._registered.strings) > 30


def test_a_value_that_contains_itself_ends() -> None:
    value: list[Any] = [SECRET]
    value.append(value)

    masking.mask(value, "an XCom")

    assert redact(SECRET) == "***"


def test_an_object_of_unknown_type_is_said_to_be_unmasked(caplog: pytest.LogCaptureFixture) -> None:
    masking.mask([SECRET, object()], "an XCom")

    assert "types" in caplog.text
    assert redact(SECRET) == "***"


def test_a_mask_that_fails_is_logged_without_the_value_and_does_not_reach_the_task(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(secret: Any) -> None:
        raise RuntimeError(f"cannot mask {secret}")

    monkeypatch.setattr("airflow.sdk.log.mask_secret", fail)
    masking.mask(SECRET, "XCom 'token'")

    assert "XCom 'token' could not be masked in logs and rendered fields: RuntimeError." in caplog.text
    assert SECRET not in caplog.text
    assert masking._registered.strings == set()


def test_threads_that_pull_at_once_are_all_masked() -> None:
    values = [f"{SECRET}-{i:02}" for i in range(16)]
    threads = [threading.Thread(target=masking.mask, args=(value, "an XCom")) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [redact(value) for value in values] == ["***"] * 16


@pytest.mark.parametrize(
    ("setting", "restricted", "expected"),
    [
        ("restricted", True, True),
        ("restricted", False, False),
        ("all", True, True),
        ("all", False, True),
        ("off", True, False),
        ("off", False, False),
    ],
)
def test_the_setting_decides_what_is_masked(setting: str, restricted: bool, expected: bool) -> None:
    assert masking.applies(setting, restricted) is expected
