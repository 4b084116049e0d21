"""Which files of this package one value crosses on its way to Redis: few enough to be read one after the other."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import redis

import exclusive_redis_xcom
from devtools.redis_server import RedisServer
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.task.access import current_access

HOME = Path(exclusive_redis_xcom.__file__).parent
MOST_FILES = 8
#: It is around a call, and no step of it.
GUARD = "tracebacks.py"

VALUE = "x" * 100
ADDRESS: dict[str, Any] = {"dag_id": "sales", "run_id": RUN_ID, "task_id": "extract", "key": "token", "map_index": -1}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    with RedisServer() as running:
        monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL", running.url)
        start_afresh()
        yield running
        start_afresh()


@pytest.fixture
def task(server: RedisServer) -> Iterator[None]:
    from airflow.sdk import DAG, task

    with DAG("sales") as dag:
        task(task_id="extract")(lambda: None)()
    with executing(dag.get_task("extract"), run_started=datetime.now(timezone.utc) - timedelta(hours=1)):
        yield


def push() -> Any:
    return ExclusiveRedisXCom.serialize_value(VALUE, **ADDRESS)


def pull() -> Any:
    return ExclusiveRedisXCom.get_one(**ADDRESS)


def files_to_the_wire(call: Callable[[], Any]) -> list[str]:
    """The files that are entered and not left when the call first sends something, the outermost first."""
    found: list[str] = []

    def profile(frame: FrameType, event: str, called: Any) -> None:
        if not found and event == "c_call" and called.__name__ == "sendall":
            found.extend(_ours(frame))

    call()  # connects
    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def _ours(frame: FrameType | None) -> list[str]:
    names: list[str] = []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(HOME):
            names.append(path.relative_to(HOME).as_posix())
        frame = frame.f_back
    return list(dict.fromkeys(name for name in reversed(names) if name != GUARD))


def test_a_push(task: None) -> None:
    files = files_to_the_wire(push)

    assert files == [
        "airflow/backend.py",
        "task/push.py",
        "store/store.py",
        "connection/client.py",
        "connection/pool.py",
        "store/scripts.py",
        "connection/server.py",
        "connection/internals.py",
    ]
    assert len(files) <= MOST_FILES


def test_a_direct_pull(task: None, server: RedisServer) -> None:
    reference = references.parse(push())
    store = current_access().store
    store.beat(secrets.token_hex(16), missed=False)
    with redis.Redis.from_url(server.url) as client:
        client.hset(redis_names.servers_name("exclusive_redis_xcom"), "epoch", "0")
    assert store.commit(reference.coordinate, reference.version)

    files = files_to_the_wire(pull)

    assert pull() == VALUE
    assert files == [
        "airflow/redis_first.py",
        "task/direct_pull.py",
        "store/store.py",
        "store/current.py",
        "connection/client.py",
        "connection/pool.py",
        "connection/server.py",
        "connection/internals.py",
    ]
    assert len(files) <= MOST_FILES
