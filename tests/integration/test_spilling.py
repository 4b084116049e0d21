"""Values too large for Redis, between a task and a local directory as the object storage that `spill_path` names."""

from __future__ import annotations

import dataclasses
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Rows, rows_in_memory
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import (
    ConfigurationError,
    CorruptValue,
    ExclusiveRedisXCom,
    StoreUnavailable,
    XComAccessDenied,
    XComExpired,
    XComTooLarge,
)
from exclusive_redis_xcom.crypto import generate_encryption_key, generate_seal_keys
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.task.access import current_access
from tests.integration.support import shown, start_afresh

CANARY = "canary-1b77e0c4"
LARGE = CANARY + secrets.token_hex(20_000)
RUN = RUN_ID.replace(":", "%3A").replace("+", "%2B")
HASH = f"exclusive_redis_xcom:sales:{RUN}:extract:token"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def raw(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client
        assert [name for name in client.scan_iter() if client.ttl(name) < 0] == [], "a key without a TTL"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "xcoms"


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_options(**options: str) -> None:
        for name, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__EXCLUSIVE_REDIS_XCOM__{name.upper()}", value)
        start_afresh()

    return set_options


@pytest.fixture(autouse=True)
def configuration(server: RedisServer, raw: redis.Redis, root: Path, configure: Callable[..., None]) -> Iterator[None]:
    configure(
        redis_url=server.url,
        retry_deadline="1",
        spill_path=f"file://{root}",
        spill_threshold_bytes="10000",
        compression="off",
    )
    yield
    start_afresh()


@pytest.fixture(autouse=True)
def rows() -> Iterator[Rows]:
    with rows_in_memory() as in_memory:
        yield in_memory


@pytest.fixture
def dag() -> Any:
    from airflow.sdk import DAG, task

    acl = {"extract": {"token": ["load"], "once": {"consumers": ["load", "report"], "once": True}}}
    with DAG("sales", params={"xcom_acl": acl}) as dag:

        @task
        def extract() -> None: ...

        @task
        def load() -> None: ...

        @task
        def report() -> None: ...

        extract() >> [load(), report()]
    return dag


def push(dag: Any, value: Any, key: str = "token", map_index: int = -1, run_id: str = RUN_ID) -> None:
    with executing(dag.get_task("extract"), map_index=map_index, run_id=run_id):
        ExclusiveRedisXCom.set(key, value, dag_id="sales", task_id="extract", run_id=run_id, map_index=map_index)


def pull(dag: Any, reader: str = "load", key: str = "token", map_index: int = -1, run_id: str = RUN_ID) -> Any:
    with executing(dag.get_task(reader), run_id=run_id):
        return ExclusiveRedisXCom.get_one(
            key=key, dag_id="sales", task_id="extract", run_id=run_id, map_index=map_index
        )


def delete(dag: Any) -> None:
    with executing(dag.get_task("extract")):
        ExclusiveRedisXCom.delete(key="token", dag_id="sales", task_id="extract", run_id=RUN_ID, map_index=-1)


def objects(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def the_object(root: Path) -> Path:
    (found,) = objects(root)
    return found


def edit_envelope(raw: redis.Redis, **changes: Any) -> None:
    """What whoever has Redis' password can do."""
    field = raw.hget(HASH, "-1")
    assert isinstance(field, bytes)
    raw.hset(HASH, "-1", dataclasses.replace(Envelope.unpack(field), **changes).pack())


class TestWhereAValueLies:
    def test_a_large_value_lies_in_an_object_and_redis_has_only_its_head(
        self, dag: Any, raw: redis.Redis, root: Path
    ) -> None:
        push(dag, LARGE)

        path = the_object(root)
        assert path.relative_to(root).parent.as_posix() == f"sales/{RUN}/extract/token/-1"
        assert CANARY.encode() in path.read_bytes()
        assert sum(len(field) for field in raw.hgetall(HASH).values()) < 1500
        assert pull(dag) == LARGE

    @pytest.mark.parametrize("value", [LARGE.encode(), {"rows": [LARGE] * 3}, bytearray(50_000), [0.5] * 10_000])
    def test_every_kind_of_value_comes_back(self, dag: Any, root: Path, value: Any) -> None:
        push(dag, value)

        assert len(objects(root)) == 1
        found = pull(dag)
        assert found == value
        assert type(found) is type(value)

    def test_a_value_up_to_the_threshold_stays_in_redis(self, dag: Any, root: Path) -> None:
        push(dag, b"x" * 10_000)

        assert objects(root) == []
        assert pull(dag) == b"x" * 10_000

    def test_what_counts_is_the_size_as_it_would_go_to_redis(
        self, dag: Any, root: Path, configure: Callable[..., None]
    ) -> None:
        configure(compression="zstd")
        push(dag, "x" * 1_000_000)

        assert objects(root) == []
        assert pull(dag) == "x" * 1_000_000

    def test_without_a_spill_path_all_values_stay_in_redis(
        self, dag: Any, root: Path, configure: Callable[..., None]
    ) -> None:
        configure(spill_path="")
        push(dag, LARGE)

        assert not root.exists()
        assert pull(dag) == LARGE

    def test_the_results_of_a_mapped_task_have_an_object_each(self, dag: Any, root: Path) -> None:
        values = [f"{index}{LARGE}" for index in range(5)]
        for index, value in enumerate(values):
            push(dag, value, map_index=index)

        assert len(objects(root)) == 5
        with executing(dag.get_task("load")):
            found = ExclusiveRedisXCom.get_all(key="token", dag_id="sales", task_id="extract", run_id=RUN_ID)
        assert found == values

    @pytest.mark.parametrize(
        "run_id", ["../../../escape", "/etc", ".", "..", "a/../b", "ü" * 100, "𝄞" * 250, "x" * 250]
    )
    def test_ids_neither_leave_the_place_nor_are_too_long_for_it(
        self, dag: Any, root: Path, tmp_path: Path, run_id: str
    ) -> None:
        push(dag, LARGE, run_id=run_id)

        path = the_object(tmp_path)
        assert len(path.relative_to(root).parts) == 6
        assert pull(dag, run_id=run_id) == LARGE

    def test_the_row_and_the_reference_do_not_tell_where_it_lies(self, dag: Any, rows: Rows, root: Path) -> None:
        push(dag, LARGE)

        assert str(root) not in str(rows.values)


class TestWhenObjectsGo:
    def test_a_push_in_its_place_removes_the_older_object(self, dag: Any, root: Path) -> None:
        push(dag, LARGE)
        first = the_object(root)
        push(dag, LARGE + "again")

        assert the_object(root) != first
        assert pull(dag) == LARGE + "again"

    def test_so_does_a_push_that_needs_no_object(self, dag: Any, root: Path) -> None:
        push(dag, LARGE)
        push(dag, "small")

        assert objects(root) == []
        assert pull(dag) == "small"

    def test_clearing_the_task_removes_it(self, dag: Any, root: Path) -> None:
        push(dag, LARGE)
        delete(dag)

        assert objects(root) == []

    def test_a_push_that_redis_refuses_leaves_the_older_value_and_no_object(
        self, dag: Any, raw: redis.Redis, root: Path
    ) -> None:
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
        self, dag: Any, root: Path, tmp_path: Path, configure: Callable[..., None]
    ) -> None:
        push(dag, LARGE)
        (tmp_path / "file").write_bytes(b"")
        configure(spill_path=f"file://{tmp_path}/file")
        with pytest.raises(StoreUnavailable, match=r"Writing to the object storage file:///.*FileExistsError"):
            push(dag, LARGE + "again")

        configure(spill_path=f"file://{root}")
        assert pull(dag) == LARGE

    def test_an_object_that_cannot_be_removed_is_left_and_told(
        self, dag: Any, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        from exclusive_redis_xcom.object_storage import files

        def refuse(*_: Any) -> None:
            raise PermissionError(1, f"{CANARY}")

        push(dag, LARGE)
        monkeypatch.setattr(files, "remove", refuse)
        delete(dag)

        assert len(objects(root)) == 1
        assert "`exclusive-xcom gc`" in caplog.text
        assert CANARY not in caplog.text

    @pytest.mark.parametrize("name", ["../victim", "victim", f"a/b/c/d/-1/{'0' * 32}"])
    def test_a_name_that_somebody_wrote_into_redis_removes_nothing_else(
        self, dag: Any, raw: redis.Redis, root: Path, name: str
    ) -> None:
        push(dag, "small")
        victim = root / name
        victim.parent.mkdir(parents=True, exist_ok=True)
        victim.write_bytes(b"mine")
        raw.hset(HASH, "-1:spilled", name)

        push(dag, "another")
        raw.hset(HASH, "-1:spilled", name)
        delete(dag)

        assert victim.read_bytes() == b"mine"


class TestWhatIsRead:
    def test_a_refused_task_does_not_get_the_object_touched(self, dag: Any, root: Path) -> None:
        push(dag, LARGE)
        the_object(root).unlink()

        with pytest.raises(XComAccessDenied):
            pull(dag, "report")

    def test_a_value_that_may_be_read_once_is_read_once(self, dag: Any) -> None:
        push(dag, LARGE, key="once")

        assert pull(dag, "load", key="once") == LARGE
        with pytest.raises(XComAccessDenied, match="may be read once"):
            pull(dag, "report", key="once")

    def test_a_missing_object_is_an_expired_value(self, dag: Any, root: Path) -> None:
        push(dag, LARGE)
        the_object(root).unlink()

        with pytest.raises(XComExpired, match=r"no longer in object storage.*Clear task 'extract'"):
            pull(dag)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda data: b"", id="empty"),
            pytest.param(lambda data: data[:-1], id="cut"),
            pytest.param(lambda data: data + b"x", id="longer"),
            pytest.param(lambda data: b"x" + data[1:], id="another head"),
            pytest.param(lambda data: data.replace(b"token", b"other", 1), id="another key"),
        ],
    )
    def test_an_object_that_is_not_as_pushed_is_corrupt(
        self, dag: Any, root: Path, change: Callable[[bytes], bytes]
    ) -> None:
        push(dag, LARGE)
        path = the_object(root)
        path.write_bytes(change(path.read_bytes()))

        with pytest.raises(CorruptValue, match="not what was pushed") as caught:
            pull(dag)
        assert CANARY not in shown(caught.value)

    def test_an_older_version_in_its_place_is_corrupt(self, dag: Any, root: Path) -> None:
        push(dag, LARGE)
        older = the_object(root).read_bytes()
        push(dag, LARGE[::-1])
        the_object(root).write_bytes(older)

        with pytest.raises(CorruptValue, match="not what was pushed"):
            pull(dag)

    def test_an_object_that_redis_names_is_not_read_unless_it_is_this_value_s_own(
        self, dag: Any, raw: redis.Redis, root: Path, tmp_path: Path
    ) -> None:
        push(dag, LARGE, key="once")
        others = the_object(root)
        push(dag, LARGE)
        (tmp_path / "secret").write_bytes(others.read_bytes())

        for name in ("../secret", str(tmp_path / "secret"), others.relative_to(root).as_posix(), "", "."):
            edit_envelope(raw, spilled=name)
            with pytest.raises(CorruptValue, match="names an object that is not this value's own"):
                pull(dag)

    def test_a_size_that_somebody_wrote_into_redis_takes_no_memory(self, dag: Any, raw: redis.Redis) -> None:
        push(dag, LARGE)

        edit_envelope(raw, elsewhere=100 * 2**20)
        with pytest.raises(CorruptValue, match="not what was pushed"):
            pull(dag)
        edit_envelope(raw, elsewhere=2**40)
        with pytest.raises(XComTooLarge, match="max_value_bytes"):
            pull(dag)

    def test_a_reader_s_own_limit_holds(self, dag: Any, configure: Callable[..., None]) -> None:
        push(dag, "x" * 3_000_000)

        for limit in ("1000", "2999999"):
            configure(max_value_bytes=limit)
            with pytest.raises(XComTooLarge, match=r"max_value_bytes|limit"):
                pull(dag)

    def test_a_reader_without_a_spill_path_is_told(self, dag: Any, configure: Callable[..., None]) -> None:
        push(dag, LARGE)
        configure(spill_path="")

        with pytest.raises(ConfigurationError, match="spill_path is not set here"):
            pull(dag)

    def test_a_reader_with_an_object_storage_that_is_not_installed_is_told_what_to_install(
        self, dag: Any, configure: Callable[..., None]
    ) -> None:
        push(dag, LARGE)
        configure(spill_path="s3://aws_default@bucket/xcoms")

        with pytest.raises(ConfigurationError, match=r"install apache-airflow-providers-amazon\[s3fs\]"):
            pull(dag)


