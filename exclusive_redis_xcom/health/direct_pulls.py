"""Do tasks pull directly? API servers must watch over rows, and their clocks must agree with the clock of Redis."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.redis_asking import Reply, ask, client_of, text
from exclusive_redis_xcom.health.visit import NO_SETTINGS
from exclusive_redis_xcom.settings.redis import redis_options
from exclusive_redis_xcom.store.marks import FRESH_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.connection import RedisClient
    from exclusive_redis_xcom.health.visit import Visit
    from exclusive_redis_xcom.settings import Settings

_CHECK = "direct pulls"
_CLOCKS = "clocks of API servers"
_RIGHTS = "rights to watch"

#: The clocks of an API server and of Redis may differ by this many milliseconds.
_APART = 1_000

#: Python does not read a number of any length, so the digits are bounded.
_ENTRY = re.compile(r"[0-9a-f]+ ([0-9]{1,15}) (-?[0-9]{1,15})")

_ASK = "tasks ask the API server for every XCom"
_NOBODY = (
    "Run the doctor with --role api-server on each API server. The plugin must be loaded and reach this Redis. It "
    "needs the same key_prefix, enforcement = worker and direct_pulls = auto. `airflow api-server --apps "
    "execution` loads no plugin: serve exclusive_redis_xcom.asgi:execution_app with uvicorn instead."
)
_UNHEARD = (
    "Tasks pull directly again when that process is back, or has been gone for a minute. Its log says why it is "
    "not heard of."
)
_NTP = (
    "Synchronise the clocks of API servers, schedulers and Redis (NTP). Tasks compare times of pushes with starts "
    "of runs."
)
_USER = "Give API servers the Redis user that `exclusive-xcom redis-users` prints for them."


@dataclass(frozen=True, slots=True)
class Beat:
    """Say how long ago the last beat of an API server was, and how far its clock is ahead of Redis'; milliseconds."""

    ago: int
    ahead: int


def direct_pulls(visit: Visit) -> Iterator[Finding]:
    """Check whether API servers watch, according to Redis."""
    settings = visit.settings
    if settings is None:
        yield Finding(_CHECK, "skipped", NO_SETTINGS)
    elif settings.by_server:
        yield Finding(_CHECK, "skipped", f"with enforcement = server, {_ASK}")
    elif not settings.pulls_directly:
        yield Finding(_CHECK, "skipped", "direct_pulls = off")
    else:
        try:
            options = redis_options(settings)
            with client_of(options) as client:
                yield from _asked(client, settings, visit)
        except ExclusiveXComError:
            yield Finding(_CHECK, "skipped", "Redis is not reached; see the check 'Redis'")


CHECKS = (direct_pulls,)


def _asked(client: RedisClient, settings: Settings, visit: Visit) -> Iterator[Finding]:
    if visit.role == "api-server":
        yield _rights(client, settings)
    name = redis_names.servers_name(settings.key_prefix)
    held, time = ask(client, name, "HMGET", name, redis_names.SERVERS_FIELD), ask(client, name, "TIME")
    if held.refused or time.refused:
        yield Finding(_CHECK, "skipped", "this Redis user may not read the heartbeats of API servers", _USER)
        return
    yield from judged(beats(held, time))


def beats(held: Reply, time: Reply) -> list[Beat]:
    """Read the beats of all API servers from the replies to HMGET and TIME."""
    now = int(time.value[0]) * 1000 + int(time.value[1]) // 1000
    # Workers may write this field. Each entry is matched by itself, so the time grows with its length and no faster.
    found = (_ENTRY.fullmatch(entry) for entry in text(held.value[0] or b"").split(";"))
    return [Beat(abs(now - int(entry[1])), int(entry[2])) for entry in found if entry]


def judged(servers: list[Beat]) -> Iterator[Finding]:
    """Judge the beats of all API servers."""
    if not servers:
        yield Finding(_CHECK, "warning", f"no API server watches over XCom rows, so {_ASK}", _NOBODY)
        return
    unheard = [server.ago for server in servers if server.ago > FRESH_MS]
    count = f"{len(servers)} API server processes" if len(servers) > 1 else "1 API server process"
    if unheard:
        seen = f"{count}, {len(unheard)} of them not heard of for {max(unheard) / 1000:.0f} s, so {_ASK}"
        yield Finding(_CHECK, "warning", seen, _UNHEARD)
    else:
        yield Finding(_CHECK, "ok", f"{count} {'watch' if len(servers) > 1 else 'watches'} over XCom rows")
    apart = max((server.ahead for server in servers), key=abs)
    if abs(apart) > _APART:
        way = "ahead of" if apart > 0 else "behind"
        yield Finding(_CLOCKS, "warning", f"{abs(apart) / 1000:.1f} s {way} the clock of Redis", _NTP)
    else:
        yield Finding(_CLOCKS, "ok", f"within {abs(apart)} ms of the clock of Redis")


def _rights(client: RedisClient, settings: Settings) -> Finding:
    source = (resources.files(__package__) / "watch_rights.lua").read_text(encoding="utf-8")
    key = f"{redis_names.servers_name(settings.key_prefix)}:doctor-{secrets.token_hex(8)}"
    if ask(client, key, "EVAL", source, 1, key).refused:
        return Finding(_RIGHTS, "FAIL", "this user may not run all commands that watching over XCom rows needs", _USER)
    return Finding(_RIGHTS, "ok", "this user may set and remove marks, and send heartbeats")
