"""Is the ring in the chain of every API server, and does it open what is sealed here? The check asks over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import os
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.cli.doctor import own_ring
from exclusive_redis_xcom.cli.doctor.http import Answer, BaseUrl, NotAUrlError, addresses, ask, reason
from exclusive_redis_xcom.cli.doctor.ring_answers import NAME_THEM, judged
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import NO_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.health.visit import Visit
    from exclusive_redis_xcom.settings import Settings

# Neither request changes anything. The first one wants a token: Airflow answers 401, 403, 404 or 422, by version.
_EXECUTION_PATH = "/xcoms/exclusive-xcom-doctor/run/task/key"
_REST_PATH = "/api/v2/version"
_EXECUTION, _REST = "ring, Execution API", "ring, REST API"


@dataclass(frozen=True, slots=True)
class Target:
    """Something to ask: the name of the check, a URL as configured, and the path below it.

    `needed` is True if the check fails when the URL is not reached from here.
    """

    check: str
    url: str
    path: str
    needed: bool


def ring(visit: Visit) -> Iterator[Finding]:
    """Check whether every address of every API server answers with the ring's header. An API server asks itself."""
    settings = visit.settings
    if settings is None:
        yield Finding("ring", "skipped", NO_SETTINGS)
    elif visit.role == "api-server" and not visit.urls:
        yield from _once(own_ring.asked(settings, {_EXECUTION: f"/execution{_EXECUTION_PATH}", _REST: _REST_PATH}))
    else:
        context = _tls_context()
        yield from _once(found for target in _targets(visit) for found in _of_target(target, settings, context))


def tokens(visit: Visit) -> Iterator[Finding]:
    """Check whether tokens and opened keys travel in the clear."""
    origins: dict[str, BaseUrl] = {}
    for target in _targets(visit):
        with contextlib.suppress(NotAUrlError):  # the other check reports it
            base = replace(BaseUrl.parse(target.url), path="")
            origins[str(base)] = base
    for shown, base in origins.items():
        if base.scheme == "https" or base.is_loopback:
            not_needed = "" if base.scheme == "https" else ": not needed, because the URL names this machine"
            yield Finding("TLS to the API server", "ok", f"{shown}{not_needed}")
        else:
            remedy = "Use https. Otherwise the tokens of tasks and the keys of values travel in the clear."
            yield Finding("TLS to the API server", "warning", shown, remedy)


CHECKS = (ring, tokens)


def _targets(visit: Visit) -> list[Target]:
    by_server = visit.settings is not None and visit.settings.by_server
    if visit.urls:
        bases = [url.rstrip("/").removesuffix("/execution") for url in visit.urls]
        pairs = [(f"{base}/execution", base) for base in bases]
    else:
        pairs = [_configured()]
    return [
        target
        for execution, rest in pairs
        for target in (
            Target(_EXECUTION, execution, _EXECUTION_PATH, needed=by_server),
            # Workers need not reach the URL that people use.
            Target(_REST, rest, _REST_PATH, needed=by_server and (bool(visit.urls) or visit.role == "api-server")),
        )
    ]


def _configured() -> tuple[str, str]:
    """Return the URLs of Execution API and REST API, as Airflow derives them (`executors/base_executor.py`)."""
    from airflow.configuration import conf

    base = str(conf.get("api", "base_url", fallback="/") or "/")
    if base.startswith("/"):
        base = f"http://localhost:8080{base}"
    base = base.rstrip("/")
    return str(conf.get("core", "execution_api_server_url", fallback="") or f"{base}/execution/"), base


def _once(found: Iterable[tuple[str, Finding]]) -> Iterator[Finding]:
    """Let one cause fail once: the REST API fails with the Execution API if both are of one server.

    Args:
        found: Each finding, with the place that was asked.
    """
    failed: set[tuple[str, str]] = set()
    for place, finding in found:
        if finding.result == "FAIL" and finding.check == _REST and (place, finding.remedy) in failed:
            yield Finding(_REST, "skipped", f"{finding.seen}. This follows from the check '{_EXECUTION}'")
            continue
        if finding.result == "FAIL":
            failed.add((place, finding.remedy))
        yield finding


def _of_target(target: Target, settings: Settings, context: ssl.SSLContext) -> Iterator[tuple[str, Finding]]:
    try:
        base = BaseUrl.parse(target.url)
    except NotAUrlError:
        remedy = (
            "Correct [core] execution_api_server_url, [api] base_url or --url. The form is http(s)://host:port/path."
        )
        seen = "the URL cannot be used; it is not shown, because it may hold a password"
        yield "", Finding(target.check, "FAIL", seen, remedy)
        return
    for address, finding in _asked(target, base, settings, context):
        yield f"{base.host} {base.port} {address}", finding


def _asked(target: Target, base: BaseUrl, settings: Settings, context: ssl.SSLContext) -> Iterator[tuple[str, Finding]]:
    try:
        found = addresses(base)
    except (OSError, UnicodeError):
        yield "", _unreached(target, f"{base}: the name does not resolve", by_server=settings.by_server)
        return
    answers: dict[str, Answer] = {}
    failures: dict[str, str] = {}
    for address in found:
        try:
            answers[address] = ask(base, address, target.path, context)
        except (OSError, http.client.HTTPException) as error:
            failures[address] = reason(error)
    for address, answer in answers.items():
        shown = str(base) if address == base.host else f"{base} at {address}"
        yield address, Finding(target.check, *judged(answer, settings, shown))
    for address, why in failures.items():
        shown = f"{base} at {address}: {why}"
        if not answers:
            yield address, _unreached(target, shown, by_server=settings.by_server)
        elif not base.is_loopback:  # "localhost" has two addresses, and servers listen at one
            remedy = "Other addresses of this name answer. Run the doctor again when this one is up."
            yield address, Finding(target.check, "skipped", shown, remedy)


def _unreached(target: Target, seen: str, *, by_server: bool) -> Finding:
    if target.needed:
        return Finding(target.check, "FAIL", seen, f"Start the API server, or correct its URL. {NAME_THEM}")
    if by_server:
        remedy = (
            "A worker need not reach this URL. To check the ring there, run the doctor on the API server, or name the "
            "server with --url."
        )
    else:
        remedy = (
            "With enforcement = worker, the ring is not needed. To check it anyway, start the API server, or give the "
            "server's URL with --url."
        )
    return Finding(target.check, "skipped", seen, remedy)


def _tls_context() -> ssl.SSLContext:
    """Trust the authorities that Airflow's own client accepts (`airflow/sdk/api/client.py`), and the system's."""
    from airflow.configuration import conf

    context = ssl.create_default_context()
    try:
        import certifi
    except ImportError:
        pass
    else:
        context.load_verify_locations(certifi.where())
    for option in ("ssl_cert", "ssl_ca_file"):
        path = conf.get("api", option, fallback="")
        if path and os.path.exists(path):
            context.load_verify_locations(path)
    return context
