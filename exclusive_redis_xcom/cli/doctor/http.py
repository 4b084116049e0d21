"""Send one request to one address of an API server, with a time limit, and without following redirects."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exclusive_redis_xcom.formats.ring_header import RING_HEADER
from exclusive_redis_xcom.health.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """The status of an answer, and all values of the ring's header in it.

    `process` is the process that answered, if the caller asked for it and it is known.
    """

    status: int
    marks: tuple[str, ...]
    process: int | None = None


def addresses(base: BaseUrl) -> list[str]:
    """Return the IP addresses of the host, in the resolver's order.

    Raises:
        OSError: The name does not resolve.
    """
    found = socket.getaddrinfo(base.host, base.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MOST_ADDRESSES]


def ask(
    base: BaseUrl,
    address: str,
    path: str,
    context: ssl.SSLContext,
    process_behind: Callable[[int], int | None] | None = None,
) -> Answer:
    """GET `path`, which begins with a slash, below the base URL at one of its addresses; without a token.

    Args:
        base: The server's URL.
        address: One of its addresses.
        path: What to ask for.
        context: For https.
        process_behind: Gets the port of our end while the connection is open, and returns the process at the other end.

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
        ending = "close" if process_behind is None else "keep-alive"
        connection.request("GET", base.path + path, headers={"Host": host, "Connection": ending})
        response = connection.getresponse()
        process = None if process_behind is None else process_behind(sock.getsockname()[1])
        return Answer(response.status, tuple(response.headers.get_all(RING_HEADER, ())), process)
    finally:
        connection.close()
        sock.close()


def reason(error: Exception) -> str:
    """Say what went wrong with a request, without any text that could quote a secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its TLS certificate is not accepted"
    if isinstance(error, TimeoutError):
        return "no answer in time; the server may have just started (run the doctor again), or it hangs"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return os.strerror(error.errno).lower()
    return f"no HTTP answer ({type(error).__name__})"
