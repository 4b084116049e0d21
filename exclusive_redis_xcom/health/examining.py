"""Make checks, all of them or those that make sense inside an API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.health.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from exclusive_redis_xcom.health.visit import Visit

    Check = Callable[[Visit], Iterable[Finding]]

#: The doctor's other Redis URL. `--redis-url` does the same, but other users of the machine can see arguments.
REDIS_URL_VARIABLE = "EXCLUSIVE_XCOM_DOCTOR_REDIS_URL"


def made(check: Check, visit: Visit) -> list[Finding]:
    """Return the findings of a check. A check that itself fails yields a FAIL, because nothing is known to be right."""
    findings: list[Finding] = []
    try:
        for finding in check(visit):  # one by one, so that findings before an error count
            findings.append(finding)
    except Exception as error:  # Airflow or a driver may raise anything, with texts that quote settings
        name = getattr(check, "__name__", "check").replace("_", " ")
        findings.append(
            Finding(name, "FAIL", f"the check itself failed: {type(error).__name__}", "Report this as a bug.")
        )
    return findings


def in_api_server(chain: Sequence[object] | None = None, *, admin_url: str | None = None) -> list[Finding]:
    """Look at the API server that this process is. It asks Redis, and no API server. It may take some seconds.

    Args:
        chain: What each request passes through, from the outside: `own_chain.chain_of`; None if that is not known.
        admin_url: A Redis URL whose user may run INFO.
    """
    from exclusive_redis_xcom.health import (
        airflow,
        causes,
        direct_pulls,
        keys,
        object_storage,
        own_chain,
        redis,
        sealing,
    )
    from exclusive_redis_xcom.health.visit import Visit

    settings, findings = airflow.read_settings()
    visit = Visit("api-server", settings, admin_url=admin_url)

    def in_chain(visit: Visit) -> Iterable[Finding]:
        return own_chain.judged(visit, chain)

    subjects = (airflow.IN_SERVERS, keys.CHECKS, sealing.CHECKS, (in_chain,), redis.CHECKS, direct_pulls.CHECKS)
    for checks in (*subjects, object_storage.CHECKS):
        for check in checks:
            findings += made(check, visit)
    return causes.once_each(findings, visit.role)
