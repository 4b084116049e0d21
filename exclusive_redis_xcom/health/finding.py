"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from exclusive_redis_xcom.model import one_line

#: `accepted` is a FAIL or a warning that the caller accepts (`--accept`).
Result = Literal["ok", "warning", "FAIL", "skipped", "accepted"]

#: The name of a check, which people read -> its id, which programs read. An id never changes; a name may.
IDS = {
    "settings": "settings",
    "stored format": "stored-format",
    "Airflow version": "airflow-version",
    "XCom backend": "xcom-backend",
    "plugin": "plugin",
    "plugin in tasks": "plugin-in-tasks",
    "listener": "listener",
    "policy": "policy",
    "private keys": "private-keys",
    "public key": "public-key",
    "executor": "executor",
    "values at rest": "values-at-rest",
    "sealing": "sealing",
    "token signing key": "token-signing-key",
    "database login": "database-login",
    "Fernet key": "fernet-key",
    "API secret key": "api-secret-key",
    "Celery results": "celery-results",
    "Celery broker": "celery-broker",
    "AIRFLOW_HOME": "airflow-home",
    "server processes": "server-processes",
    "Kubernetes token": "kubernetes-token",
    "ring": "ring",
    "ring, Execution API": "ring-execution-api",
    "ring, REST API": "ring-rest-api",
    "TLS to the API server": "api-server-tls",
    "Redis": "redis",
    "Redis TLS": "redis-tls",
    "Redis version": "redis-version",
    "Redis user": "redis-user",
    "Redis commands": "redis-commands",
    "Redis round trip": "redis-round-trip",
    "Redis of the doctor": "redis-of-the-doctor",
    "Redis eviction, persistence, default user, replicas": "redis-server",
    "Redis eviction": "redis-eviction",
    "Redis persistence": "redis-persistence",
    "Redis default user": "redis-default-user",
    "Redis replicas": "redis-replicas",
    "direct pulls": "direct-pulls",
    "clocks of API servers": "clocks",
    "rights to watch": "watch-rights",
    "object storage": "object-storage",
    "spill threshold": "spill-threshold",
}

#: The id of a check that itself failed.
DOCTOR = "doctor"

_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    `seen` says what was found, or why the check was skipped. `remedy` says what to do. Neither ever holds a secret.
    Control characters in what servers say are replaced, because a terminal would obey them.
    """

    check: str
    result: Result
    seen: str
    remedy: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", one_line(self.seen.replace("\n", " "), _LONGEST))
        object.__setattr__(self, "remedy", one_line(self.remedy, _LONGEST))

    @classmethod
    def of_error(cls, check: str, error: Exception, remedy: str = "") -> Finding:
        """Return a FAIL with the text of an error. Its last line says what to do, the lines before it what was seen.

        Args:
            check: The name of the check.
            error: An error of this package, whose text holds no secret.
            remedy: What to do besides.
        """
        *seen, last = str(error).splitlines() or [""]
        if not seen:  # an error of one line
            return cls(check, "FAIL", last, remedy)
        return cls(check, "FAIL", " ".join(seen), f"{last} {remedy}".rstrip())

    @property
    def id(self) -> str:
        """The id of the check, for programs."""
        return IDS.get(self.check, DOCTOR)
