"""What the doctor says of API servers, from their answers over HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from exclusive_redis_xcom.cli.doctor import http, ring
from exclusive_redis_xcom.formats.ring_header import RING_HEADER, header_value
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import Visit
from tests.unit.cli.doctor.patients import (
    BOTH_PRIVATE,
    OLDER_PUBLIC,
    PUBLIC,
    WITH_RING,
    sealed_visit,
    server,
    visit,
)

EXECUTION, REST = "ring, Execution API", "ring, REST API"


def asked(visit: Visit) -> dict[str, Finding]:
    return {finding.check: finding for finding in ring.ring(visit)}


def execution_of(status: int, headers: dict[str, str], **changes: Any) -> Finding:
    with server(status, headers) as served:
        return asked(sealed_visit(urls=[served.url], **changes))[EXECUTION]


@pytest.mark.parametrize("status", [200, 401, 403, 404, 422])
def test_a_server_with_the_ring_and_the_workers_key_is_ok(status: int) -> None:
    found = execution_of(status, WITH_RING)

    assert found.result == "ok"
    assert PUBLIC.key_id in found.seen


def test_both_apis_are_asked_for_paths_that_change_nothing() -> None:
    with server(headers=WITH_RING) as served:
        found = asked(sealed_visit(urls=[f"{served.url}/airflow/"]))

    assert {name: finding.result for name, finding in found.items()} == {EXECUTION: "ok", REST: "ok"}
    assert served.paths == [
        "/airflow/execution/xcoms/exclusive-xcom-doctor/run/task/key",
        "/airflow/api/v2/version",
    ]


def test_the_url_of_the_execution_api_may_be_given_as_airflow_has_it() -> None:
    with server(headers=WITH_RING) as served:
        asked(sealed_visit(urls=[f"{served.url}/execution/"]))

    assert served.paths[0] == "/execution/xcoms/exclusive-xcom-doctor/run/task/key"


@pytest.mark.parametrize("status", [200, 401, 404])
def test_a_server_without_the_ring_fails_and_says_what_that_means(status: int) -> None:
    found = execution_of(status, {})

    assert found.result == "FAIL"
    assert "accepts foreign writes" in found.remedy
    assert "only logs a plugin that fails to import" in found.remedy


@pytest.mark.parametrize(
    ("status", "told"),
    [(500, "the ring could not start"), (502, "Start the API server"), (302, "Name the API servers themselves")],
)
def test_other_answers_have_their_own_remedy(status: int, told: str) -> None:
    found = execution_of(status, {"Location": "http://elsewhere.invalid/"} if status == 302 else {})

    assert found.result == "FAIL"
    assert str(status) in found.seen
    assert told in found.remedy


def test_a_server_that_cannot_open_what_is_sealed_here_fails() -> None:
    found = execution_of(401, WITH_RING, seal_public_key=OLDER_PUBLIC)

    assert found.result == "FAIL"
    assert f"cannot open what is sealed here, to {OLDER_PUBLIC.key_id}" in found.remedy


def test_an_older_key_than_the_server_s_newest_is_a_warning() -> None:
    headers = {RING_HEADER: header_value([PUBLIC.key_id, OLDER_PUBLIC.key_id])}

    assert execution_of(401, headers).result == "ok"
    assert execution_of(401, headers, seal_public_key=OLDER_PUBLIC).result == "warning"


def test_an_api_server_without_public_key_compares_its_newest_private_one() -> None:
    with server(401, {RING_HEADER: header_value([OLDER_PUBLIC.key_id])}) as served:
        keys = {"seal_public_key": None, "seal_private_keys": BOTH_PRIVATE}
        found = asked(sealed_visit("api-server", [served.url], **keys))[EXECUTION]

    assert found.result == "FAIL"


def test_another_version_of_the_ring_is_a_warning() -> None:
    assert execution_of(401, {RING_HEADER: f"2; keys={PUBLIC.key_id}"}).result == "warning"


@pytest.mark.parametrize(
    "value",
    ["", "1", f"1; keys={PUBLIC.key_id.upper()}x", "1; keys=", "x" * 5000],
    ids=["nothing", "a version", "a key id and more", "no key id", "long"],
)
def test_a_header_that_is_none_of_ours_fails_and_is_not_shown(value: str) -> None:
    found = execution_of(401, {RING_HEADER: value})

    assert found.result == "FAIL"
    assert "cannot be read" in found.seen
    assert "xxxx" not in found.seen


def test_without_enforcement_no_ring_is_wanted_and_one_tells_that_this_worker_was_forgotten() -> None:
    with server(401) as without, server(401, WITH_RING) as with_ring:
        results = [asked(visit(urls=[served.url]))[EXECUTION].result for served in (without, with_ring)]

    assert results == ["ok", "FAIL"]


def test_nobody_listening_fails_for_who_needs_it_and_is_skipped_for_others(closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}"

    sealed, plain = asked(sealed_visit(urls=[url])), asked(visit(urls=[url]))

    assert (sealed[EXECUTION].result, sealed[REST].result) == ("FAIL", "skipped")
    assert "connection refused" in sealed[EXECUTION].seen
    assert sealed[REST].seen.endswith("connection refused. This follows from the check 'ring, Execution API'")
    assert {plain[EXECUTION].result, plain[REST].result} == {"skipped"}
    assert {plain[EXECUTION].remedy, plain[REST].remedy} == {
        "With enforcement = worker, the ring is not needed. To check it anyway, start the API server, or give the "
        "server's URL with --url."
    }


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (http.CONNECT_TIMEOUT, http.TIMEOUT) == (5.0, 30.0)
    monkeypatch.setattr(http, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = asked(sealed_visit(urls=[f"http://127.0.0.1:{silent.getsockname()[1]}"]))

    assert found[EXECUTION].result == "FAIL"
    assert "no answer in time" in found[EXECUTION].seen


def test_something_that_speaks_no_tls_fails_without_its_error_s_text() -> None:
    with server(headers=WITH_RING) as served:
        found = asked(sealed_visit(urls=[f"https://127.0.0.1:{served.port}"]))[EXECUTION]

    assert found.result == "FAIL"
    assert "no HTTP answer (SSLError)" in found.seen


def test_every_address_of_a_name_is_asked(resolve_api_example: Callable[..., None]) -> None:
    resolve_api_example("127.0.0.1", "127.0.0.2", "127.0.0.1")
    with server(headers=WITH_RING) as first, server(headers={}, host="127.0.0.2", port=first.port):
        findings = list(ring.ring(sealed_visit(urls=[f"http://api.example:{first.port}"])))

    found = [finding for finding in findings if finding.check == EXECUTION]
    place = f"http://api.example:{first.port}/execution at 127.0.0."
    assert [finding.result for finding in found] == ["ok", "FAIL"]
    assert [finding.seen.startswith(f"{place}{n} ") for n, finding in enumerate(found, start=1)] == [True, True]
    assert set(first.hosts) == {f"api.example:{first.port}"}


def test_an_address_that_is_down_is_told_where_another_answers(resolve_api_example: Callable[..., None]) -> None:
    resolve_api_example("127.0.0.2", "127.0.0.1")
    with server(headers=WITH_RING) as served:
        findings = list(ring.ring(sealed_visit(urls=[f"http://api.example:{served.port}"])))

    assert [finding.result for finding in findings if finding.check == EXECUTION] == ["ok", "skipped"]


def test_a_name_that_does_not_resolve_fails() -> None:
    found = asked(sealed_visit(urls=["http://no-such-host.invalid:8080"]))[EXECUTION]

    assert found.result == "FAIL"
    assert "does not resolve" in found.seen


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://host", "http://", "http://user:canary@host:port", "http://user:80/canary@host/"],
)
def test_a_url_that_cannot_be_used_fails_and_is_not_shown(url: str) -> None:
    found = list(ring.ring(sealed_visit(urls=[url])))

    assert [finding.result for finding in found] == ["FAIL", "skipped"]
    assert "canary" not in repr(found)


def test_credentials_in_a_url_are_not_shown(closed_port: int) -> None:
    url = f"http://user:canary@127.0.0.1:{closed_port}/?token=canary#canary"

    found = [*ring.ring(sealed_visit(urls=[url])), *ring.tokens(sealed_visit(urls=[url]))]

    assert [finding.result for finding in found] == ["FAIL", "skipped", "ok"]
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    ("url", "result", "seen"),
    [
        ("http://airflow.example:8080", "warning", "http://airflow.example:8080"),
        ("http://10.0.0.1:8080", "warning", "http://10.0.0.1:8080"),
        ("https://airflow.example", "ok", "https://airflow.example:443"),
        ("http://localhost:8080", "ok", "http://localhost:8080: not needed, because the URL names this machine"),
        ("http://127.0.0.9:8080", "ok", "http://127.0.0.9:8080: not needed, because the URL names this machine"),
        ("http://[::1]:8080", "ok", "http://[::1]:8080: not needed, because the URL names this machine"),
    ],
)
def test_http_to_another_machine_is_a_warning(url: str, result: str, seen: str) -> None:
    (found,) = ring.tokens(sealed_visit(urls=[url]))

    assert (found.result, found.seen) == (result, seen)


def test_without_urls_airflow_s_configuration_says_whom_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", raising=False)
    with server(headers=WITH_RING) as served:
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"{served.url}/airflow")
        found = asked(sealed_visit())

    assert {finding.result for finding in found.values()} == {"ok"}
    assert [path.rsplit("/xcoms/")[0] for path in served.paths] == ["/airflow/execution", "/airflow/api/v2/version"]


def test_the_configured_execution_api_wins(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    with server(headers=WITH_RING) as served:
        monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"{served.url}/execution/")
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"http://127.0.0.1:{closed_port}")
        found = asked(sealed_visit())

    assert (found[EXECUTION].result, found[REST].result) == ("ok", "skipped")
    assert found[REST].remedy == (
        "A worker need not reach this URL. To check the ring there, run the doctor on the API server, or name the "
        "server with --url."
    )


def test_without_settings_nothing_is_asked() -> None:
    (found,) = ring.ring(Visit("worker", None, ("http://127.0.0.1:1",)))

    assert found.result == "skipped"
    assert found.seen == "a setting is wrong or cannot be read; see the check 'settings'"


@pytest.fixture
def resolve_api_example(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What a DNS server would say of one name; all other names and addresses are resolved as ever."""
    real = socket.getaddrinfo

    def have(*addresses: str) -> None:
        def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
            names = addresses if host == "api.example" else (host,)
            return [entry for name in names for entry in real(name, port, *args, **kwargs)]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)

    return have


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
