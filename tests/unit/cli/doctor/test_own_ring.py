"""The doctor on an API server asks the server that runs there, in each of its processes, and not the balancer."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from exclusive_redis_xcom.cli.doctor import own_server, ring
from exclusive_redis_xcom.formats.ring_header import RING_HEADER
from exclusive_redis_xcom.health.finding import Finding
from tests.unit.cli.doctor.patients import PRIVATE, PUBLIC, WITH_RING, sealed_visit, server, visit
from tests.unit.cli.doctor.processes import titled

EXECUTION, REST = "ring, Execution API", "ring, REST API"

#: Serves every request in two processes that share a socket, as API servers do. Argument: port, then the answers' mark
#: of each process.
TWO_PROCESSES = """
import os, socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 1

    def do_GET(self):
        self.send_response(401)
        if MARK:
            self.send_header("HEADER", MARK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

listening = socket.create_server(("127.0.0.1", 0))
for mark in sys.argv[1:]:
    if os.fork() == 0:
        MARK = mark
        server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        server.socket = listening
        server.serve_forever()
print(listening.getsockname()[1], flush=True)  # both processes are there
sys.stdin.read()
os.killpg(0, 9)
""".replace("HEADER", RING_HEADER)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, balancer: int) -> Callable[[int], dict[str, Finding]]:
    """What the doctor finds on an API server at a port, behind a balancer without a ring."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"http://127.0.0.1:{balancer}")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"http://127.0.0.1:{balancer}/execution/")

    def asked(port: int) -> dict[str, Finding]:
        monkeypatch.setenv("AIRFLOW__API__PORT", str(port))
        found = list(ring.ring(sealed_visit("api-server", seal_private_keys=PRIVATE)))
        return {finding.check: finding for finding in found}

    return asked


@pytest.fixture
def balancer() -> Iterator[int]:
    with server(headers={}) as served:
        yield served.port
        assert served.paths == []


@pytest.fixture
def two_processes() -> Iterator[Callable[..., int]]:
    """Starts two processes behind one port, with the values of the ring's header in their answers."""
    with contextlib.ExitStack() as stack:

        def start(*marks: str) -> int:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", TWO_PROCESSES, *marks],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                    text=True,
                )
            )
            assert process.stdin is not None
            assert process.stdout is not None
            stack.callback(process.stdin.close)
            return int(process.stdout.readline())

        yield start


def test_the_server_itself_is_asked_and_not_the_balancer(own: Callable[[int], dict[str, Finding]]) -> None:
    with server(headers=WITH_RING) as served:
        found = own(served.port)

    assert {name: finding.result for name, finding in found.items()} == {EXECUTION: "ok", REST: "ok"}
    assert found[REST].seen == f"http://127.0.0.1:{served.port} has the ring, with keys {PUBLIC.key_id}"
    assert served.paths == ["/execution/xcoms/exclusive-xcom-doctor/run/task/key", "/api/v2/version"]


def test_a_server_without_the_ring_fails_once(own: Callable[[int], dict[str, Finding]]) -> None:
    with server(headers={}) as served:
        found = own(served.port)

    assert (found[EXECUTION].result, found[REST].result) == ("FAIL", "skipped")


def test_a_server_that_is_not_there_fails_once_and_the_remedy_names_the_settings(
    own: Callable[[int], dict[str, Finding]],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    found = own(port)

    assert (found[EXECUTION].result, found[REST].result) == ("FAIL", "skipped")
    assert found[EXECUTION].seen == f"http://127.0.0.1:{port}: connection refused"
    assert found[EXECUTION].remedy.startswith(
        "Start the API server, or correct [api] host and port. If the server listens elsewhere, for example because of "
        "--port, name it with --url."
    )


def test_all_processes_of_a_server_are_asked(
    own: Callable[[int], dict[str, Finding]], two_processes: Callable[..., int]
) -> None:
    port = two_processes(WITH_RING[RING_HEADER], WITH_RING[RING_HEADER])

    found = own(port)

    assert {finding.result for finding in found.values()} == {"ok"}
    assert found[EXECUTION].seen.endswith(f"with keys {PUBLIC.key_id} (from 2 of 2 processes)")


def test_one_process_without_the_ring_fails(
    own: Callable[[int], dict[str, Finding]], two_processes: Callable[..., int]
) -> None:
    port = two_processes(WITH_RING[RING_HEADER], "")
    own(port)

    found = list(ring.ring(sealed_visit("api-server", seal_private_keys=PRIVATE)))

    execution = {finding.result: finding.seen for finding in found if finding.check == EXECUTION}
    assert execution.keys() == {"ok", "FAIL"}
    assert execution["FAIL"].endswith(f"without the header {RING_HEADER} (from 1 of 2 processes)")


def test_a_url_that_is_given_wins(own: Callable[[int], dict[str, Finding]]) -> None:
    with server(headers=WITH_RING) as served:
        found = list(ring.ring(sealed_visit("api-server", [served.url], seal_private_keys=PRIVATE)))

    assert [finding.result for finding in found] == ["ok", "ok"]
    assert len(served.paths) == 2


def test_a_server_of_another_port_is_named_by_its_title(own: Callable[[int], dict[str, Finding]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with titled("airflow api_server -- host:127.0.0.1 port:1"):  # the lowest port, which is named first
        found = own(port)

    assert " This user has started an API server on port 1" in found[EXECUTION].remedy


def test_the_name_that_clients_use_is_kept_for_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team")
    monkeypatch.setenv("AIRFLOW__API__HOST", "0.0.0.0")  # noqa: S104 - any address, as Airflow's default
    monkeypatch.setenv("AIRFLOW__API__PORT", "8191")
    monkeypatch.setenv("AIRFLOW__API__SSL_CERT", "/cert.pem")
    monkeypatch.setenv("AIRFLOW__API__SSL_KEY", "/key.pem")

    own = own_server.own_server()

    assert (str(own.base), own.address) == ("https://airflow.example:8191/team", "127.0.0.1")


def test_without_enforcement_a_server_that_is_not_there_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("AIRFLOW__API__PORT", str(listening.getsockname()[1]))

    found = list(ring.ring(visit("api-server")))

    assert {finding.result for finding in found} == {"skipped"}
