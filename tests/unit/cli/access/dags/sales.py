from typing import Any, TypedDict

from airflow.sdk import DAG, task


class Login(TypedDict):
    token: str
    region: str


with DAG(
    "sales",
    schedule=None,
    params={
        "xcom_acl": {
            "log_in": {"token": ["load"], "region": ["reports/daily"]},
            "extract": {"rows": {"consumers": ["load", "reports/*"], "same_run": True}},
            "*": "linked",
        }
    },
):

    @task(multiple_outputs=True)
    def log_in() -> Login:
        return {"token": "s3cr3t", "region": "north"}

    @task
    def extract(ti: Any) -> None:
        ti.xcom_push("rows", [1, 2, 3])

    @task
    def load() -> int:
        return 3

    @task
    def audit(loaded: int) -> None: ...

    loaded = load()
    [log_in(), extract()] >> loaded
    audit(loaded)