class TestSecrecy:
    """The object holds what Redis would: ciphertext, where values are encrypted or sealed."""

    def test_encryption_at_rest_covers_the_object(self, dag: Any, root: Path, configure: Callable[..., None]) -> None:
        configure(encryption_keys=generate_encryption_key())
        push(dag, LARGE)

        assert CANARY.encode() not in the_object(root).read_bytes()
        assert pull(dag) == LARGE

    def test_a_changed_ciphertext_does_not_open(self, dag: Any, root: Path, configure: Callable[..., None]) -> None:
        configure(encryption_keys=generate_encryption_key())
        push(dag, LARGE)
        path = the_object(root)
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

        with pytest.raises(CorruptValue):
            pull(dag)

    def test_sealing_covers_the_object(self, dag: Any, root: Path, rows: Rows, configure: Callable[..., None]) -> None:
        from tests.integration import test_server_mode

        configure(enforcement="server", seal_public_key=test_server_mode.PUBLIC_TEXT)
        rows.answer = test_server_mode.ring
        push(dag, LARGE)

        assert CANARY.encode() not in the_object(root).read_bytes()
        assert pull(dag) == LARGE
        with pytest.raises(XComAccessDenied):
            pull(dag, "report")

    def test_a_sealed_value_that_nobody_opens_stays_shut(
        self, dag: Any, root: Path, configure: Callable[..., None]
    ) -> None:
        configure(enforcement="server", seal_public_key=generate_seal_keys()[0])
        push(dag, LARGE)
        the_object(root).unlink()

        with pytest.raises(XComAccessDenied):  # and not: expired
            pull(dag)


