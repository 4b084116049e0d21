"""How findings are shown, and what the command returns."""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from exclusive_redis_xcom import __version__, health
from exclusive_redis_xcom.cli import doctor
from exclusive_redis_xcom.cli.doctor import report
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.health import causes, finding
from exclusive_redis_xcom.health.examining import REDIS_URL_VARIABLE, made
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import Role, Visit
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.settings.in_force import InForce

SETTINGS = [
    InForce("redis_url", "redis.example:6379 (login not shown)", "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL"),
    InForce("mode", "enforce", "default"),
]
FINDINGS = [
    Finding("plugin", "ok", "loaded"),
    Finding("ring, REST API", "FAIL", "http://api:8080 answers 401 [without] the header", "Set enforcement. " * 12),
    Finding("Redis persistence", "warning", "none", "appendonly yes"),
    Finding("replicas", "skipped", "may not run INFO"),
]
REPORT = report.Report("worker", FINDINGS, SETTINGS)


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_piped_output_is_lines_that_begin_with_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(REPORT, as_json=False)

    lines = capsys.readouterr().out.splitlines()
    findings = lines[: lines.index("")]
    assert [line.split()[0] for line in findings if not line.startswith(" ")] == ["ok", "FAIL", "warning", "skipped"]
    assert lines[0] == "ok       plugin             loaded"
    assert lines[lines.index("") + 1 :] == [
        "settings in force:",
        "  redis_url  redis.example:6379 (login not shown)  AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL",
        f"  mode       {'enforce':<36}  default",
        "",
        "4 checks, 1 failed, 1 warnings, 1 skipped",
    ]
    assert max(map(len, lines)) <= 120


def test_a_terminal_gets_a_table_with_everything_in_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    report.show(REPORT, as_json=False)

    out = capsys.readouterr().out
    assert [
        word for word in ("plugin", "FAIL", "answers 401 [without] the header", "appendonly yes") if word not in out
    ] == []
    assert "\u2502" in out


def test_json_has_every_finding_and_the_counts() -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    body = json.loads(report.to_json(report.Report("api-server", FINDINGS, SETTINGS)))

    assert (body["schema"], body["version"]) == (1, __version__)
    assert before <= datetime.fromisoformat(body["time"]) <= datetime.now(timezone.utc)
    assert (body["role"], body["failures"], body["warnings"]) == ("api-server", 1, 1)
    assert body["findings"][2] == {
        "id": "redis-persistence",
        "check": "Redis persistence",
        "result": "warning",
        "seen": "none",
        "remedy": "appendonly yes",
    }
    assert body["settings"][1] == {"option": "mode", "value": "enforce", "source": "default"}


def test_a_quiet_report_has_only_what_is_not_ok() -> None:
    body = json.loads(report.to_json(REPORT, quiet=True))
    lines = report.to_text(REPORT, quiet=True).splitlines()

    assert [found["id"] for found in body["findings"]] == ["ring-rest-api", "redis-persistence"]
    assert body["settings"] == []
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["FAIL", "warning", "4"]


def test_a_quiet_report_of_what_is_all_right_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(report.Report("worker", [FINDINGS[0], FINDINGS[3]], SETTINGS), as_json=False, quiet=True)

    assert capsys.readouterr().out == ""


IDS = """
    settings stored-format airflow-version xcom-backend plugin plugin-in-tasks listener policy private-keys
    public-key executor values-at-rest sealing token-signing-key database-login fernet-key api-secret-key
    celery-results celery-broker airflow-home server-processes kubernetes-token ring ring-execution-api
    ring-rest-api api-server-tls redis redis-tls redis-version redis-user redis-commands redis-round-trip
    redis-of-the-doctor redis-server redis-eviction redis-persistence redis-default-user redis-replicas direct-pulls
    clocks watch-rights object-storage spill-threshold
"""


def test_ids_stay_as_they_are_and_each_is_documented() -> None:
    # Programs go by these. Add new ones; never change or reuse one.
    page = (Path(__file__).resolve().parents[4] / "docs/how-to/doctor.md").read_text()

    assert list(finding.IDS.values()) == IDS.split()
    assert [id for id in IDS.split() if f"`{id}`" not in page] == []


