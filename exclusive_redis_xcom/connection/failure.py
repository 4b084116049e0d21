"""What an error of redis-py means: whether to try again, and which words people read.

The driver's own text is never passed on. The text of a failing pipelined command, for one, holds its arguments.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from dataclasses import dataclass

from redis import exceptions as driver

# Redis begins an error with a code. redis-py removes some of the codes and turns them into classes.
_CODES_BY_CLASS = {
    "AskError": "ASK",
    "BusyLoadingError": "LOADING",
    "ClusterDownError": "CLUSTERDOWN",
    "MasterDownError": "MASTERDOWN",
    "MovedError": "MOVED",
    "NoPermissionError": "NOPERM",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "TryAgainError": "TRYAGAIN",
}
_CODE = re.compile(r"-?([A-Z][A-Z0-9]+)(?: |$)")
# Redis 6.2 wraps an error inside a script: "ERR Error running script (call to f_...): @user_script:9: -OOM ...".
_CODE_IN_SCRIPT = re.compile(r"@user_script: ?\d+: -?([A-Z][A-Z0-9]+)\b")
# EXEC answers so where a transaction is refused as a whole: "EXECABORT Transaction discarded because of: OOM ...".
_CODE_OF_TRANSACTION = re.compile(r"Transaction discarded because of: -?([A-Z][A-Z0-9]+)\b")
# The texts for NOPERM inside a script: up to Redis 7.0, and since 7.2.
_NOPERM_IN_SCRIPT = ("The user executing the script can't", "ACL failure in script")


@dataclass(frozen=True, slots=True)
class Failure:
    """`reason` ends a sentence that begins with what was tried. `remedy` is a sentence of its own."""

    reason: str
    remedy: str
    retry: bool


_PLACE = "[exclusive_redis_xcom] redis_url, or in the Airflow connection that redis_conn_id names"
_LATER = "Check that Redis is up and reachable from this worker, then clear the task."
_PERMISSION = "Give the Redis user the commands and the key prefix that `exclusive-xcom redis-users` prints."
_FAILURES = {
    "LOADING": Failure("Redis is still loading its data", _LATER, retry=True),
    "TRYAGAIN": Failure("the cluster is moving this slot", _LATER, retry=True),
    "CLUSTERDOWN": Failure("the cluster is down", _LATER, retry=True),
    "MASTERDOWN": Failure("the replica has lost its master", _LATER, retry=True),
    "NOREPLICAS": Failure("Redis has too few replicas to accept a write (min-replicas-to-write)", _LATER, retry=True),
    "READONLY": Failure(
        "this Redis is a read-only replica", "Point the settings at the master, or at its Sentinels.", retry=True
    ),
    "OOM": Failure(
        "Redis is out of memory (maxmemory) and refuses writes",
        "Raise maxmemory or shorten ttl_seconds. What was stored before is unchanged.",
        retry=False,
    ),
    "NOPERM": Failure("the Redis user may not do this (NOPERM)", _PERMISSION, retry=False),
    "NOAUTH": Failure("Redis wants a password and none is set", f"Set it in {_PLACE}.", retry=False),
    "WRONGTYPE": Failure(
        "another program keeps something else under this name (WRONGTYPE)",
        "Give this package a key_prefix of its own, or remove the key.",
        retry=False,
    ),
    "MISCONF": Failure(
        "Redis cannot save to disk and refuses writes (MISCONF)", "Look at its log and its disk.", retry=False
    ),
    "MOVED": Failure(
        "this Redis belongs to a cluster",
        "Use redis+cluster:// or the connection's extra 'cluster': true.",
        retry=False,
    ),
    "DENIED": Failure(
        "Redis runs in protected mode (DENIED)", "Set a password or bind addresses in redis.conf.", retry=False
    ),
}
_FAILURES["ASK"] = _FAILURES["MOVED"]


def classify(error: Exception, *, read_timeout: float) -> Failure:
    """Say what `error`, raised by redis-py, means."""
    if isinstance(error, driver.AuthenticationError):  # first, since it is a ConnectionError too
        return Failure("Redis refuses the user name or password", f"Correct them in {_PLACE}.", retry=False)
    if isinstance(error, driver.BusyLoadingError):
        return _FAILURES["LOADING"]
    if isinstance(error, driver.TimeoutError):
        return Failure(f"there was no answer in time ({read_timeout:g} s)", _LATER, retry=True)
    if isinstance(error, driver.ConnectionError):
        return _connection_failure(error)
    if isinstance(error, driver.ResponseError):
        return _response_failure(error)
    return Failure(
        f"the Redis client failed ({type(error).__name__})",
        "Report this as a bug, with the name of the type.",
        retry=False,
    )


def code_of(error: Exception) -> str:
    """Return Redis' own code for an error, such as OOM; "" where the error has none."""
    for cls in type(error).__mro__:
        if cls.__name__ in _CODES_BY_CLASS:
            return _CODES_BY_CLASS[cls.__name__]
    text = str(error)
    if any(words in text for words in _NOPERM_IN_SCRIPT):
        return "NOPERM"
    found = _CODE_IN_SCRIPT.search(text) or _CODE_OF_TRANSACTION.search(text) or _CODE.match(text)
    return found[1] if found else ""


def _response_failure(error: Exception) -> Failure:
    code = code_of(error)
    if code in _FAILURES:
        return _FAILURES[code]
    return Failure(f"Redis refused it ({code or 'an error without a code'})", "Look at Redis' log.", retry=False)


def _connection_failure(error: Exception) -> Failure:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Failure(
            "the server's TLS certificate was not accepted",
            "Check ssl_ca_certs and that the certificate names this host.",
            retry=False,
        )
    if isinstance(cause, ssl.SSLError):
        return Failure("the TLS handshake failed", "Check that both sides speak TLS on this port.", retry=True)
    if isinstance(cause, socket.gaierror):
        # An orchestrator may be about to make the name known, so this is tried again.
        return Failure(
            "the name of the Redis host is unknown", f"Correct the host in {_PLACE}, or the DNS.", retry=True
        )
    number = cause.errno if isinstance(cause, OSError) else None
    if number == errno.ECONNREFUSED:
        return Failure("the connection was refused", _LATER, retry=True)
    detail = f" ({os.strerror(number).lower()})" if number is not None and number > 0 else ""
    return Failure(f"the connection failed{detail}", _LATER, retry=True)
