"""Check how the Redis server is set up: eviction, persistence, replicas, the user that loads the append-only file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.redis_asking import ask, client_of, mapping, servers, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.connection import RedisClient, RedisOptions

_ALL = "Redis eviction, persistence, default user, replicas"
_HOW = (
    "Set EXCLUSIVE_XCOM_DOCTOR_REDIS_URL to a URL whose user may run INFO, CONFIG GET and ACL DRYRUN. The user of "
    "tasks need not run these. `exclusive-xcom redis-users --with-doctor` prints such a user. Or look at the server "
    "yourself: it needs maxmemory-policy noeviction, appendonly yes, and with replicas min-replicas-to-write 1."
)
#: What closes the user `default` and keeps what Redis needs of it. Connections from before end before it gets rights.
CLOSING_DEFAULT = (
    "ACL SETUSER default off resetpass",
    "CLIENT KILL USER default",
    "ACL SETUSER default ~* &* +@all",
    "ACL SAVE",
)
_CLOSE_DEFAULT = (
    f"Run these commands in this order: {'; '.join(CLOSING_DEFAULT)}. Without a users file, put the line of `default` "
    "that `exclusive-xcom redis-users` prints into redis.conf instead of ACL SAVE. Do so on the master, on each "
    "replica and on each node: ACLs are not replicated. Nobody can log in as 'default' afterwards. If a program does "
    "so now, give it a user of its own first."
)
_LOADING_REMEDY = f"Do this before the next restart. {_CLOSE_DEFAULT}"


def examine(options: RedisOptions, key: str) -> Iterator[Finding]:
    """Look at each server. `key` is any key of ours."""
    for server in servers(options):
        try:
            with client_of(server) as client:
                yield from _examine(client, key, server)
        except (StoreUnavailable, ConfigurationError) as error:
            yield Finding.of_error(_ALL, error, "Correct the URL that was given to the doctor, or start that server.")


def _examine(client: RedisClient, key: str, server: RedisOptions) -> Iterator[Finding]:
    endpoint, reply = server.endpoint, ask(client, key, "INFO")
    if reply.refused:
        yield Finding(_ALL, "skipped", f"{endpoint}: this user may not run INFO", _HOW)
        return
    info = mapping(reply.value)
    if "maxmemory_policy" in info:
        yield eviction(info, endpoint)
    else:
        yield Finding("Redis eviction", "skipped", f"{endpoint}: INFO does not tell maxmemory_policy", _HOW)
    snapshots = None
    if not _number(info, "aof_enabled"):
        config = ask(client, key, "CONFIG GET", "save")
        snapshots = None if config.refused else text(mapping(config.value).get("save", ""))
    yield persistence(info, snapshots, endpoint)
    yield default_user(info, _denied_to_default(client, key), endpoint, is_open=_is_open(server, key))
    yield replicas(info, endpoint)


def _denied_to_default(client: RedisClient, key: str) -> tuple[str, ...] | None:
    """List our commands that the user `default` may not run; None if this cannot be asked."""
    replies = {command[0]: ask(client, key, "ACL DRYRUN", "default", *command) for command in _replayed(key)}
    if any(reply.refused for reply in replies.values()):
        return None
    return tuple(name for name, reply in replies.items() if text(reply.value) != "OK")


def _is_open(server: RedisOptions, key: str) -> bool:
    """Tell whether the server answers a connection that does not log in."""
    try:
        with client_of(replace(server, username=None, password=None)) as stranger:
            return not ask(stranger, key, "PING").refused
    except (StoreUnavailable, ConfigurationError):
        return False


def _replayed(key: str) -> list[tuple[str, ...]]:
    """List commands that scripts leave in the append-only file, between MULTI and EXEC."""
    return [("HSET", key, "field", "value"), ("HDEL", key, "field"), ("PEXPIREAT", key, "1"), ("UNLINK", key)]


def eviction(info: dict[str, Any], endpoint: str) -> Finding:
    """Check whether Redis throws live values away when it is full."""
    policy = text(info["maxmemory_policy"])
    seen = f"{endpoint}: maxmemory-policy {policy}"
    remedy = "Run CONFIG SET maxmemory-policy noeviction, and set it in redis.conf. Other policies drop live values."
    if policy == "noeviction":
        return Finding("Redis eviction", "ok", seen)
    if not _number(info, "maxmemory"):
        return Finding("Redis eviction", "warning", f"{seen}; it has no effect while maxmemory is not set", remedy)
    return Finding("Redis eviction", "FAIL", seen, remedy)


def persistence(info: dict[str, Any], snapshots: str | None, endpoint: str) -> Finding:
    """Check whether values outlast a restart. `snapshots` is the setting `save`; it is None if not known."""
    check = "Redis persistence"
    remedy = "Set appendonly yes and appendfsync everysec. Otherwise a restart loses values that tasks still need."
    if _number(info, "aof_enabled"):
        if text(info.get("aof_last_write_status", "ok")) != "ok":
            return Finding(check, "FAIL", f"{endpoint}: writing the append-only file fails", "Check the disk of Redis.")
        return Finding(check, "ok", f"{endpoint}: appendonly yes")
    if snapshots is None:
        return Finding(
            check, "warning", f"{endpoint}: appendonly no; this user may not read whether there are snapshots", remedy
        )
    if snapshots:
        seen = f"{endpoint}: appendonly no, only snapshots; a restart loses what is newer than the last snapshot"
        return Finding(check, "warning", seen, remedy)
    return Finding(check, "warning", f"{endpoint}: no append-only file and no snapshots", remedy)


def default_user(info: dict[str, Any], denied: tuple[str, ...] | None, endpoint: str, *, is_open: bool) -> Finding:
    """Judge whether a restart replays every push, and whether nobody gets in as the user `default`.

    Redis 7.0 and newer, and Valkey, check each transaction of the append-only file against the user `default`. They do
    so even where nobody may log in as that user (redis issue 14541, valkey issue 3983). They drop what it may not run.

    Args:
        info: The reply to `INFO`.
        denied: The commands that `default` may not run; None if that is not known.
        endpoint: The server's name for people.
        is_open: Whether the server serves a connection that does not log in.
    """
    check = "Redis default user"
    version = text(info.get("redis_version", ""))
    asks_rights = not version.startswith("6.")
    if asks_rights and denied:
        seen = f"{endpoint}: the user 'default' may not run {', '.join(denied)}"
        if not _number(info, "aof_enabled"):
            return Finding(check, "warning", f"{seen}; this has no effect while appendonly is off", _LOADING_REMEDY)
        lost = "The next restart drops every push since the last AOF rewrite"
        return Finding(check, "FAIL", f"{seen}. {lost}", _LOADING_REMEDY)
    if is_open:
        seen = f"{endpoint}: everybody who reaches it is the user 'default', without a password"
        return Finding(check, "warning", seen, _CLOSE_DEFAULT)
    if not asks_rights:
        return Finding(check, "ok", f"{endpoint}: Redis {version} loads its files without asking for rights")
    if denied is None:
        return Finding(check, "skipped", f"{endpoint}: this user may not run ACL DRYRUN", _HOW)
    seen = f"{endpoint}: the user 'default' is closed, and has the rights that loading the append-only file needs"
    return Finding(check, "ok", seen)


def replicas(info: dict[str, Any], endpoint: str) -> Finding:
    """Check whether a master that lost its replicas stops taking writes."""
    check = "Redis replicas"
    if text(info.get("role", "")) in ("slave", "replica"):
        return Finding(check, "FAIL", f"{endpoint} is a replica", "Give the URL of the master, or of its Sentinels.")
    count = _number(info, "connected_slaves")
    if not count:
        return Finding(check, "ok", f"{endpoint}: this server has no replicas")
    # INFO has this field only while min-replicas-to-write and min-replicas-max-lag are set (server.c).
    if "min_slaves_good_slaves" in info:
        return Finding(check, "ok", f"{endpoint}: {count}, and min-replicas-to-write is set")
    remedy = (
        "Set min-replicas-to-write 1. Otherwise a master that is cut off from its replicas takes writes, and "
        "claims, that a failover loses."
    )
    return Finding(check, "warning", f"{endpoint}: {count}, without min-replicas-to-write", remedy)


def _number(info: dict[str, Any], name: str) -> int:
    try:
        return int(info.get(name, 0))
    except (TypeError, ValueError):
        return 0
