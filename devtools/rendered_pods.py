"""`helm template ... | python -m devtools.rendered_pods`: does any pod that runs code of DAGs hold what it must not?

It reads manifests of Kubernetes from standard input, and prints for each container which secrets reach it. It exits
with 1 if there is a fault. A worker must get no private key, no login of Airflow's database, and no key that signs
tokens or decrypts. No pod that runs code of DAGs may ask the API of Kubernetes. The DAG processor and the triggerer
need the database.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OURS: Final = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"
_DATABASE: Final = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC",
    "AIRFLOW__CORE__SQL_ALCHEMY_CONN",
    "AIRFLOW_CONN_AIRFLOW_DB",
    "KEDA_DB_CONN",
)
_KEYS: Final = (
    f"{_OURS}SEAL_PRIVATE_KEYS",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__API_AUTH__JWT_PRIVATE_KEY_PATH",
)
#: The label `component` of a pod -> the variables that no container of it may have.
FORBIDDEN: Final = {
    "worker": (*_KEYS, *_DATABASE, "AIRFLOW__CORE__FERNET_KEY"),
    "dag-processor": _KEYS,
    "triggerer": _KEYS,
}
#: How a variable may also come: by a command, or from a secrets backend.
_FORMS: Final = ("", "_CMD", "_SECRET")
#: With KubernetesExecutor, the chart gives a component its own variables a second time, under names that begin so.
_AGAIN: Final = "AIRFLOW__KUBERNETES_ENVIRONMENT_VARIABLES__"


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod: the component that it belongs to, and the names of its variables with where each is from.

    `token` says whether the pod gets a token for the API of Kubernetes.
    """

    component: str
    name: str
    variables: dict[str, str] = field(default_factory=dict)
    token: bool = False


def containers(documents: Iterable[Any]) -> list[Container]:
    """Return all containers of the pods that these manifests make, those of a pod template in a ConfigMap included."""
    documents = [found for found in documents if found]
    without = {
        found["metadata"]["name"]
        for found in documents
        if found["kind"] == "ServiceAccount" and found.get("automountServiceAccountToken") is False
    }
    return [container for found in documents for pod in _pods(found) for container in _containers(pod, without)]


def faults(found: Iterable[Container]) -> Iterator[str]:
    """Say what each container has that it must not have."""
    for container in found:
        place = f"{container.component}/{container.name}"
        forbidden = {name + form for name in FORBIDDEN.get(container.component, ()) for form in _FORMS}
        has = sorted(container.variables)
        yield from (f"{place} gets {name}" for name in has if name.removeprefix(_AGAIN) in forbidden)
        if container.component in FORBIDDEN and container.token:
            yield f"{place} gets a token for the API of Kubernetes"


def _pods(document: Any) -> Iterator[Any]:
    kind = document["kind"]
    if kind == "Pod":
        yield document
    elif kind == "ConfigMap":
        for name, text in (document.get("data") or {}).items():
            if name.startswith("pod_template"):
                yield yaml.safe_load(text)
    elif kind == "CronJob":
        yield document["spec"]["jobTemplate"]["spec"]["template"]
    elif "template" in (document.get("spec") or {}):
        yield document["spec"]["template"]


def _containers(pod: Any, without_token: set[str]) -> Iterator[Container]:
    spec = pod["spec"]
    automount = spec.get("automountServiceAccountToken")
    token = spec.get("serviceAccountName") not in without_token if automount is None else bool(automount)
    component = pod["metadata"].get("labels", {}).get("component", "")
    for found in [*(spec.get("initContainers") or ()), *spec["containers"]]:
        variables = {variable["name"]: _source(variable) for variable in found.get("env") or ()}
        yield Container(component, found["name"], variables, token)


def _source(variable: Any) -> str:
    reference = (variable.get("valueFrom") or {}).get("secretKeyRef")
    return f"secret {reference['name']}" if reference else "value"


def main() -> int:
    """Print all containers and faults; return 1 if there is a fault, or no container of a worker."""
    found = containers(yaml.safe_load_all(sys.stdin))
    for container in found:
        secrets = [name for name, source in container.variables.items() if source != "value"]
        print(f"{container.component}/{container.name}: {', '.join(secrets) or 'no secret'}")
    wrong = list(faults(found))
    if not any(container.component == "worker" for container in found):
        wrong.append("there is no pod of a worker")
    print("\n".join(f"FAULT: {text}" for text in wrong) or "No fault.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
