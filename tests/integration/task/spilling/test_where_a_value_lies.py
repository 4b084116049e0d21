"""Which values lie in objects, under which names, and what that costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Rows
from exclusive_redis_xcom.reporting import metrics
from tests.integration.support import ROOT
from tests.integration.task.sales import CANARY, HASH, RUN, pull, pull_all, push
from tests.integration.task.spilling.objects import LARGE, objects, the_object


def test_a_large_value_lies_in_an_object_and_redis_has_only_its_head(dag: Any, raw: redis.Redis, root: Path) -> None:
    push(dag, LARGE)

    path = the_object(root)
    assert path.relative_to(root).parent.as_posix() == f"sales/{RUN}/extract/token/-1"
    assert CANARY.encode() in path.read_bytes()
    assert sum(len(field) for field in raw.hgetall(HASH).values()) < 1500
    assert pull(dag) == LARGE


@pytest.mark.parametrize("value", [LARGE.encode(), {"rows": [LARGE] * 3}, bytearray(50_000), [0.5] * 10_000])
def test_every_kind_of_value_comes_back(dag: Any, root: Path, value: Any) -> None:
    push(dag, value)

    assert len(objects(root)) == 1
    found = pull(dag)
    assert found == value
    assert type(found) is type(value)


def test_a_value_up_to_the_threshold_stays_in_redis(dag: Any, root: Path) -> None:
    push(dag, b"x" * 10_000)

    assert objects(root) == []
    assert pull(dag) == b"x" * 10_000


def test_what_counts_is_the_size_as_it_would_go_to_redis(dag: Any, root: Path, configure: Callable[..., None]) -> None:
    configure(compression="zstd")
    push(dag, "x" * 1_000_000)

    assert objects(root) == []
    assert pull(dag) == "x" * 1_000_000


def test_without_a_spill_path_all_values_stay_in_redis(dag: Any, root: Path, configure: Callable[..., None]) -> None:
    configure(spill_path="")
    push(dag, LARGE)

    assert not root.exists()
    assert pull(dag) == LARGE


def test_the_results_of_a_mapped_task_have_an_object_each(dag: Any, root: Path) -> None:
    values = [f"{index}{LARGE}" for index in range(5)]
    for index, value in enumerate(values):
        push(dag, value, map_index=index)

    assert len(objects(root)) == 5
    assert pull_all(dag) == values


@pytest.mark.parametrize("run_id", ["../../../escape", "/etc", ".", "..", "a/../b", "ü" * 100, "𝄞" * 250, "x" * 250])
def test_ids_neither_leave_the_place_nor_are_too_long_for_it(dag: Any, root: Path, tmp_path: Path, run_id: str) -> None:
    push(dag, LARGE, run_id=run_id)

    path = the_object(tmp_path)
    assert len(path.relative_to(root).parts) == 6
    assert pull(dag, run_id=run_id) == LARGE


def test_the_row_and_the_reference_do_not_tell_where_it_lies(dag: Any, rows: Rows, root: Path) -> None:
    push(dag, LARGE)

    assert str(root) not in str(rows.values)


def test_memory_is_bounded_by_the_value(server: RedisServer, root: Path) -> None:
    size = 64 * 2**20
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.task.spilling.peak_memory", str(size)],
        env=os.environ | {"PYTHONPATH": "."},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    pushing, pulling = map(int, done.stdout.split()[-2:])
    assert len(objects(root)) == 2
    assert pushing < 0.3 * size  # bytes need not be encoded
    assert pulling < 2.2 * size  # this includes the value itself


def test_bytes_in_objects_count_as_pulled(dag: Any, counted: list[tuple[str, int, dict[str, str]]]) -> None:
    push(dag, LARGE)
    assert pull(dag) == LARGE

    by_name = {name: number for name, number, _ in counted}
    assert by_name[metrics.BYTES_PULLED] == by_name[metrics.BYTES_PUSHED] == len(LARGE)