def test_memory_is_bounded_by_the_value(server: RedisServer, root: Path) -> None:
    size = 64 * 2**20
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.peak_memory", str(size)],
        env=os.environ | {"PYTHONPATH": "."},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    pushing, pulling = map(int, done.stdout.split()[-2:])
    assert len(objects(root)) == 2
    assert pushing < 0.3 * size  # bytes need not be encoded
    assert pulling < 2.2 * size  # the value among it


def test_bytes_in_objects_count_as_pulled(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: dict[str, int] = {}

    class Recorder:
        """A metrics backend, as Airflow calls it."""

        def incr(self, stat: str, count: int = 1, **_: Any) -> None:
            counted[stat] = count

        def timing(self, *_: Any, **_tags: Any) -> None: ...

    monkeypatch.setattr(metrics, "_stats", Recorder)
    push(dag, LARGE)
    assert pull(dag) == LARGE

    assert counted[metrics.BYTES_PULLED] == counted[metrics.BYTES_PUSHED] == len(LARGE)


def test_the_object_is_read_after_the_decision_and_redis_before(dag: Any, root: Path, raw: redis.Redis) -> None:
    """A whole hash that is gone is expired, whatever lies in object storage."""
    push(dag, LARGE)
    raw.delete(HASH)

    with pytest.raises(XComExpired, match="no longer in Redis"):
        pull(dag)
    assert len(objects(root)) == 1


def test_the_store_that_the_exchange_uses_knows_the_object(dag: Any, root: Path) -> None:
    from exclusive_redis_xcom.model import Coordinate

    push(dag, LARGE)
    at = Coordinate("sales", RUN_ID, "extract", "token")

    assert current_access().store.spilled([at]) == [the_object(root).relative_to(root).as_posix()]
