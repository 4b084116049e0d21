"""May a task on this worker ask the API of Kubernetes?

In a pod with the token of a service account, it may do what that account may. The official Helm chart lets workers run
commands in every pod of the namespace, and so in API servers, which hold the private keys. With KubernetesExecutor, the
arguments of a task's pod hold the task's token, and whoever may read pods can read it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.cli.doctor.occurrences import only_local
from exclusive_redis_xcom.health.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.health.visit import Visit

_CHECK = "Kubernetes token"
#: Where Kubernetes puts the token of a pod's service account.
TOKEN: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_REMEDY = (
    "Give the pods of tasks no such token: set automountServiceAccountToken: false for their service account. The "
    "official chart lets workers run commands in API servers. If this account may neither read pods nor run commands "
    "in them, accept the finding."
)


def kubernetes_token(visit: Visit, token: Path = TOKEN) -> Iterator[Finding]:
    """Check whether tasks here have a token for the API of Kubernetes. What it allows is not asked."""
    if visit.role != "worker":
        return
    if (why := visit.why_not_server_mode) is not None:
        yield Finding(_CHECK, "skipped", why)
    elif only_local():
        yield Finding(_CHECK, "skipped", "tasks run below the scheduler; see the check 'executor'")
    elif os.access(token, os.R_OK):
        yield Finding(_CHECK, "warning", f"tasks can read {token}", _REMEDY)
    else:
        yield Finding(_CHECK, "ok", "none that tasks can read")


CHECKS = (kubernetes_token,)
