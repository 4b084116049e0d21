"""What runs of Airflow's example DAGs left behind, in a form that two Airflows can compare."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from devtools.local_airflow import LocalAirflow
from exclusive_redis_xcom import codec
from exclusive_redis_xcom.formats import reference
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.store import Store

RUN_ID = "parity"

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


def outcome(airflow: LocalAirflow, dag_id: str, file: str, run_state: str) -> Outcome:
    """Collect what a finished run left behind."""
    rows = {
        (row["task_id"], row["map_index"], row["key"]): _json(row["value"]) for row in airflow.xcom_rows(dag_id, RUN_ID)
    }
    return Outcome(file, run_state, airflow.task_states(dag_id, RUN_ID), rows, airflow.home)


def _json(stored: Any) -> Any:
    # SQLite takes a column of type JSON for a numeric one, and numbers in it for numbers.
    return json.loads(stored) if isinstance(stored, str) else stored
