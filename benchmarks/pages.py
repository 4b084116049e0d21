"""Measure the pages in Airflow's UI beside Airflow's own requests about the same: `make bench-pages`.

One real Airflow serves both. A page and the request that it is compared with are asked in turn, so that whatever else
the machine does falls on both. It prints medians, their ratio and the limits. The exit code is 1 if a limit is
exceeded. A page may take twice as long as Airflow's request, and no longer than its limit.

To measure another page, add a DAG file to `benchmarks/pages_dags` and a row to `PAIRS`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.timing import in_turn
from devtools.airflow_stack import AirflowStack
from devtools.components import BACKEND, OURS
from devtools.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable

DAGS = Path(__file__).parent / "pages_dags"
ROUNDS = 40
WARM_UP = 5
MOST_RATIO = 2.0


@dataclass(frozen=True)
class Pair:
    """A page, and Airflow's request that it is compared with.

    Attributes:
        name: What the page shows.
        page: Its path.
        airflow: The path of Airflow's request.
        limit_ms: The page may take so long.
    """

    name: str
    page: str
    airflow: str
    limit_ms: float


@dataclass(frozen=True)
class Figure:
    """The medians of a pair, in ms."""

    pair: Pair
    page_ms: float
    airflow_ms: float

    @property
    def exceeded(self) -> bool:
        return self.page_ms > self.pair.limit_ms or self.page_ms > MOST_RATIO * self.airflow_ms

    def __str__(self) -> str:
        verdict = "exceeded" if self.exceeded else "ok"
        ratio = self.page_ms / self.airflow_ms
        return (
            f"{self.pair.name:<44}{self.page_ms:>9.1f}{self.airflow_ms:>9.1f}{ratio:>8.2f}"
            f"  limit {MOST_RATIO:g} x and {self.pair.limit_ms:g} ms: {verdict}"
        )


#: One run of each of these DAGs is over before anything is measured.
RUNS: dict[str, str] = {}

PAIRS = (
    Pair("DAG of 500 tasks in a chain", "/exclusive-xcom/dags/pages_chain", "/api/v2/dags/pages_chain/details", 300),
    Pair(
        "DAG of 500 tasks that are alike", "/exclusive-xcom/dags/pages_alike", "/api/v2/dags/pages_alike/details", 300
    ),
)


def measured(pair: Pair, get: Callable[[str], httpx.Response]) -> Figure:
    """Ask for both in turn."""
    found = in_turn({"page": lambda: get(pair.page), "airflow": lambda: get(pair.airflow)}, ROUNDS, warm_up=WARM_UP)
    return Figure(pair, statistics.median(found["page"].ms), statistics.median(found["airflow"].ms))


def main() -> int:
    with RedisServer() as redis, tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        home = Path(folder)
        passwords = home / "passwords.json"
        passwords.write_text(json.dumps({"admin": "admin"}))
        env = {
            "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
            f"{OURS}REDIS_URL": redis.url,
            f"{OURS}OBSERVE": "reads",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": os.fspath(passwords),
        }
        parts = ("api-server", "dag-processor", *(("scheduler",) if RUNS else ()))
        with AirflowStack(home, DAGS, env=env, components=parts) as airflow:
            airflow.log_in("admin", "admin")
            for dag_id, run_id in RUNS.items():
                airflow.trigger(dag_id, run_id=run_id)
                airflow.wait_run(dag_id, run_id)
            figures = _figures(airflow.url)
    print(*figures, sep="\n")
    return int(any(figure.exceeded for figure in figures))


def _figures(url: str) -> list[Figure]:
    login = {"username": "admin", "password": "admin"}
    token = httpx.post(f"{url}/auth/token", json=login, trust_env=False).raise_for_status().json()["access_token"]
    print(
        f"Airflow {version('apache-airflow-core')}, SQLite, Python {platform.python_version()}, "
        f"{len(os.sched_getaffinity(0))} cores; medians of {ROUNDS} in ms"
    )
    print(f"{'':<44}{'page':>9}{'Airflow':>9}{'ratio':>8}")
    with httpx.Client(base_url=url, cookies={"_token": token}, trust_env=False, timeout=60) as client:

        def get(path: str) -> httpx.Response:
            return client.get(path).raise_for_status()

        return [measured(pair, get) for pair in PAIRS]


if __name__ == "__main__":
    sys.exit(main())
