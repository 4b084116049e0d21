"""Find out what an error of redis-py means. Importing this module imports redis."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

from redis import exceptions as driver

from exclusive_redis_xcom.connection import port_probe, replies
from exclusive_redis_xcom.connection.driver_errors import (
    DeadlinePassed,
    HandshakeUnanswered,
    SentinelFailed,
    Unanswered,
)
from exclusive_redis_xcom.connection.failure import Failure, later
from exclusive_redis_xcom.connection.redis_options import Address

if TYPE_CHECKING:
    from exclusive_redis_xcom.connection.redis_options import RedisOptions, Timeouts

# Redis 6 and newer, and older servers, to a password that they do not ask for.
_NO_PASSWORD_WANTED = ("AUTH <password> called without any password", "no password is set")
_NOAUTH = ("Authentication required", "HELLO must be called with the client already authenticated")
# What OpenSSL says of bytes that are no TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNEXPECTED_MESSAGE"})
_PLAIN_PORT = Failure(
    "this port does not speak TLS, and the settings ask for TLS",
    "Name the port that speaks TLS. Or do without TLS: write redis://, or take the extra 'ssl' from the connection.",
)
_TLS_PORT = Failure(
    "this port speaks TLS, and the settings do not ask for TLS",
    "Write rediss:// in the URL, or add the extra 'ssl': true to the connection.",
)


def classify(error: Exception, options: RedisOptions, timeouts: Timeouts) -> Failure:
    """Say what `error`, raised by redis-py, means."""
    if isinstance(error, SentinelFailed):
        return _sentinels_failure(error.error, options, timeouts)
    if isinstance(error, driver.AuthenticationError):  # first, since it is a ConnectionError too
        return _refused_login(str(error), options)
    if isinstance(error, (driver.BusyLoadingError, driver.ResponseError)):
        return replies.refused(error, options)
    if isinstance(error, driver.TimeoutError):
        return _timeout(error, options, timeouts)
    if isinstance(error, driver.ConnectionError):
        return replies.too_many_clients(error) or _connection_failure(error, options, timeouts)
    return Failure(
        f"the Redis client failed ({type(error).__name__})", "Report this as a bug, with the name of the type."
    )


def _refused_login(text: str, options: RedisOptions) -> Failure:
    where = options.given_in
    if any(words in text for words in _NO_PASSWORD_WANTED):
        return Failure(
            f"this Redis has no password, but {where} gives one",
            f"Take the password out of {options.place}, or give Redis one.",
            credentials=True,
        )
    if options.password is None and text.startswith(_NOAUTH):
        return Failure(
            f"Redis wants a password, and {where} has none (NOAUTH)",
            f"Write the password into {options.place}.",
            credentials=True,
        )
    return Failure(
        "Redis refuses the user name or password",
        f"Correct them in {options.place}. Redis refuses a user who is switched off in the same way.",
        credentials=True,
    )


def _sentinels_failure(error: Exception, options: RedisOptions, timeouts: Timeouts) -> Failure:
    if isinstance(error, driver.AuthenticationError):
        lacks = options.sentinel_password is None
        return Failure(
            "a Sentinel wants a password, and none is set" if lacks else "a Sentinel refuses the user name or password",
            f"Correct sentinel_username and sentinel_password in {options.place}.",
            credentials=True,
        )
    if replies.code_of(error) == "NOPERM":
        return Failure(
            "the user of the Sentinels may not ask for the master (NOPERM)",
            "Give that user the right `+sentinel|get-master-addr-by-name`, on each Sentinel.",
        )
    return classify(error, options, timeouts)


def _timeout(error: Exception, options: RedisOptions, timeouts: Timeouts) -> Failure:
    if isinstance(error, HandshakeUnanswered):
        if port_probe.speaks_plainly(error.host, error.port, timeouts.connect):
            return _at(error, _PLAIN_PORT, options)
        return later("the TLS handshake was not answered in time")
    if isinstance(error, DeadlinePassed):
        return Failure("the time was over before Redis could be asked", "Raise retry_deadline.", retry=True)
    connecting = isinstance(error.__context__, TimeoutError) and "connecting" in str(error)
    if connecting:
        return later(f"no connection came about in time ({timeouts.connect:g} s)")
    return later(f"there was no answer in time ({timeouts.read:g} s)")


def _connection_failure(error: Exception, options: RedisOptions, timeouts: Timeouts) -> Failure:
    if isinstance(error, Unanswered):
        return _unanswered(error, options, timeouts)
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLError):
        return _tls_failure(cause, options)
    if isinstance(cause, socket.gaierror):
        return _unknown_host(cause, options)
    return _system_failure(cause.errno or 0 if isinstance(cause, OSError) else 0, options)


def _unanswered(error: Unanswered, options: RedisOptions, timeouts: Timeouts) -> Failure:
    if not error.tls and port_probe.speaks_tls(error.host, error.port, timeouts.connect):
        return _at(error, _TLS_PORT, options)
    if error.tls and port_probe.wants_certificate(error.host, error.port, timeouts.connect):
        return _client_certificate(options)
    return later("the connection failed before the first answer")


def _at(error: Unanswered | HandshakeUnanswered, failure: Failure, options: RedisOptions) -> Failure:
    """Name the port where Sentinels or a cluster told it: it does not stand in the settings."""
    if options.kind == "standalone":
        return failure
    return replace(failure, remedy=f"The port is {Address(error.host, error.port)}. {failure.remedy}")


def _client_certificate(options: RedisOptions) -> Failure:
    return Failure(
        "Redis wants a TLS certificate from its clients, or another one",
        f"Name one that its authority signed: ssl_certfile and ssl_keyfile in {options.place}.",
    )


def _system_failure(number: int, options: RedisOptions) -> Failure:
    if number == errno.ECONNREFUSED:
        return later("the connection was refused")
    unreadable = _unreadable_file(options) if number in {errno.ENOENT, errno.EACCES} else None
    if unreadable is not None:
        return unreadable
    detail = f" ({os.strerror(number).lower()})" if number > 0 else ""
    return later(f"the connection failed{detail}")


def _tls_failure(cause: ssl.SSLError, options: RedisOptions) -> Failure:
    reason = cause.reason or ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Failure(
            "the server's TLS certificate was not accepted",
            "Check ssl_ca_certs and that the certificate names this host.",
        )
    if reason in _NO_TLS:
        return _PLAIN_PORT
    if any(words in reason for words in port_probe.CLIENT_CERTIFICATE):
        return _client_certificate(options)
    if cause.library in {"PEM", "X509"} or "PEM lib" in str(cause):
        return Failure(
            "a TLS file of the settings holds no certificate or key",
            f"Look at ssl_ca_certs, ssl_certfile and ssl_keyfile in {options.place}.",
            wrong_setting=True,
        )
    return Failure("the TLS handshake failed", "Check that both sides speak TLS on this port.", retry=True)


def _unknown_host(cause: socket.gaierror, options: RedisOptions) -> Failure:
    # An orchestrator may be about to make the name known, so this is tried again.
    if cause.errno == socket.EAI_AGAIN:
        return Failure(
            "the DNS did not answer for the name of the Redis host", "Check the DNS of this machine.", retry=True
        )
    return Failure(
        "the name of the Redis host is unknown", f"Correct the host in {options.place}, or the DNS.", retry=True
    )


def _unreadable_file(options: RedisOptions) -> Failure | None:
    if options.path is not None:
        return Failure(
            "this process finds no Redis at the Unix socket, or may not open it",
            f"Check that Redis is up, and the path in {options.place}.",
            retry=True,
        )
    tls = options.tls
    files = (
        {} if tls is None else {"ssl_ca_certs": tls.ca_certs, "ssl_certfile": tls.certfile, "ssl_keyfile": tls.keyfile}
    )
    for name, path in files.items():
        if path is not None and not os.access(path, os.R_OK):
            return Failure(
                f"the file that {name} names is not there, or not readable",
                f"Correct {name} in {options.place}. The file must be readable for this process.",
                wrong_setting=True,
            )
    return None
