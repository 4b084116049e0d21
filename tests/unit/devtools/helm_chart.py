"""What the official Helm chart makes of values, as far as secrets and task code are concerned.

These facts were read in the chart 1.18.0, and compared with what Helm 4 renders from it for both executors
(docs/how-to/installing/helm.md says how). The chart itself is not here, and no Helm is needed.
"""

from __future__ import annotations

from typing import Any

#: Variables that the chart gives every component -> the key of `enableBuiltInSecretEnvVars`, and where they are from.
BUILT_IN = {
    "AIRFLOW__CORE__FERNET_KEY": "fernet-key",
    "AIRFLOW__CORE__SQL_ALCHEMY_CONN": "airflow-metadata",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "airflow-metadata",
    "AIRFLOW_CONN_AIRFLOW_DB": "airflow-metadata",
    "AIRFLOW__API__SECRET_KEY": "api-secret-key",
    "AIRFLOW__API_AUTH__JWT_SECRET": "jwt-secret",
}
#: A section of the values -> the label `component` of its pods.
COMPONENTS = {
    "apiServer": "api-server",
    "scheduler": "scheduler",
    "dagProcessor": "dag-processor",
    "triggerer": "triggerer",
    "workers": "worker",
}
WITH_BROKER = "CeleryExecutor"


def manifests(values: dict[str, Any], executor: str) -> list[dict[str, Any]]:
    """Service accounts and pods. A pod of a worker is the same as the pod template of KubernetesExecutor."""
    accounts = [account(name, values.get(section, {})) for section, name in COMPONENTS.items()]
    return [*accounts, *(pod(section, name, values, executor) for section, name in COMPONENTS.items())]


def account(component: str, section: dict[str, Any]) -> dict[str, Any]:
    automount = section.get("serviceAccount", {}).get("automountServiceAccountToken", True)
    return {
        "kind": "ServiceAccount",
        "metadata": {"name": f"airflow-{component}"},
        "automountServiceAccountToken": automount,
    }


def pod(section: str, component: str, values: dict[str, Any], executor: str) -> dict[str, Any]:
    own = values.get(section, {})
    for_all = [*built_in(values, executor), *custom(values)]
    waits = own.get("waitForMigrations", {})
    # Only a Celery worker waits for migrations; a pod of KubernetesExecutor does not.
    waiting = waits.get("enabled", True) and (section != "workers" or executor == WITH_BROKER)
    env = [*for_all, *own.get("env", [])]
    if executor == "KubernetesExecutor":
        env += [
            {**variable, "name": f"AIRFLOW__KUBERNETES_ENVIRONMENT_VARIABLES__{variable['name']}"}
            for variable in own.get("env", [])
        ]
    return {
        "kind": "Pod",
        "metadata": {"labels": {"component": component}},
        "spec": {
            "serviceAccountName": f"airflow-{component}",
            "initContainers": [{"name": "wait", "env": [*for_all, *waits.get("env", [])]}] if waiting else [],
            "containers": [{"name": component, "env": env}],
        },
    }


def built_in(values: dict[str, Any], executor: str) -> list[dict[str, Any]]:
    switches = values.get("enableBuiltInSecretEnvVars", {})
    found = [from_secret(name, secret, "value") for name, secret in BUILT_IN.items() if switches.get(name, True)]
    if executor == WITH_BROKER:
        found.append(from_secret("AIRFLOW__CELERY__BROKER_URL", "airflow-broker-url", "connection"))
        if results := values.get("data", {}).get("resultBackendSecretName"):
            found.append(from_secret("AIRFLOW__CELERY__RESULT_BACKEND", results, "connection"))
    return found


def custom(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [from_secret(each["envName"], each["secretName"], each["secretKey"]) for each in values.get("secret", [])]


def from_secret(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
