"""Is the ring, or the watch, in the chain of the API server that this process is? No request is sent for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import NO_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.health.visit import Visit

_RING, _WATCH = "ring", "direct pulls"
_LONGEST = 64

_NO_RING = (
    "This server accepts foreign writes, and no task can open a sealed value. Airflow only logs a plugin that fails to "
    "import, so see the server's log. Then start the server again."
)
_NO_WATCH = "The server's log says why. Tasks get their values all the same: each pull asks an API server."


def chain_of(app: Any) -> list[object]:
    """Return the middlewares of a Starlette app, as they were built, from the outside to its routes."""
    found: list[object] = []
    link = getattr(app, "middleware_stack", None)
    while link is not None and len(found) < _LONGEST:
        found.append(link)
        link = getattr(link, "app", None) or getattr(link, "_app", None)
    return found


def judged(visit: Visit, chain: Sequence[object] | None) -> Iterator[Finding]:
    """Judge a chain.

    Args:
        visit: What the check is about.
        chain: What `chain_of` found; None if the chain is not known.
    """
    settings = visit.settings
    if settings is None:
        yield Finding(_RING, "skipped", NO_SETTINGS)
    elif chain is None:
        yield Finding(_RING, "skipped", "it is not known here what this server's requests pass through")
    elif settings.by_server:
        if any(isinstance(each, Ring) and each.is_active for each in chain):
            keys = ", ".join(settings.seal_private_keys.key_ids)
            yield Finding(_RING, "ok", f"the ring is in the chain of this process, with keys {keys}")
        else:
            yield Finding(_RING, "FAIL", "the ring is not in the chain of this process", _NO_RING)
    else:
        yield Finding(_RING, "ok", "none is needed with enforcement = worker")
        if settings.pulls_directly:
            yield _watch(chain)


def _watch(chain: Sequence[object]) -> Finding:
    if any(isinstance(each, Watch) and each.is_active for each in chain):
        return Finding(_WATCH, "ok", "this process watches over XCom rows")
    return Finding(_WATCH, "warning", "this process does not watch over XCom rows", _NO_WATCH)
