"""Is the ring in the chain of every API server, and does it open what is sealed here? The check asks over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import os
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.cli.doctor.finding import Finding
from exclusive_redis_xcom.cli.doctor.http import Answer, BaseUrl, NotAUrlError, addresses, ask
from exclusive_redis_xcom.cli.doctor.visit import NO_SETTINGS
from exclusive_redis_xcom.formats.ring_header import RING_HEADER, VERSION, RingMark, parse_header
from exclusive_redis_xcom.settings import SECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.cli.doctor.visit import Visit
    from exclusive_redis_xcom.settings import Settings

# Neither request changes anything. The first one wants a token: Airflow answers 401, 403, 404 or 422, by version.
_EXECUTION_PATH = "/xcoms/exclusive-xcom-doctor/run/task/key"
_REST_PATH = "/api/v2/version"
_EXECUTION, _REST = "ring, Execution API", "ring, REST API"
_NAME_THEM = "Name the API servers themselves with --url."


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
    """Check whether every address of every API server answers with the ring's header."""
    settings = visit.settings
    if settings is None:
        yield Finding("ring", "skipped", NO_SETTINGS)
        return
    context = _tls_context()
    for target in _targets(visit):
        try:
            base = BaseUrl.parse(target.url)
        except NotAUrlError:
            remedy = "Correct [core] execution_api_server_url, [api] base_url or --url. The form is http(s)://host:port/path."
            yield Finding(
                target.check, "FAIL", "the URL cannot be used; it is not shown, because it may hold a password", remedy
            )
            continue
        yield from _asked(target, base, settings, context)


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


def _asked(target: Target, base: BaseUrl, settings: Settings, context: ssl.SSLContext) -> Iterator[Finding]:
    try:
        found = addresses(base)
    except (OSError, UnicodeError):
        yield _unreached(target, f"{base}: the name does not resolve", by_server=settings.by_server)
        return
    answers: dict[str, Answer] = {}
    failures: dict[str, str] = {}
    for address in found:
        try:
            answers[address] = ask(base, address, target.path, context)
        except (OSError, http.client.HTTPException) as error:
            failures[address] = _reason(error)
    for address, answer in answers.items():
        shown = str(base) if address == base.host else f"{base} at {address}"
        yield Finding(target.check, *_judged(answer, settings, shown))
    for address, why in failures.items():
        shown = f"{base} at {address}: {why}"
        if not answers:
            yield _unreached(target, shown, by_server=settings.by_server)
        elif not base.is_loopback:  # "localhost" has two addresses, and servers listen at one
            yield Finding(
                target.check,
                "skipped",
                shown,
                "Other addresses of this name answer. Run the doctor again when this one is up.",
            )


def _judged(answer: Answer, settings: Settings, shown: str) -> tuple[Any, str, str]:
    mark = parse_header(answer.marks[0]) if len(answer.marks) == 1 else None
    seen = f"{shown} answers {answer.status}"
    if not settings.by_server:
        return _without_enforcement(answer, seen)
    if mark is None:
        return _absent(answer, seen)
    return _present(mark, settings, shown)


def _without_enforcement(answer: Answer, seen: str) -> tuple[Any, str, str]:
    if not answer.marks:
        return "ok", f"{seen}, without a ring; none is needed with enforcement = worker", ""
    remedy = (
        f"Set [{SECTION}] enforcement = server and seal_public_key here, too. Values pushed from here are not sealed."
    )
    return "FAIL", f"{seen}, with a ring, while enforcement = worker here", remedy


def _absent(answer: Answer, seen: str) -> tuple[Any, str, str]:
    if answer.marks:
        return (
            "FAIL",
            f"{seen}, with a header {RING_HEADER} that cannot be read",
            f"Something alters the header. {_NAME_THEM}",
        )
    if answer.status == 500:
        remedy = (
            "If the server answers 500 to everything, the ring could not start. A key or setting is wrong then. "
            "See the server's log, and run exclusive-xcom doctor --role api-server there."
        )
        return "FAIL", f"{seen}, without the header {RING_HEADER}", remedy
    if 502 <= answer.status <= 504:
        return "FAIL", f"{seen}: this is a proxy with no API server behind it", f"Start the API server. {_NAME_THEM}"
    if 300 <= answer.status <= 399:
        return "FAIL", f"{seen}: it redirects to another place", _NAME_THEM
    remedy = (
        "This server accepts foreign writes, and no task can open a sealed value. Airflow only logs a plugin that "
        f"fails to import, so see the server's log. Set [{SECTION}] enforcement = server there. A server started with "
        "--apps execution loads no plugin: serve exclusive_redis_xcom.asgi:execution_app instead."
    )
    return "FAIL", f"{seen}, without the header {RING_HEADER}", remedy


def _present(mark: RingMark, settings: Settings, shown: str) -> tuple[Any, str, str]:
    key = settings.seal_public_key or (settings.seal_private_keys.public if settings.seal_private_keys else None)
    seen = f"{shown} has the ring, with keys {', '.join(mark.key_ids)}"
    if key is not None and key.key_id not in mark.key_ids:
        remedy = (
            f"The server cannot open what is sealed here, to {key.key_id}. Give this process the public key that "
            "belongs to the first of the server's seal_private_keys. Or add the private key to the server's list."
        )
        return "FAIL", seen, remedy
    if key is not None and key.key_id != mark.key_ids[0]:
        remedy = (
            f"Values are sealed here to {key.key_id}, an older key. To end the rotation of keys, set the newest "
            "one here."
        )
        return "warning", seen, remedy
    if mark.version != VERSION:
        remedy = "Install one version of exclusive-redis-xcom everywhere."
        return "warning", f"{seen}; the ring has version {mark.version}, and this process has version {VERSION}", remedy
    return "ok", seen, ""


def _unreached(target: Target, seen: str, *, by_server: bool) -> Finding:
    if target.needed:
        return Finding(target.check, "FAIL", seen, f"Start the API server, or correct its URL. {_NAME_THEM}")
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


def _reason(error: Exception) -> str:
    """Say what went wrong, without any text that could quote a secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its TLS certificate is not accepted"
    if isinstance(error, TimeoutError):
        return "no answer in time; the server may have just started (run the doctor again), or it hangs"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return os.strerror(error.errno).lower()
    return f"no HTTP answer ({type(error).__name__})"


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
