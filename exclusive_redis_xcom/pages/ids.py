"""Ids in URLs, parsed strictly. FastAPI answers 422 to everything else, before anybody is asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

#: Airflow's own limit on ids (`airflow/models/base.py`, ID_LEN).
_MOST = 250

#: A DAG's or task's id (`airflow/serialization/helpers` and `airflow.sdk.definitions._internal.node.validate_key`).
_KEY = r"^[\w.\-]+$"

DagId = Annotated[str, Path(max_length=_MOST, pattern=_KEY)]
TaskId = Annotated[str, Path(max_length=_MOST, pattern=_KEY)]
#: A run's id may hold more, as `+` and `:`. `~` stands for all runs in Airflow's API, and for none here.
RunId = Annotated[str, Path(max_length=_MOST, pattern=r"^[^~/\x00-\x1f\x7f][^/\x00-\x1f\x7f]*$")]


def _map_index(map_index: str) -> int:
    """Read a map_index. Airflow leaves `{MAP_INDEX}` as it is where a task is not mapped."""
    return int(map_index) if map_index.isascii() and map_index.isdecimal() and len(map_index) < 10 else -1


MapIndex = Annotated[int, Depends(_map_index)]
