"""Can a task take the tokens of others from Celery's broker? With a Redis broker, it can with the worker's own login.

A message to a worker holds the token of its task. Until the task has ended, kombu keeps the message in the hash
`unacked` (`kombu/transport/redis.py`). So the message of a dead worker can be delivered again. Workers of all queues
share this hash. Whoever has the token of a task that runs can ask the Execution API as that task. The ring then opens
what that task may read. RabbitMQ keeps such messages to itself.

The doctor tries the commands that read the hash, its index and a queue. Their replies are not looked at.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.cli.doctor import broker_url
from exclusive_redis_xcom.cli.doctor.occurrences import executors, occurrences, value_in_force
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.redis_asking import ask, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.connection import RedisClient
    from exclusive_redis_xcom.health.visit import Visit

_CHECK = "Celery broker"
_EXECUTOR = "CeleryExecutor"
_TRANSPORT = "celery_broker_transport_options"

#: What is read of the section `[celery_broker_transport_options]`, which kombu gets as it is.
_TRANSPORT_OPTIONS = ("global_keyprefix", "unacked_key", "unacked_index_key", "master_name", "sentinel_kwargs")
#: What is read of `[celery]` besides the URL.
_TLS_OPTIONS = ("ssl_active", "ssl_cacert", "ssl_cert", "ssl_key")

#: The names that kombu gives by default.
_UNACKED, _INDEX = "unacked", "unacked_index"

_RULE = (
    "Give each tenant a broker of its own: a RabbitMQ vhost, a Redis server, or names of its own on a shared Redis, "
    "with a Redis user who reaches these names alone"
)
_SHARED = (
    "enforcement = server is no boundary between tasks whose workers share this broker: with the token of a task that "
    f"runs, another task can pull as that task. {_RULE}. Where all these tasks may see each other's values: "
    "--accept celery-broker."
)
_OWN = (
    "Tasks of workers with this login see each other's tokens, so enforcement = server is no boundary between these "
    "tasks. Other tenants cannot be reached with this login. Give each tenant a login and names of its own."
)
_VHOST = (
    "Whoever has this login can take messages that wait in its queues. Give each tenant a vhost and a user of its own."
)
_UNREACHED = f"Run the doctor again where the broker is reached. With a Redis broker, {_RULE[0].lower()}{_RULE[1:]}."


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one broker's keys: the hash of unacknowledged messages, its index, and a queue."""

    unacked: str
    index: str
    queue: str

    @property
    def are_own(self) -> bool:
        """Whether no other installation uses the same name by default."""
        return self.unacked != _UNACKED


def celery_broker(visit: Visit) -> Iterator[Finding]:
    """Check whether this worker's login for the broker reads messages of other workers."""
    if visit.role != "worker":
        return
    if (why := visit.why_not_server_mode) is not None:
        yield Finding(_CHECK, "skipped", why)
    elif _EXECUTOR not in executors():
        yield Finding(_CHECK, "skipped", "no CeleryExecutor")
    else:
        for url in _urls():
            yield _of_url(url)


CHECKS = (celery_broker,)


def judged(client: RedisClient, names: Names, endpoint: str) -> Finding:
    """Try to read, and say what that means.

    Raises:
        ExclusiveXComError: Redis is not reached, or refuses the login.
    """
    if not _reads(client, names):
        seen = f"{endpoint}: this worker's login may not read messages that workers have taken ({names.unacked})"
        return Finding(_CHECK, "ok", seen)
    foreign = f"exclusive-xcom-doctor-{secrets.token_hex(8)}"
    others = Names(_UNACKED, _INDEX, foreign), Names(foreign, foreign, foreign)
    if names.are_own and not any(_reads(client, other) for other in others):
        seen = f"{endpoint}: this worker's login reads messages of its own tenant ({names.unacked}), tokens included"
        return Finding(_CHECK, "warning", seen, _OWN)
    seen = f"{endpoint}: this worker's login reads messages of all workers there ({names.unacked}), tokens included"
    return Finding(_CHECK, "FAIL", seen, _SHARED)


def _reads(client: RedisClient, names: Names) -> bool:
    """Tell whether a message can be read. No reply is looked at: that the command runs is enough."""
    no_tag = secrets.token_hex(16)
    return (
        _runs(client, "HSCAN", names.unacked, 0, "COUNT", 1)
        or (_runs(client, "HGET", names.unacked, no_tag) and _runs(client, "ZRANGE", names.index, 0, 0))
        or _runs(client, "LRANGE", names.queue, 0, 0)
    )


def _runs(client: RedisClient, command: str, key: str, *arguments: Any) -> bool:
    return not ask(client, key, command, key, *arguments).refused


def _of_url(url: str | None) -> Finding:
    if url is None:
        return Finding(_CHECK, "warning", "[celery] broker_url is not known here", _UNREACHED)
    if not broker_url.scheme_of(url):
        return _not_read()
    if not broker_url.is_redis(url):
        return _of_another(broker_url.scheme_of(url))
    transport = {name: value_in_force(_TRANSPORT, name) for name in _TRANSPORT_OPTIONS}
    try:
        options = broker_url.redis_of(url, transport, {name: value_in_force("celery", name) for name in _TLS_OPTIONS})
    except broker_url.NotReadableError:
        return _not_read()
    endpoint = f"{options.endpoint}, database {options.db}"
    try:
        with client_of(options) as client:
            return judged(client, _names(transport), endpoint)
    except ExclusiveXComError as error:  # its text names the endpoint, and quotes no secret
        return Finding(_CHECK, "warning", f"{endpoint}: {str(error).partition(chr(10))[0]}", _UNREACHED)


def _not_read() -> Finding:
    return Finding(_CHECK, "warning", "[celery] broker_url cannot be read (not shown)", _UNREACHED)


def _of_another(scheme: str) -> Finding:
    if scheme in ("amqp", "amqps", "pyamqp", "librabbitmq"):
        return Finding(_CHECK, "ok", f"{scheme}: nobody can read a message that another worker has taken", _VHOST)
    seen = f"the doctor does not know what can be read in a broker of this kind ({scheme})"
    return Finding(_CHECK, "warning", seen, f"{_RULE}.")


def _names(transport: dict[str, Any]) -> Names:
    prefix = str(transport.get("global_keyprefix") or "")
    queue = value_in_force("operators", "default_queue") or "default"
    unacked, index = transport.get("unacked_key") or _UNACKED, transport.get("unacked_index_key") or _INDEX
    return Names(f"{prefix}{unacked}", f"{prefix}{index}", f"{prefix}{queue}")


def _urls() -> list[str | None]:
    """Return the broker's URL, and those of teams; None for one that a command or secrets backend does not tell."""
    teams = [occurrence.value for occurrence in occurrences("celery", "broker_url") if occurrence.of_team]
    common = value_in_force("celery", "broker_url")
    return [*dict.fromkeys([*teams, *([common] if common or not teams else [])])]
