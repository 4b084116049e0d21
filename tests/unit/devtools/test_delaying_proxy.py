"""What the delaying proxy carries, how late, and which round trips it counts. A small server answers each line."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from typing import TYPE_CHECKING

import pytest

from devtools.delaying_proxy import DelayingProxy, Waits

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUND_TRIP = 0.02


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line.upper())


@pytest.fixture
def proxy() -> Iterator[DelayingProxy]:
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with DelayingProxy("127.0.0.1", server.server_address[1], ROUND_TRIP) as found:
                yield found
        finally:
            server.shutdown()


@contextlib.contextmanager
def client(proxy: DelayingProxy) -> Iterator[tuple[socket.socket, socket.SocketIO]]:
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    with connection, connection.makefile("rb", buffering=0) as answers:
        yield connection, answers


def test_the_first_answer_takes_two_round_trips_and_a_later_one_takes_one(proxy: DelayingProxy) -> None:
    begun = time.monotonic()  # the proxy counts from the connection, and this process may pause after it
    with client(proxy) as (connection, answers):
        connection.sendall(b"first\n")
        assert answers.readline() == b"FIRST\n"
        first = time.monotonic()
        connection.sendall(b"later\n")
        assert answers.readline() == b"LATER\n"
        later = time.monotonic()

    assert first - begun >= 2 * ROUND_TRIP - 0.002
    assert later - first >= ROUND_TRIP - 0.002


def test_each_answer_that_the_client_waits_for_is_a_round_trip_and_so_is_the_connection(proxy: DelayingProxy) -> None:
    with client(proxy) as (connection, answers):
        for _ in range(3):
            connection.sendall(b"a\n")
            answers.readline()

    assert proxy.waits == Waits(connections=1, exchanges=3)
    assert proxy.waits.round_trips == 4


def test_what_is_sent_without_waiting_is_one_round_trip(proxy: DelayingProxy) -> None:
    with client(proxy) as (connection, answers):
        for _ in range(3):
            connection.sendall(b"a\n")
        assert [answers.readline() for _ in range(3)] == [b"A\n"] * 3

    assert proxy.waits == Waits(connections=1, exchanges=1)


def test_waits_of_a_moment_are_a_difference(proxy: DelayingProxy) -> None:
    with client(proxy) as (connection, answers):
        connection.sendall(b"a\n")
        answers.readline()
        before = proxy.waits
        connection.sendall(b"b\n")
        answers.readline()

        assert proxy.waits - before == Waits(connections=0, exchanges=1)


def test_bytes_keep_their_order_and_none_is_lost(proxy: DelayingProxy) -> None:
    sent = b"".join(b"%07d\n" % number for number in range(100_000))
    with client(proxy) as (connection, answers):
        threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
        found = bytearray()
        while len(found) < len(sent):
            found += answers.read(2**16) or b""

    assert bytes(found) == sent


def test_the_end_of_one_side_reaches_the_other(proxy: DelayingProxy) -> None:
    with client(proxy) as (connection, answers):
        connection.sendall(b"last\n")
        connection.shutdown(socket.SHUT_WR)

        assert answers.read(2**16) == b"LAST\n"
        assert answers.read(2**16) == b""


def test_a_server_that_is_gone_is_a_closed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with DelayingProxy("127.0.0.1", port, ROUND_TRIP) as proxy, client(proxy) as (_, answers):
        assert answers.read(1) == b""


def test_the_proxy_ends_while_clients_are_connected(proxy: DelayingProxy) -> None:
    with DelayingProxy("127.0.0.1", proxy.port, ROUND_TRIP) as outer:
        connection = socket.create_connection(("127.0.0.1", outer.port), timeout=10)
        connection.sendall(b"a\n")
        assert connection.recv(16) == b"A\n"

    with connection:
        assert connection.recv(16) == b""
