"""How findings are shown, and what the command returns."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

import pytest

from exclusive_redis_xcom.cli import doctor
from exclusive_redis_xcom.cli.doctor import report
from exclusive_redis_xcom.cli.doctor.finding import Finding
from exclusive_redis_xcom.cli.doctor.visit import Visit
from exclusive_redis_xcom.settings import load_settings

FINDINGS = [
    Finding("plugin", "ok", "loaded"),
    Finding("ring, REST API", "FAIL", "http://api:8080 answers 401 [without] the header", "Set enforcement. " * 12),
    Finding("Redis persistence", "warning", "none", "appendonly yes"),
    Finding("replicas", "skipped", "may not run INFO"),
]


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_piped_output_is_lines_that_begin_with_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(FINDINGS, "worker", as_json=False)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1] if not line.startswith(" ")] == ["ok", "FAIL", "warning", "skipped"]
    assert lines[0] == "ok       plugin             loaded"
    assert lines[-1] == "4 checks, 1 failed, 1 warnings, 1 skipped"
    assert max(map(len, lines)) <= 120


def test_a_terminal_gets_a_table_with_everything_in_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    report.show(FINDINGS, "worker", as_json=False)

    out = capsys.readouterr().out
    assert [
        word for word in ("plugin", "FAIL", "answers 401 [without] the header", "appendonly yes") if word not in out
    ] == []
    assert "\u2502" in out


def test_json_has_every_finding_and_the_counts() -> None:
    body = json.loads(report.to_json(FINDINGS, "api-server"))

    assert (body["role"], body["failures"], body["warnings"]) == ("api-server", 1, 1)
    assert body["findings"][2] == {
        "check": "Redis persistence",
        "result": "warning",
        "seen": "none",
        "remedy": "appendonly yes",
    }


def test_what_servers_say_cannot_steer_a_terminal_nor_fill_it() -> None:
    found = Finding("Redis", "ok", "\x1b[2Jversion\n7", "x" * 5000)

    assert found.seen == "?[2Jversion?7"
    assert len(found.remedy) < 700


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    return parser.parse_args(given)


def test_a_check_that_fails_itself_is_a_failure_and_does_not_hide_others() -> None:
    def strange_check(visit: Visit) -> Iterator[Finding]:
        yield FINDINGS[0]
        raise RuntimeError("canary")

    first, second = doctor._made(strange_check, Visit("worker", None))

    assert first == FINDINGS[0]
    assert (second.check, second.result, second.seen) == (
        "strange check",
        "FAIL",
        "the check itself failed: RuntimeError",
    )


def test_settings_that_do_not_load_fail_and_the_rest_is_checked_or_skipped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_CONN_ID", "redis://user:canary@host")

    assert doctor.main(arguments("--json")) == 1

    out = capsys.readouterr().out
    results = {found["check"]: found["result"] for found in json.loads(out)["findings"]}
    assert results["settings"] == "FAIL"
    assert results["Airflow version"] == "ok"
    assert {results["ring"], results["Redis"]} == {"skipped"}
    assert "canary" not in out


def test_the_password_of_the_doctor_s_redis_may_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL", "redis://u:canary@127.0.0.1:1/0")
    monkeypatch.setenv(doctor.REDIS_URL_VARIABLE, "redis://admin:canary@127.0.0.1:2/0")

    assert doctor.main(arguments("--json", "--url", "http://127.0.0.1:1")) == 1

    out = capsys.readouterr().out
    assert "127.0.0.1:1" in out
    assert "127.0.0.1:2" in out
    assert "canary" not in out
