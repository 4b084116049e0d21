"""Is the ring in the API server that runs here, in each of its processes?"""

from __future__ import annotations

import functools
import http.client
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from exclusive_redis_xcom.cli.doctor import own_server
from exclusive_redis_xcom.cli.doctor.http import Answer, ask, reason
from exclusive_redis_xcom.cli.doctor.ring_answers import judged
from exclusive_redis_xcom.health.finding import Finding, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exclusive_redis_xcom.settings import Settings

#: Connections for each process, at most. The system picks the process, so some are picked often and others seldom.
_TRIES = 8
_MOST_CONNECTIONS = 64
_MOST_PORTS = 3

_NOT_HERE = (
    "Start the API server, or correct [api] host and port. If the server listens elsewhere, for example because of "
    "--port, name it with --url."
)


def asked(settings: Settings, paths: Mapping[str, str]) -> Iterator[tuple[str, Finding]]:
    """Ask the API server of this environment, and yield the place with each finding.

    Args:
        settings: The settings of this process.
        paths: Check -> path to ask for.
    """
    server = own_server.own_server()
    for check, path in paths.items():
        for finding in _findings(check, server, path, settings):
            yield str(server.base), finding


def _findings(check: str, server: own_server.OwnServer, path: str, settings: Settings) -> Iterator[Finding]:
    shown = f"{server.base} at {server.address}" if server.address != server.base.host else str(server.base)
    processes = own_server.serving_processes(server.base.port)
    try:
        answers = _answers(server, path, processes)
    except (OSError, http.client.HTTPException) as error:
        result: Result = "FAIL" if settings.by_server else "skipped"
        yield Finding(check, result, f"{shown}: {reason(error)}", f"{_NOT_HERE}{_hint(server)}")
        return
    verdicts: dict[tuple[Result, str, str], set[int | None]] = {}
    for answer in answers:
        verdicts.setdefault(judged(answer, settings, shown), set()).add(answer.process)
    reached = {answer.process for answer in answers} - {None}
    for (result, seen, remedy), by in verdicts.items():
        yield Finding(check, result, f"{seen}{_of_processes(by, reached, processes)}", remedy)


def _answers(server: own_server.OwnServer, path: str, processes: set[int]) -> list[Answer]:
    """Ask until every process has answered, or until it was tried often enough.

    Raises:
        OSError: No connection, no TLS, or no answer in time.
        http.client.HTTPException: What answers does not speak HTTP.
    """
    one = functools.partial(
        ask,
        server.base,
        server.address,
        path,
        _unchecked(),
        functools.partial(own_server.process_behind, server.base.port),
    )
    if len(processes) < 2:
        return [one()]
    answers: list[Answer] = []
    most = min(_TRIES * len(processes), _MOST_CONNECTIONS)
    with ThreadPoolExecutor(2 * len(processes)) as pool:  # connections at the same time go to different processes
        while len(answers) < most and not processes <= {answer.process for answer in answers}:
            answers += pool.map(lambda _: one(), range(2 * len(processes)))
    return answers


def _hint(server: own_server.OwnServer) -> str:
    ports = [str(port) for port in own_server.other_ports() if port != server.base.port]
    if not ports:
        return ""
    return f" This user has started an API server on port {', '.join(ports[:_MOST_PORTS])}."


def _of_processes(by: set[int | None], reached: set[int | None], processes: set[int]) -> str:
    """Say which processes an answer is from, where there are several."""
    if len(processes) < 2:
        return ""
    if None in by:
        return "; its processes cannot be told apart here"
    missing = f"; {len(processes - reached)} of them answered none" if processes - reached else ""
    return f" (from {len(by)} of {len(processes)} processes{missing})"


def _unchecked() -> ssl.SSLContext:
    """Take any certificate: it has the name that clients use, and this request does not leave the machine."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
