"""Ask a port what it speaks, after a conversation failed as if the settings were wrong about TLS.

A Redis that speaks TLS closes a plain connection without a word. One that does not speak TLS leaves a handshake
unanswered. One that wants a certificate often closes the connection before its reason can be read. All of them look
like a Redis that is down. Nothing secret is sent.
"""

from __future__ import annotations

import socket
import ssl

#: What a server says that wants another certificate from its client, or any.
CLIENT_CERTIFICATE = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "ALERT_HANDSHAKE_FAILURE")


def speaks_tls(host: str, port: int, seconds: float) -> bool:
    """Return whether a TLS handshake gets a TLS answer within so many seconds."""
    return _alert(host, port, seconds, wait=False) is not None


def wants_certificate(host: str, port: int, seconds: float) -> bool:
    """Return whether a TLS server refuses a client without a certificate within so many seconds."""
    alert = _alert(host, port, seconds, wait=True)
    return alert is not None and any(words in alert for words in CLIENT_CERTIFICATE)


def _alert(host: str, port: int, seconds: float, *, wait: bool) -> str | None:
    """Shake hands. Return the server's alert, "" for none, and None where no TLS server answers.

    In TLS 1.3, an alert about the client's certificate comes after the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # Nothing is sent but the handshake.
    shaken = False
    try:
        with socket.create_connection((host, port), seconds) as line, context.wrap_socket(line) as wrapped:
            shaken = True
            if wait:
                wrapped.recv(1)
    except ssl.SSLError as error:
        reason = error.reason or ""
        return reason if "ALERT" in reason else "" if shaken else None
    except OSError:
        return "" if shaken else None
    return ""


def speaks_plainly(host: str, port: int, seconds: float) -> bool:
    """Return whether Redis answers without TLS within so many seconds."""
    try:
        with socket.create_connection((host, port), seconds) as line:
            line.sendall(b"PING\r\n")
            return line.recv(1) in {b"+", b"-"}
    except OSError:
        return False
