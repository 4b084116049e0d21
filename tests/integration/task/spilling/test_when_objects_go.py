"""What removes an object, and what must not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom import StoreUnavailable
from exclusive_redis_xcom.task.access import current_access
from tests.integration.task.sales import CANARY, HASH, delete, pull, push
from tests.integration.task.spilling.objects import LARGE, objects, the_object


def test_a_push_in_its_place_removes_the_older_object(dag: Any, root: Path) -> None:
    push(dag, LARGE)
    first = the_object(root)
    push(dag, LARGE + "again")

    assert the_object(root) != first
    assert pull(dag) == LARGE + "again"


def test_so_does_a_push_that_needs_no_object(dag: Any, root: Path) -> None:
    push(dag, LARGE)
    push(dag, "small")

    assert objects(root) == []
    assert pull(dag) == "small"


def test_clearing_the_task_removes_it(dag: Any, root: Path) -> None:
    push(dag, LARGE)
    delete(dag, map_index=-1)

    assert objects(root) == []


def test_a_push_that_redis_refuses_leaves_the_older_value_and_no_object(dag: Any, raw: redis.Redis, root: Path) -> None:
    push(dag, LARGE)
    raw.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable):
            push(dag, LARGE + "again")
    finally:
        raw.config_set("maxmemory", 0)

    assert len(objects(root)) == 1
    assert pull(dag) == LARGE


def test_a_push_that_the_object_storage_refuses_leaves_the_older_value(
    dag: Any, root: Path, tmp_path: Path, configure: Callable[..., None]
) -> None:
    push(dag, LARGE)
    (tmp_path / "file").write_bytes(b"")
    configure(spill_path=f"file://{tmp_path}/file")
    with pytest.raises(StoreUnavailable, match=r"Writing to object storage failed: FileExistsError"):
        push(dag, LARGE + "again")

    configure(spill_path=f"file://{root}")
    assert pull(dag) == LARGE


def test_an_object_that_cannot_be_removed_is_left_and_told(
    dag: Any, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from exclusive_redis_xcom.object_storage import files

    def refuse(*_: Any) -> None:
        raise PermissionError(1, f"{CANARY}")

    push(dag, LARGE)
    monkeypatch.setattr(files, "remove", refuse)
    delete(dag, map_index=-1)

    assert len(objects(root)) == 1
    assert "`exclusive-xcom gc`" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize("name", ["../victim", "victim", f"a/b/c/d/-1/{'0' * 32}"])
def test_a_name_that_somebody_wrote_into_redis_removes_nothing_else(
    dag: Any, raw: redis.Redis, root: Path, name: str
) -> None:
    push(dag, "small")
    victim = root / name
    victim.parent.mkdir(parents=True, exist_ok=True)
    victim.write_bytes(b"mine")
    raw.hset(HASH, "-1:spilled", name)

    push(dag, "another")
    raw.hset(HASH, "-1:spilled", name)
    delete(dag, map_index=-1)

    assert victim.read_bytes() == b"mine"


def test_the_store_that_the_exchange_uses_knows_the_object(dag: Any, root: Path) -> None:
    from exclusive_redis_xcom.model import Coordinate

    push(dag, LARGE)
    at = Coordinate("sales", RUN_ID, "extract", "token")

    assert current_access().store.spilled([at]) == [the_object(root).relative_to(root).as_posix()]
