"""Where Redis is and how to log in, in one frozen object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

REDIS_PORT = 6379
SENTINEL_PORT = 26379

Kind = Literal["standalone", "sentinel", "cluster"]
CertReqs = Literal["required", "optional", "none"]


class Address(NamedTuple):
    """A host name or IP address (IPv6 without brackets) and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    `connect` and `read` bound one socket operation. `deadline` bounds one call of `RedisClient.run` with all its
    attempts: no attempt begins after it.
    """

    connect: float = 2.0
    read: float = 5.0
    deadline: float = 20.0


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS as in redis-py's `ssl_*` arguments of the same names. The paths are not opened here."""

    cert_reqs: CertReqs = "required"
    ca_certs: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class RedisOptions:
    """One Redis: a server, a master watched by Sentinels, or a cluster.

    `addresses` holds the server, the Sentinels, or the first nodes of the cluster to ask. It is empty where `path`
    names a Unix socket. `master` is the name by which the Sentinels know the master. `sentinel_tls` says whether `tls`
    is also used for the Sentinels. `setting` is the setting that these options come from, or the words for another
    place.
    """

    kind: Kind = "standalone"
    addresses: tuple[Address, ...] = (Address("localhost", REDIS_PORT),)
    path: str | None = None
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    master: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    sentinel_tls: bool = False
    setting: str = field(default="redis_url", compare=False)

    @property
    def given_in(self) -> str:
        """What holds these options, in few words."""
        return "the Airflow connection" if self.setting == "redis_conn_id" else "the URL"

    @property
    def place(self) -> str:
        """Where to correct these options."""
        if self.setting == "redis_url":
            return "[exclusive_redis_xcom] redis_url"
        if self.setting == "redis_conn_id":
            return "the Airflow connection that [exclusive_redis_xcom] redis_conn_id names"
        return self.setting

    @property
    def endpoint(self) -> str:
        """Where this Redis is, for an error message: no user name, no password."""
        if self.path is not None:
            return self.path
        places = ", ".join(map(str, self.addresses))
        if self.kind == "sentinel":
            return f"master '{self.master}' of the Sentinels {places}"
        return f"cluster of {places}" if self.kind == "cluster" else places
