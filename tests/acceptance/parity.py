"""Run Airflow's example DAGs in one Airflow and collect what came out, in a form that two Airflows can compare."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from devtools.airflow_api import FINAL_STATES
from devtools.airflow_stack import AirflowStack, wait_until
from exclusive_redis_xcom import codec
from exclusive_redis_xcom.formats import reference
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.store import Store

RUN_ID = "parity"
#: A Monday, and an even minute: what the examples that branch by the date look at.
LOGICAL_DATE = "2026-01-05T00:00:00Z"

MAX_BYTES = 1024 * 1024

#: As `datetime.isoformat` and `stat` write it.
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d\d:?\d\d)?")

Address = tuple[str, int, str]


@dataclass(frozen=True)
class Outcome:
    """What one run left behind.

    `states`: (task_id, map_index) -> state. `rows`: (task_id, map_index, key) -> the JSON value in Airflow's
    database. `home`: the AIRFLOW_HOME it was in.
    """

    file: str
    run_state: str
    states: Mapping[tuple[str, int], str | None]
    rows: Mapping[Address, Any]
    home: Path


class Row(NamedTuple):
    """The shape that `BaseXCom.deserialize_value` takes."""

    value: Any


def run_all(airflow: AirflowStack, files: Iterable[str], conf: Mapping[str, dict[str, Any]]) -> dict[str, Outcome]:
    """Run every DAG of the files once, all at the same time, and return what came out by DAG id.

    Args:
        airflow: Whose new DAGs are paused: no run starts before the last has been triggered, so that triggering
            does not wait for SQLite's one lock.
        files: Names of files in its DAGs folder; there are no others.
        conf: DAG id -> what its run is triggered with.
    """
    file_of = _wait_parsed(airflow, set(files))
    for dag_id in sorted(file_of):
        airflow.trigger(dag_id, conf.get(dag_id), RUN_ID, LOGICAL_DATE)
    airflow.api("PATCH", "/dags", json={"is_paused": False}, params={"dag_id_pattern": "%", "limit": 100})
    run_states = _wait_finished(airflow)
    return {dag_id: _outcome(airflow, dag_id, file, run_states[dag_id]) for dag_id, file in file_of.items()}


def default_value(row: Any) -> Any:
    """Return what Airflow's default backend makes of a row."""
    from airflow.sdk.bases.xcom import BaseXCom

    return BaseXCom.deserialize_value(Row(row))


def default_round_trip(value: Any) -> Any:
    """Return what would be pulled if the default backend had carried the value."""
    from airflow.sdk.bases.xcom import BaseXCom

    return default_value(json.loads(json.dumps(BaseXCom.serialize_value(value))))


def our_value(row: Any, store: Store) -> Any:
    """Return the value that a reference of ours stands for, read from Redis without asking any rule."""
    found = reference.parse(row)
    envelope = store.fetch(found.coordinate).envelope
    assert envelope is not None, found
    assert envelope.version == found.version
    return codec.decode(
        joined(envelope.payload),
        codec=envelope.codec,
        compression=envelope.compression,
        decoded_size=envelope.decoded_size,
        max_bytes=MAX_BYTES,
    )


def typed(value: Any) -> Any:
    """Return a form in which values are equal only when their types are, all the way down."""
    if isinstance(value, Mapping):
        return type(value), {key: typed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [typed(item) for item in value]
    return type(value), value


def without(pattern: re.Pattern[str], value: Any) -> Any:
    """Replace what the pattern matches in the texts of a JSON value."""
    return json.loads(pattern.sub("(left out)", json.dumps(value)))


def stand_in_for_uv(folder: Path) -> Path:
    """Write a program `uv` for the virtualenv tasks; its environments hold what this one holds, from no index."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "uv"
    program.write_text(_UV.format(python=sys.executable))
    program.chmod(0o755)
    return folder


_UV = """#!{python}
import pathlib, sys, sysconfig, venv

if sys.argv[1] == "venv":
    folder = sys.argv[-1]
    venv.create(folder, symlinks=True)
    packages = "lib/python%d.%d/site-packages" % sys.version_info[:2]
    pathlib.Path(folder, packages, "these_too.pth").write_text(sysconfig.get_path("purelib"))
"""


def _wait_parsed(airflow: AirflowStack, files: set[str]) -> dict[str, str]:
    """Return DAG id -> file name, once every file has been parsed.

    Raises:
        TimeoutError: A file brings no DAG; the text has the import errors.
    """

    def parsed() -> dict[str, str] | None:
        found = {dag["dag_id"]: dag["relative_fileloc"] for dag in airflow.pages("/dags", "dags")}
        return found if set(found.values()) == files else None

    return wait_until(parsed, 180, lambda: f"not all files have DAGs; import errors: {airflow.import_errors()}")


def _wait_finished(airflow: AirflowStack) -> dict[str, str]:
    """Return DAG id -> state of its run, once all runs are over."""

    def states() -> dict[str, str]:
        runs = airflow.pages("/dags/~/dagRuns", "dag_runs")
        assert {run["dag_run_id"] for run in runs} == {RUN_ID}, "runs that nobody here triggered"
        return {run["dag_id"]: run["state"] for run in runs}

    def finished() -> dict[str, str] | None:
        found = states()
        return found if set(found.values()) <= FINAL_STATES else None

    return wait_until(finished, 600, lambda: f"not all runs ended: {states()}", pause=1)


def _outcome(airflow: AirflowStack, dag_id: str, file: str, run_state: str) -> Outcome:
    rows = {
        (row["task_id"], row["map_index"], row["key"]): _json(row["value"]) for row in airflow.xcom_rows(dag_id, RUN_ID)
    }
    return Outcome(file, run_state, airflow.task_states(dag_id, RUN_ID), rows, airflow.home)


def _json(stored: Any) -> Any:
    # SQLite takes a column of type JSON for a numeric one, and numbers in it for numbers.
    return json.loads(stored) if isinstance(stored, str) else stored
