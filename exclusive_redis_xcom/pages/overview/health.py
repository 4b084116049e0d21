"""The health of this API server and of its Redis, for the page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exclusive_redis_xcom.health.examining import REDIS_URL_VARIABLE, in_api_server
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.reporting.quantities import in_two_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.pages.overview.memory import MemoryRead
    from exclusive_redis_xcom.settings import Settings

#: Whoever is to act reads these first.
_ORDER = {"FAIL": 0, "warning": 1, "accepted": 2, "ok": 3, "skipped": 4}
WORDS = {"FAIL": "FAIL", "warning": "WARN", "accepted": "OK", "ok": "OK", "skipped": "NOT CHECKED"}


class HealthReader:
    """Makes the checks of an API server in the process that serves the page."""

    def __init__(self) -> None:
        #: What each request passes through: `own_chain.chain_of`.
        self.chain: Sequence[object] | None = None

    def states(self) -> Iterator[list[Finding]]:
        """Yield all findings once."""
        yield in_api_server(self.chain, admin_url=os.environ.get(REDIS_URL_VARIABLE) or None)


def of_ttls(settings: Settings, memory: MemoryRead | None) -> Finding:
    """Judge whether Redis forgets XComs in time."""
    kept = f"a value is kept for {in_two_units(settings.ttl)} (ttl_seconds), where no rule says otherwise"
    if memory is None or not memory.xcoms:
        return Finding("TTLs", "skipped", f"{kept}; the XComs in Redis were not looked at")
    if memory.without_ttl:
        seen = f"{memory.without_ttl} of {memory.xcoms} XComs in Redis have no TTL; {kept}"
        remedy = "Redis keeps them for ever, and we never write such an XCom. `exclusive-xcom ls` shows which they are."
        return Finding("TTLs", "warning", seen, remedy)
    return Finding("TTLs", "ok", f"all {memory.xcoms} XComs that were looked at have a TTL; {kept}")


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Return what is to be acted on first."""
    return sorted(findings, key=lambda found: _ORDER[found.result])
