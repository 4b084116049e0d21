"""Is the configured Redis there? What may its user do? Does a value make the round trip?"""

from __future__ import annotations

import secrets
import statistics
import time
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING

from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.errors import ConfigurationError, ExclusiveXComError
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import INLINE_BYTES
from exclusive_redis_xcom.health import probing, redis_server
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.loopback import is_loopback
from exclusive_redis_xcom.health.redis_asking import ask, client_of, mapping, text
from exclusive_redis_xcom.health.visit import NO_SETTINGS
from exclusive_redis_xcom.settings.redis import redis_options
from exclusive_redis_xcom.store import Push, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.connection import RedisClient, RedisOptions
    from exclusive_redis_xcom.health.visit import Role, Visit
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.settings import Settings

_OLDEST = (6, 2)
_TTL = timedelta(seconds=60)
_SMALL = 64
_USER_REMEDY = (
    "Give this process a Redis user of its own: `exclusive-xcom redis-users` prints one with the rights it needs."
)
# This is no rule at all, so nobody could read the probe by it.
_NO_RULE = b"{}"


def redis(visit: Visit) -> Iterator[Finding]:
    """Check everything about the configured Redis."""
    settings = visit.settings
    if settings is None:
        yield Finding("Redis", "skipped", NO_SETTINGS)
        return
    probe = probing.coordinate()
    key = redis_names.hash_name(settings.key_prefix, probe)
    options, finding = _options(settings)
    if finding is not None:
        yield finding
    if options is not None:
        yield tls(options)
        yield from _as_configured(options, visit, settings, key, probe)
    if visit.admin_url is None:
        if options is not None:
            yield from redis_server.examine(options, key)
        return
    try:
        admin = options_from_url(visit.admin_url)
    except ConfigurationError as error:  # its text repeats nothing of the URL
        yield Finding.of_error("Redis of the doctor", error, "Correct the Redis URL that was given to the doctor.")
    else:
        yield from redis_server.examine(admin, key)


CHECKS = (redis,)


def tls(options: RedisOptions) -> Finding:
    """Check whether values and the password travel in the clear."""
    check = "Redis TLS"
    if options.path is not None or all(is_loopback(address.host) for address in options.addresses):
        return Finding(check, "ok", f"{options.endpoint} is on this machine")
    if options.tls is None:
        remedy = "Use a rediss:// URL (or the extra 'ssl': true of the connection), and TLS on the server."
        return Finding(check, "warning", f"{options.endpoint}: password and values travel in the clear", remedy)
    if options.tls.cert_reqs != "required" or not options.tls.check_hostname:
        remedy = (
            "Set ssl_cert_reqs=required and ssl_check_hostname=true. Set ssl_ca_certs if the authority is your own."
        )
        return Finding(check, "warning", f"{options.endpoint}: the certificate is not checked in full", remedy)
    return Finding(check, "ok", f"{options.endpoint}, certificate checked")


def _options(settings: Settings) -> tuple[RedisOptions | None, Finding | None]:
    try:
        return redis_options(settings), None
    except ConfigurationError as error:  # its text quotes no secret
        return None, Finding.of_error("Redis", error)
    except Exception as error:  # Airflow's database or secrets backend failed, and its text may quote URLs
        seen = f"Airflow connection '{settings.redis_conn_id}' could not be looked up: {type(error).__name__}"
        remedy = (
            "This command may have no access to Airflow's connections, while tasks ask the API server for them. Give "
            f"the connection to this command as AIRFLOW_CONN_{settings.redis_conn_id.upper()}, or set redis_url."
        )
        return None, Finding("Redis", "FAIL", seen, remedy)


def _as_configured(
    options: RedisOptions, visit: Visit, settings: Settings, key: str, probe: Coordinate
) -> Iterator[Finding]:
    with client_of(options) as client:
        try:
            yield _reachable(client, key, options)
            yield _version(client, key)
            yield _user(client, key, options)
            yield _restricted(client, key, settings.key_prefix, visit.role)
        except ExclusiveXComError as error:  # its text names endpoint and remedy, and quotes no secret
            yield Finding.of_error("Redis", error)
            return
        store = Store(client, key_prefix=settings.key_prefix)
        try:
            yield _rights(client, store, key, probe) if visit.role == "api-server" else _round_trip(store, probe)
        except ExclusiveXComError as error:
            yield Finding.of_error("Redis round trip", error)


