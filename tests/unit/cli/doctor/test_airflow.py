"""What the doctor says of the Airflow it runs in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.bases.xcom import BaseXCom

from devtools.components import OURS
from exclusive_redis_xcom.airflow.plugin import ExclusiveRedisXComPlugin
from exclusive_redis_xcom.health import airflow
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import Visit
from exclusive_redis_xcom.settings import load_settings
from tests.unit.cli.doctor.patients import PRIVATE_TEXT, only, visit


class Namesake(AirflowPlugin):
    name = "exclusive_redis_xcom"


class Other(AirflowPlugin):
    name = "other"


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def judge(*plugins: Any, **errors: str) -> Any:
    return airflow.judge_plugins(
        "plugin", plugins, {f"exclusive_redis_xcom.airflow.{name}": text for name, text in errors.items()}
    )


def test_settings_that_load_say_who_decides() -> None:
    settings, found = airflow.read_settings()

    assert settings is not None
    assert only(found).result == "ok"
    assert "enforcement = worker" in only(found).seen


def test_a_setting_that_is_not_accepted_fails_with_its_own_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}ENFORCEMENT", "both")

    settings, found = airflow.read_settings()

    assert settings is None
    assert only(found).result == "FAIL"
    assert "enforcement: 'both' is not accepted" in only(found).seen


def test_a_key_in_the_wrong_place_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}SEAL_PUBLIC_KEY", PRIVATE_TEXT)

    _, found = airflow.read_settings()

    assert only(found).result == "FAIL"
    assert "seal_public_key" in only(found).seen
    assert PRIVATE_TEXT not in repr(found)


def test_a_command_that_fails_is_told_without_what_it_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}REDIS_URL_CMD", "sh -c 'echo canary >&2; exit 3'")

    settings, found = airflow.read_settings()

    assert settings is None
    assert only(found).result == "FAIL"
    assert "canary" not in repr(found)


def test_mode_report_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}MODE", "report")

    assert only(airflow.read_settings()[1]).result == "warning"


def test_the_default_format_is_the_present_one() -> None:
    assert only(airflow.stored_format(visit())) == Finding("stored format", "ok", "format = 3")


def test_a_format_that_an_upgrade_left_behind_is_a_note_and_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}FORMAT", "2")

    assert only(airflow.stored_format(visit())) == Finding(
        "stored format",
        "warning",
        "format = 2: the format of the earlier release",
        "During an upgrade, this is right. When no component of the earlier release runs any more, remove "
        "[exclusive_redis_xcom] format everywhere, and restart.",
    )


def test_the_format_is_not_judged_where_settings_cannot_be_read() -> None:
    assert only(airflow.stored_format(Visit("worker", None))).result == "skipped"


@pytest.mark.parametrize("checks", [airflow.CHECKS, airflow.IN_SERVERS], ids=["doctor", "page"])
def test_both_the_doctor_and_the_page_look_at_the_format(checks: tuple[object, ...]) -> None:
    assert airflow.stored_format in checks


def test_the_airflow_installed_here_is_one_of_ours() -> None:
    assert only(airflow.version(visit())).result == "ok"


def test_our_backend_is_ok() -> None:
    assert only(airflow.backend(visit())).result == "ok"


def test_another_backend_fails_and_ours_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow.sdk.execution_time.xcom.XCom", BaseXCom)

    found = only(airflow.backend(visit()))

    assert (found.result, found.seen) == ("FAIL", "airflow.sdk.bases.xcom.BaseXCom")
    assert "xcom_backend = exclusive_redis_xcom.ExclusiveRedisXCom" in found.remedy


def test_our_plugin_among_others_is_ok() -> None:
    assert judge(Other(), ExclusiveRedisXComPlugin()).result == "ok"


def test_another_plugin_of_the_name_fails_and_says_where_it_is() -> None:
    found = judge(Namesake())

    assert found.result == "FAIL"
    assert f"another plugin has the name 'exclusive_redis_xcom': {__name__}" in found.seen


def test_a_plugin_that_does_not_import_fails_with_the_reason() -> None:
    found = judge(Other(), plugin="No module named 'zstandard'\nmore")

    assert found.result == "FAIL"
    assert found.seen == "the plugin does not import: No module named 'zstandard'"
    assert "only logs this" in found.remedy


def test_a_plugin_that_is_left_out_fails() -> None:
    found = judge(Other())

    assert found.result == "FAIL"
    assert "the plugin is not loaded; Airflow has loaded: other" in found.seen


def test_an_installed_package_is_wired_in_everywhere() -> None:
    found = [*airflow.plugin(visit()), *airflow.listener(visit()), *airflow.policy(visit())]

    assert [finding for finding in found if finding.result != "ok"] == []
    assert {"plugin", "listener", "policy"} <= {finding.check for finding in found}
