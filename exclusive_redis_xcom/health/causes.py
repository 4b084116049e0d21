"""One cause fails once. A failure that follows from another one is skipped, and names the check to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.health.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.health.visit import Role

#: The id of a check -> the checks whose failure makes it fail, too.
_CAUSES = {
    "plugin-in-tasks": ("plugin",),
    "listener": ("xcom-backend", "plugin", "plugin-in-tasks"),
    "watch-rights": ("redis-round-trip",),
    "redis-server": ("redis",),
    "sealing": ("public-key", "private-keys"),
}
#: The same on an API server, whose ring is in the plugin and starts with the private keys.
_ON_API_SERVERS = {
    "ring-execution-api": ("xcom-backend", "plugin", "private-keys"),
    "ring-rest-api": ("xcom-backend", "plugin", "private-keys"),
}


def once_each(findings: Sequence[Finding], role: Role) -> list[Finding]:
    """Skip each failure that follows from another one.

    Args:
        findings: What all checks found.
        role: The kind of process that was looked at.
    """
    failed = {found.id: found.check for found in findings if found.result == "FAIL"}
    causes = {**_CAUSES, **(_ON_API_SERVERS if role == "api-server" else {})}
    return [
        _skipped(found, failed[cause])
        if found.result == "FAIL" and (cause := next((id for id in causes.get(found.id, ()) if id in failed), None))
        else found
        for found in findings
    ]


def _skipped(found: Finding, cause: str) -> Finding:
    return Finding(found.check, "skipped", f"{found.seen.removesuffix('.')}. This follows from the check '{cause}'")
