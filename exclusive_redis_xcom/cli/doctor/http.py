"""Send one request to one address of an API server, with a time limit, and without following redirects."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exclusive_redis_xcom.formats.ring_header import RING_HEADER

if TYPE_CHECKING:
    import ssl

#: Both limits are seconds: for connecting, and for each wait for bytes of the answer.
CONNECT_TIMEOUT = 5.0
#: Airflow builds its Execution API at the first request, which took 10 to 14 seconds on a busy machine.
TIMEOUT = 30.0
_MOST_ADDRESSES = 16


class NotAUrlError(ValueError):
    """The text is no URL that can be asked. The error does not repeat the text, because it may hold a password."""


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """An API server's URL without credentials; `path` ends without a slash."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> BaseUrl:
        """Read a URL.

        Raises:
            NotAUrlError: It is none.
        """
        try:
            parts = urlsplit(url.strip())
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise NotAUrlError from None
        # A raw / in a password ends the host early and leaves the rest of the password, and an @, in the path.
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.path:
            raise NotAUrlError
        return cls(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether a request to this URL stays on this machine."""
        return is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, and all values of the ring's header in it."""

    status: int
    marks: tuple[str, ...]


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def addresses(base: BaseUrl) -> list[str]:
    """Return the IP addresses of the host, in the resolver's order.

    Raises:
        OSError: The name does not resolve.
    """
    found = socket.getaddrinfo(base.host, base.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MOST_ADDRESSES]


def ask(base: BaseUrl, address: str, path: str, context: ssl.SSLContext) -> Answer:
    """GET `path`, which begins with a slash, below the base URL at one of its addresses; without a token.

    Raises:
        OSError: No connection, no TLS, or no answer in time.
        http.client.HTTPException: What answers does not speak HTTP.
    """
    connection = http.client.HTTPConnection(base.host, base.port, timeout=TIMEOUT)
    sock = socket.create_connection((address, base.port), timeout=CONNECT_TIMEOUT)
    sock.settimeout(TIMEOUT)
    try:
        connection.sock = context.wrap_socket(sock, server_hostname=base.host) if base.scheme == "https" else sock
        host = str(base).removeprefix(f"{base.scheme}://").removesuffix(base.path)
        connection.request("GET", base.path + path, headers={"Host": host, "Connection": "close"})
        response = connection.getresponse()
        return Answer(response.status, tuple(response.headers.get_all(RING_HEADER, ())))
    finally:
        connection.close()
        sock.close()
