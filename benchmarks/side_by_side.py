"""Measure the sections `worker` and `server`: all contenders run in the same tasks of a real Airflow."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmarks.airflows import Airflows, Variant
from benchmarks.contenders import API, DEFAULT, OBJECT
from benchmarks.contenders import OURS as OUR_BACKEND
from benchmarks.plan import VARIABLE, Plan
from benchmarks.values import LARGE, SMALL
from devtools.components import BACKEND, OURS

if TYPE_CHECKING:
    from pathlib import Path

#: DAG -> the names of the files that its tasks write.
DAGS = {"bench_side_by_side": ("push", "pull", "parts"), "bench_many": ("many",)}
MANY = {False: 1000, True: 200}
#: With `enforcement = server` the other backends take part only where limits compare with them.
CONTENDERS = {
    "worker": {"small": [API, DEFAULT, OBJECT, OUR_BACKEND], "other": [DEFAULT, OBJECT, OUR_BACKEND]},
    "server": {
        "small": [API, DEFAULT, OUR_BACKEND],
        "records": [DEFAULT, OUR_BACKEND],
        "frame": [DEFAULT, OUR_BACKEND],
        "other": [OUR_BACKEND],
    },
}
_TIMEOUT = 1800


def dag_env(*, quick: bool) -> dict[str, str]:
    """Return the environment of all processes that parse the DAGs."""
    return {"BENCH_MANY": str(MANY[quick])}


def measure(airflows: Airflows, mode: str, redis_url: str, prefix: str, *, quick: bool) -> dict[str, Any]:
    """Measure in tasks of an API server whose `enforcement` is `mode` (`worker` or `server`); return the section."""
    out = airflows.home / f"out-{mode}"
    out.mkdir()
    values = [value.name for value in (SMALL, *LARGE) if not (quick and value.only_in_full)]
    plan = Plan(str(out), redis_url, prefix, CONTENDERS[mode], values, str(airflows.database), quick)
    (out / "plan.json").write_text(json.dumps(asdict(plan)))
    env = {
        VARIABLE: str(out / "plan.json"),
        f"{OURS}MAX_VALUE_BYTES": str(2**30),
    }
    try:
        with airflows.scheduler(Variant(mode, BACKEND, mode), env) as api:
            for dag_id in DAGS:
                airflows.run(api, dag_id, _TIMEOUT)
    finally:
        shutil.rmtree(airflows.home / "objects", ignore_errors=True)
    return {"rows": [row for names in DAGS.values() for name in names for row in _read(out, name)]}


def _read(out: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / f"{name}.json").read_text())
    return found