def _reachable(client: RedisClient, key: str, options: RedisOptions) -> Finding:
    ask(client, key, "PING")  # connects
    times = []
    for _ in range(5):
        start = time.perf_counter()
        ask(client, key, "PING")
        times.append(time.perf_counter() - start)
    return Finding("Redis", "ok", f"{options.endpoint} answers in {duration(statistics.median(times))}")


def duration(seconds: float) -> str:
    """Return a duration for people: "0.3 ms", and never "0.0 ms"."""
    milliseconds = seconds * 1000
    return f"{milliseconds:.1f} ms" if milliseconds >= 0.1 else "less than 0.1 ms"


def _version(client: RedisClient, key: str) -> Finding:
    reply = ask(client, key, "HELLO")  # which every user may send, other than INFO
    told = mapping(reply.value)
    version, name = text(told.get("version", "")), text(told.get("server", "redis"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if reply.refused or not numbers:
        return Finding(
            "Redis version", "skipped", "the server does not tell its version", "Make sure that it is 6.2 or newer."
        )
    if numbers < _OLDEST:
        return Finding("Redis version", "FAIL", f"{name} {version}", "Use Redis 6.2 or newer, or Valkey.")
    return Finding("Redis version", "ok", f"{name} {version}")


def _user(client: RedisClient, key: str, options: RedisOptions) -> Finding:
    reply = ask(client, key, "ACL WHOAMI")
    name = (options.username or "default") if reply.refused else text(reply.value)
    if name == "default":
        return Finding("Redis user", "warning", "the default user", _USER_REMEDY)
    return Finding("Redis user", "ok", f"'{name}'")


def _restricted(client: RedisClient, key: str, prefix: str, role: Role) -> Finding:
    """Try commands that change nothing, and that a user with an allow-list may not run. Their replies are not read."""
    foreign = f"exclusive-xcom-doctor-is-not-below:{prefix}"
    commands = {
        "RANDOMKEY": ("RANDOMKEY",),
        "SCAN": ("SCAN", 0, "COUNT", 1),
        "CONFIG GET": ("CONFIG GET", "maxmemory-policy"),
    }
    names = [name for name, command in commands.items() if not ask(client, key, *command).refused]
    may = [f"run {', '.join(names)}"] if names else []
    # In a cluster the foreign key may live on another node. HMGET is therefore routed by the name of that key.
    if not ask(client, foreign, "HMGET", foreign, "field").refused:
        may.append("read keys outside key_prefix (HMGET)")
    if not may:
        return Finding(
            "Redis commands", "ok", "this user may not list keys, read the server's settings, or read foreign keys"
        )
    who = "With the worker's password, every task" if role == "worker" else "Whoever has the API servers' password"
    remedy = f"{who} can list and copy keys, or change the server. {_USER_REMEDY}"
    return Finding("Redis commands", "warning", f"this user may {', and may '.join(may)}", remedy)


def _round_trip(store: Store, probe: Coordinate) -> Finding:
    removed = True
    try:
        for size in (_SMALL, INLINE_BYTES + 1):  # a large value lies in parts, which need other commands
            envelope = probing.value(probe, size)
            store.push(Push(envelope, acl=_NO_RULE, ttl=_TTL))
            if store.fetch(probe).envelope != envelope:
                return Finding("Redis round trip", "FAIL", "the value that was written could not be read back")
    finally:
        removed = store.purge(probe)
    if not removed:
        return Finding("Redis round trip", "FAIL", "the value that was written was not there to be removed")
    return Finding("Redis round trip", "ok", "pushed, pulled and removed a small value and a large one")


def _rights(client: RedisClient, store: Store, key: str, probe: Coordinate) -> Finding:
    """Read, claim and remove a value, and remove whole hashes, as API servers do. They need no right to push."""
    source = (resources.files(__package__) / "rights.lua").read_text(encoding="utf-8")
    store.fetch(probe)
    store.claim([(probe, secrets.token_hex(16))], "exclusive-xcom-doctor")
    store.purge(probe)
    store.discard([probe])
    # The value is not there, so the scripts above did not get to their last commands.
    if ask(client, key, "EVAL", source, 1, key).refused:
        return Finding(
            "Redis round trip", "FAIL", "this user may not run all commands that claims and removals need", _USER_REMEDY
        )
    return Finding("Redis round trip", "ok", "this user may read, claim and remove values, and remove whole hashes")
