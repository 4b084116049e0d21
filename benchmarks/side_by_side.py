"""Measure the sections `worker`, `server` and `not-direct`: all contenders run in the same tasks of a real Airflow.

With a build before, that build has an Airflow of its own. It runs the same DAGs at the same time, and each task takes
turns with the same task of this build: see turns.py.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.airflows import Airflows, Variant
from benchmarks.contenders import API, DEFAULT, OBJECT
from benchmarks.contenders import OURS as OUR_BACKEND
from benchmarks.plan import VARIABLE, Plan
from benchmarks.values import LARGE, SMALL
from devtools.airflow_stack import StackError
from devtools.components import BACKEND, OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MANY = {False: 1000, True: 200}
TEN_THOUSAND = {False: 10_000, True: 2_000}
_TIMEOUT = 1800


@dataclass(frozen=True)
class Comparison:
    """A section: its DAGs, who takes part, and how the tasks run.

    Args:
        kind: The kind of API server.
        dags: DAG -> the names of the files that its tasks write.
        contenders: The contenders, by kind of value. Where limits compare with nobody else, nobody else takes part.
        through_api: See `Plan`.
        env: Further environment of the tasks.
    """

    kind: str
    dags: Mapping[str, Sequence[str]]
    contenders: Mapping[str, Sequence[str]]
    through_api: bool = True
    env: Mapping[str, str] = field(default_factory=dict)


_VALUES = {"bench_side_by_side": ("push", "pull", "parts"), "bench_many": ("many",)}
SECTIONS = {
    "worker": Comparison(
        "worker",
        _VALUES,
        {"small": [API, DEFAULT, OBJECT, OUR_BACKEND], "other": [DEFAULT, OBJECT, OUR_BACKEND]},
    ),
    "server": Comparison(
        "server",
        _VALUES,
        {
            "small": [API, DEFAULT, OUR_BACKEND],
            "records": [DEFAULT, OUR_BACKEND],
            "frame": [DEFAULT, OUR_BACKEND],
            "many": [DEFAULT, OUR_BACKEND],
            "other": [OUR_BACKEND],
        },
        through_api=False,
    ),
    "not-direct": Comparison(
        "worker",
        {"bench_ten_thousand": ("ten-thousand",)},
        {"other": [DEFAULT, OUR_BACKEND]},
        through_api=False,
        env={f"{OURS}DIRECT_PULLS": "off"},
    ),
}
#: Who takes part in the Airflow of the build before: see `benchmarks.plan.BESIDE`.
BEFORE = {"small": [API, OUR_BACKEND], "other": [OUR_BACKEND]}


def dag_env(*, quick: bool) -> dict[str, str]:
    """Return the environment of all processes that parse the DAGs."""
    return {"BENCH_MANY": str(MANY[quick]), "BENCH_TEN_THOUSAND": str(TEN_THOUSAND[quick])}


def measure(
    airflows: Airflows, name: str, redis_url: str, prefix: str, *, quick: bool, before: Airflows | None = None
) -> dict[str, Any]:
    """Measure in tasks of an API server of the section's kind; return the section.

    Args:
        airflows: Their Airflow.
        name: The name of the section.
        redis_url: The floor's Redis.
        prefix: The first part of the floor's keys.
        quick: Whether few rounds are enough.
        before: The Airflow of the build before, if there is one.
    """
    builds = [airflows] if before is None else [airflows, before]
    with contextlib.ExitStack() as stack:
        meeting = airflows.home / f"meet-{name}"
        meeting.mkdir()
        tasks = []
        for build in builds:
            plan = Plan(
                out=str(_new_folder(build.home / f"out-{name}")),
                redis_url=redis_url,
                prefix=prefix if build is airflows else f"{prefix}:before",
                contenders=SECTIONS[name].contenders if build is airflows else BEFORE,
                values=[value.name for value in (SMALL, *LARGE) if not (quick and value.only_in_full)],
                database=str(build.database),
                quick=quick,
                through_api=SECTIONS[name].through_api,
                meeting=str(meeting) if before else "",
                leads=build is airflows,
            )
            stack.callback(shutil.rmtree, build.home / "objects", ignore_errors=True)
            tasks.append((build, stack.enter_context(_scheduler(build, name, plan))))
        for dag_id in SECTIONS[name].dags:
            _run(tasks, dag_id)
    files = [file for names in SECTIONS[name].dags.values() for file in names]
    return {"rows": [row for file in files for row in _read(airflows, name, file)]}


def _scheduler(build: Airflows, name: str, plan: Plan) -> contextlib.AbstractContextManager[Any]:
    section = SECTIONS[name]
    (build.home / f"out-{name}" / "plan.json").write_text(json.dumps(asdict(plan)))
    env = {VARIABLE: f"{plan.out}/plan.json", f"{OURS}MAX_VALUE_BYTES": str(2**30)}
    return build.scheduler(Variant(name, BACKEND, section.kind, section.env), env)


def _run(tasks: Sequence[tuple[Airflows, Any]], dag_id: str) -> None:
    """Run a DAG in all Airflows at once.

    Raises:
        StackError: A task failed. Where it kept another one waiting, the text has both logs.
    """
    runs = [(build, api, api.trigger(dag_id)) for build, api in tasks]
    failures = []
    for build, api, run_id in runs:
        try:
            build.finish(api, dag_id, run_id, _TIMEOUT)
        except StackError as error:
            failures.append(f"{build.home.name}: {error}")
    if failures:
        raise StackError("\n\n".join(failures))


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def _read(airflows: Airflows, name: str, file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((airflows.home / f"out-{name}" / f"{file}.json").read_text())
    return found