def names_of_checks() -> Iterator[str]:
    """The names that the code of the doctor gives to findings, as far as they stand in it as text."""
    for path in [found for of in (doctor, health) for found in Path(of.__file__ or "").parent.glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and node.args:
                if isinstance(node.args[0], ast.Constant):
                    yield str(node.args[0].value)
            elif isinstance(node, ast.Assign) and re.fullmatch(r"_\w*CHECK", getattr(node.targets[0], "id", "")):
                yield ast.literal_eval(node.value)


def test_every_check_has_an_id() -> None:
    names = set(names_of_checks())

    assert len(names) > 15
    assert names - finding.IDS.keys() == set()


def test_what_servers_say_cannot_steer_a_terminal_nor_fill_it() -> None:
    found = Finding("Redis", "ok", "\x1b[2Jversion\r7\nand more", "x" * 5000)

    assert found.seen == "?[2Jversion?7 and more"
    assert len(found.remedy) < 700


def test_the_last_line_of_an_error_is_the_remedy() -> None:
    found = Finding.of_error(
        "Redis", StoreUnavailable("Pulling failed.\nRedis is at a:1.\nStart it."), "Or name another."
    )

    assert found == Finding("Redis", "FAIL", "Pulling failed. Redis is at a:1.", "Start it. Or name another.")


def test_an_error_of_one_line_is_what_was_seen() -> None:
    assert Finding.of_error("Redis", StoreUnavailable("It is gone.")) == Finding("Redis", "FAIL", "It is gone.")


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    return parser.parse_args(given)


def test_a_check_that_fails_itself_is_a_failure_and_does_not_hide_others() -> None:
    def strange_check(visit: Visit) -> Iterator[Finding]:
        yield FINDINGS[0]
        raise RuntimeError("canary")

    first, second = made(strange_check, Visit("worker", None))

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
    monkeypatch.setenv(REDIS_URL_VARIABLE, "redis://admin:canary@127.0.0.1:2/0")

    assert doctor.main(arguments("--json", "--url", "http://127.0.0.1:1")) == 1

    out = capsys.readouterr().out
    assert "127.0.0.1:1" in out
    assert "127.0.0.1:2" in out
    assert "canary" not in out


def failing(*ids: str) -> list[Finding]:
    names = {id: name for name, id in finding.IDS.items()}
    return [Finding(names[id], "FAIL", "broken.", "Mend it.") for id in ids]


@pytest.mark.parametrize(
    ("found", "role", "left"),
    [
        (["plugin", "plugin-in-tasks", "listener"], "worker", ["plugin"]),
        (["redis", "redis-server"], "worker", ["redis"]),
        (["redis-round-trip", "watch-rights"], "api-server", ["redis-round-trip"]),
        (["private-keys", "ring-execution-api", "ring-rest-api"], "api-server", ["private-keys"]),
        (["private-keys", "ring-execution-api"], "worker", ["private-keys", "ring-execution-api"]),
        (["token-signing-key", "database-login"], "worker", ["token-signing-key", "database-login"]),
    ],
)
def test_one_cause_fails_once(found: list[str], role: Role, left: list[str]) -> None:
    judged = causes.once_each(failing(*found), role)

    assert [one.id for one in judged if one.result == "FAIL"] == left
    followed = [one for one in judged if one.result != "FAIL"]
    assert {one.result for one in followed} <= {"skipped"}
    assert all(one.seen == f"broken. This follows from the check '{judged[0].check}'" for one in followed)


def test_a_warning_fails_only_under_strict_and_what_is_accepted_does_not_fail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__MODE", "report")

    def run(*given: str) -> tuple[int, dict[str, str]]:
        status = doctor.main(arguments("--json", "--url", "http://127.0.0.1:1", *given))
        return status, {found["id"]: found["result"] for found in json.loads(capsys.readouterr().out)["findings"]}

    status, results = run()
    assert (status, results["redis"], results["settings"]) == (1, "FAIL", "warning")
    failures = [option for id, result in results.items() if result == "FAIL" for option in ("--accept", id)]
    warnings = [option for id, result in results.items() if result == "warning" for option in ("--accept", id)]

    status, accepted = run(*failures)
    assert (status, accepted["redis"], accepted["settings"]) == (0, "accepted", "warning")
    assert run(*failures, "--strict")[0] == 1
    assert run(*failures, "--strict", *warnings)[0] == 0


def test_an_id_that_no_check_has_cannot_be_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments("--accept", "redis-persistance")

    assert "redis-persistance" in capsys.readouterr().err
