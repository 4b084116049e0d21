"""No frame of an error holds a value, a key or a password, wherever a push, a pull or a removal fails."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import redis
from airflow.sdk.bases.xcom import BaseXCom

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, TI_ID, executing
from exclusive_redis_xcom import (
    ConfigurationError,
    CorruptValue,
    ExclusiveRedisXCom,
    ExclusiveXComError,
    InvalidReference,
    StoreUnavailable,
    XComAccessDenied,
    XComExpired,
    XComNotImportable,
    XComNotSerializable,
    XComTooLarge,
)
from exclusive_redis_xcom.crypto import EncryptionKeys, generate_encryption_key
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.task import encryption
from tests.integration.support import PASSWORD
from tests.integration.task.played_ring import PRIVATE, PRIVATE_TEXT, PUBLIC_TEXT, no_ring, ring
from tests.integration.task.sales import CANARY, HASH, address, delete, field_of, pull, pull_all, push, the_row
from tests.secrets_in_frames import frames_of, secrets_in_frames

ENCRYPTION_KEYS = generate_encryption_key()
VALUE = {"token": CANARY}
NO_COROUTINES = not hasattr(BaseXCom, "aget_one")


class Alarm(BaseException):
    """What a task's own signal handler may raise, as Airflow's timeout does."""


@dataclasses.dataclass
class NotAllowed:
    token: str


class Failing:
    """Airflow's protocol for classes; it fails."""

    def serialize(self) -> dict[str, Any]:
        token = CANARY
        raise LookupError(token)


@pytest.fixture
def secrets() -> list[str | bytes]:
    """What no frame may hold. Data keys are added when they are known."""
    keys = EncryptionKeys.parse(ENCRYPTION_KEYS)._raw
    return [CANARY, PASSWORD, PRIVATE_TEXT, PRIVATE._raw[0], ENCRYPTION_KEYS, *keys]


Fails = Callable[[Callable[[], object], type[BaseException]], None]


@pytest.fixture
def fails(secrets: list[str | bytes]) -> Iterator[Fails]:
    """Call something that raises an error of this type, and search the frames of the error."""
    checked: list[type[BaseException]] = []

    def check(action: Callable[[], object], kind: type[BaseException]) -> None:
        secrets.extend(encryption._pushed_here.values())
        with pytest.raises(kind) as caught:
            action()
        assert secrets_in_frames(caught.value, *secrets) == []
        assert "guarded" in frames_of(caught.value), "the error did not pass the boundary"
        checked.append(kind)

    yield check
    assert checked or NO_COROUTINES, "nothing was checked"


class TestPush:
    def test_of_what_cannot_be_carried(self, dag: Any, fails: Fails) -> None:
        fails(lambda: push(dag, [CANARY, 1j]), XComNotSerializable)
        fails(lambda: push(dag, [CANARY, Failing()]), XComNotSerializable)

    def test_of_too_much(self, dag: Any, fails: Fails, configure: Callable[..., None]) -> None:
        configure(max_value_bytes="1000")

        fails(lambda: push(dag, CANARY * 100), XComTooLarge)

    def test_as_airflow_names_task_instances(self, dag: Any, fails: Fails) -> None:
        at = SimpleNamespace(dag_id="sales", run_id=RUN_ID, task_id="extract", ti_id=UUID(TI_ID))

        def push_value() -> None:
            with executing(dag.get_task("extract"), ti_id=TI_ID):
                ExclusiveRedisXCom.store_value(at, "token", [CANARY, 1j])

        fails(push_value, XComNotSerializable)

    def test_of_another_tasks_xcom(self, dag: Any, fails: Fails) -> None:
        def foreign() -> None:
            with executing(dag.get_task("load")):
                ExclusiveRedisXCom.set("token", VALUE, **address())

        fails(foreign, XComAccessDenied)

    @pytest.mark.parametrize(
        "encrypting",
        [{}, {"encryption_keys": ENCRYPTION_KEYS}, {"enforcement": "server", "seal_public_key": PUBLIC_TEXT}],
    )
    def test_while_redis_is_down(
        self, dag: Any, server: RedisServer, fails: Fails, configure: Callable[..., None], encrypting: dict[str, str]
    ) -> None:
        configure(redis_url="redis://user:" + PASSWORD + "@127.0.0.1:1", **encrypting)

        fails(lambda: push(dag, VALUE), StoreUnavailable)

    def test_over_a_key_of_others(self, dag: Any, raw: redis.Redis, fails: Fails) -> None:
        raw.set(HASH, "theirs", ex=60)

        fails(lambda: push(dag, VALUE), ExclusiveXComError)

    def test_with_a_wrong_password(
        self, dag: Any, server: RedisServer, fails: Fails, configure: Callable[..., None]
    ) -> None:
        configure(redis_url=server.url.replace("redis://", f"redis://nobody:{PASSWORD}@"))

        fails(lambda: push(dag, VALUE), StoreUnavailable)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"redis_url": f"http://user:{PASSWORD}@localhost"},
            {"redis_url": f"redis://user:{PASSWORD}@localhost:port"},
            {"seal_private_keys": f"{PRIVATE_TEXT},{ENCRYPTION_KEYS}"},
            {"encryption_keys": PRIVATE_TEXT},
            {"seal_public_key": PRIVATE_TEXT},
            {"enforcement": "server"},
            {"redis_url": "", "redis_conn_id": "frames"},
        ],
    )
    def test_with_wrong_settings(
        self,
        dag: Any,
        fails: Fails,
        configure: Callable[..., None],
        wrong: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_FRAMES", f"redis://user:{PASSWORD}@localhost:6379/x")
        configure(**wrong)

        fails(lambda: push(dag, VALUE), ConfigurationError)

    def test_that_a_signal_ends(self, dag: Any, rows: Rows, fails: Fails) -> None:
        rows.accepted = _raise_alarm

        fails(lambda: push(dag, VALUE), Alarm)

    def test_by_a_coroutine(self, dag: Any, fails: Fails) -> None:
        async def asynchronously() -> None:
            await ExclusiveRedisXCom.aset("token", [CANARY, 1j], map_index=-1, **address())

        def run() -> None:
            with executing(dag.get_task("extract")):
                asyncio.run(asynchronously())

        fails(run, XComNotSerializable)


class TestPull:
    @pytest.fixture(autouse=True)
    def pushed(self, dag: Any, configuration: None) -> None:
        push(dag, VALUE)

    def test_that_is_refused(self, dag: Any, fails: Fails) -> None:
        fails(lambda: pull(dag, "report"), XComAccessDenied)
        fails(lambda: pull_all(dag, "report"), XComAccessDenied)

    def test_of_a_value_that_is_gone(self, dag: Any, raw: redis.Redis, fails: Fails) -> None:
        raw.delete(HASH)

        fails(lambda: pull(dag), XComExpired)

    def test_of_a_damaged_value(self, dag: Any, raw: redis.Redis, fails: Fails) -> None:
        raw.hset(HASH, "-1", _edited(raw, decoded_size=3))

        fails(lambda: pull(dag), CorruptValue)

    def test_of_a_value_that_cannot_be_decoded(self, dag: Any, raw: redis.Redis, fails: Fails) -> None:
        payload = bytes(_stored(raw).payload[0])
        raw.hset(HASH, "-1", _edited(raw, payload=(payload[:-1] + b"\xff",)))

        fails(lambda: pull(dag), CorruptValue)

    def test_of_a_class_that_may_not_be_imported(self, dag: Any, fails: Fails) -> None:
        push(dag, [CANARY, NotAllowed(CANARY)])

        fails(lambda: pull(dag), XComNotImportable)

    def test_of_too_much(self, dag: Any, fails: Fails, configure: Callable[..., None]) -> None:
        push(dag, CANARY * 100)
        configure(max_value_bytes="1000")

        fails(lambda: pull(dag), XComTooLarge)

    def test_while_redis_is_down(
        self, dag: Any, fails: Fails, configure: Callable[..., None], secrets: list[str | bytes]
    ) -> None:
        configure(redis_url=f"redis://user:{PASSWORD}@127.0.0.1:1")

        fails(lambda: pull(dag), StoreUnavailable)

    def test_of_a_forged_reference(self, dag: Any, rows: Rows, fails: Fails) -> None:
        the_row(rows)["exclusive_redis_xcom"]["more"] = CANARY

        fails(lambda: pull(dag), InvalidReference)

    def test_that_a_signal_ends(self, dag: Any, rows: Rows, fails: Fails) -> None:
        rows.answer = _raise_alarm

        fails(lambda: pull(dag), Alarm)

    def test_of_a_read_once_value_that_another_task_has_claimed(self, dag: Any, fails: Fails) -> None:
        push(dag, VALUE, key="once")
        pull(dag, "load", key="once")

        fails(lambda: pull(dag, "report", key="once"), XComAccessDenied)

    def test_by_a_coroutine(self, dag: Any, fails: Fails) -> None:
        if NO_COROUTINES:
            pytest.skip("this Airflow has no pulls for coroutines")

        async def asynchronously() -> None:
            await ExclusiveRedisXCom.aget_one(key="token", **address())

        def run() -> None:
            with executing(dag.get_task("report")):
                asyncio.run(asynchronously())

        fails(run, XComAccessDenied)


class TestEncrypted:
    @pytest.fixture
    def options(self) -> dict[str, str]:
        return {"encryption_keys": ENCRYPTION_KEYS}

    @pytest.fixture(autouse=True)
    def pushed(self, dag: Any, configuration: None) -> None:
        push(dag, VALUE)

    def test_a_changed_ciphertext(self, dag: Any, raw: redis.Redis, fails: Fails) -> None:
        raw.hset(HASH, "-1", _garbled(raw))

        fails(lambda: pull(dag), CorruptValue)

    def test_a_key_that_is_not_here(self, dag: Any, fails: Fails, configure: Callable[..., None]) -> None:
        configure(encryption_keys=generate_encryption_key())

        fails(lambda: pull(dag), ConfigurationError)


class TestSealed:
    @pytest.fixture
    def options(self) -> dict[str, str]:
        return {"enforcement": "server", "seal_public_key": PUBLIC_TEXT}

    @pytest.fixture
    def rows(self, rows: Rows) -> Rows:
        rows.answer = ring
        return rows

    @pytest.fixture(autouse=True)
    def pushed(self, dag: Any, rows: Rows, configuration: None) -> None:
        push(dag, VALUE)

    def test_a_changed_ciphertext(self, dag: Any, raw: redis.Redis, fails: Fails) -> None:
        """The task has the open data key when this is found."""
        raw.hset(HASH, "-1", _garbled(raw))

        fails(lambda: pull(dag), CorruptValue)

    def test_a_value_that_is_gone(self, dag: Any, raw: redis.Redis, fails: Fails) -> None:
        raw.delete(HASH)

        fails(lambda: pull(dag), XComExpired)

    def test_a_rule_that_was_edited_in_redis(self, dag: Any, raw: redis.Redis, fails: Fails) -> None:
        raw.hset(HASH, "acl", field_of(raw, HASH, "acl").replace(b'"load"', b'"load","report"'))

        fails(lambda: pull(dag), CorruptValue)

    def test_one_of_several_that_stays_shut(self, dag: Any, rows: Rows, raw: redis.Redis, fails: Fails) -> None:
        for index in range(3):
            push(dag, VALUE, key="mapped", map_index=index)
        name = HASH.replace(":token", ":mapped")
        raw.hdel(name, "1")

        fails(lambda: pull_all(dag, key="mapped"), XComExpired)

    def test_no_ring(self, dag: Any, rows: Rows, fails: Fails) -> None:
        rows.answer = no_ring

        fails(lambda: pull(dag), XComAccessDenied)

    def test_a_task_that_no_rule_names(self, dag: Any, fails: Fails) -> None:
        fails(lambda: pull(dag, "report"), XComAccessDenied)


class TestSpilled:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path / "xcoms"

    @pytest.fixture
    def options(self, root: Path) -> dict[str, str]:
        return {"spill_path": f"file://{root}", "spill_threshold_bytes": "10000", "compression": "off"}

    def test_an_object_that_was_cut(self, dag: Any, root: Path, fails: Fails) -> None:
        push(dag, CANARY * 1000)
        (path,) = [found for found in root.rglob("*") if found.is_file()]
        path.write_bytes(path.read_bytes()[:-1])

        fails(lambda: pull(dag), CorruptValue)

    def test_an_object_that_is_gone(self, dag: Any, root: Path, fails: Fails) -> None:
        push(dag, CANARY * 1000)
        (path,) = [found for found in root.rglob("*") if found.is_file()]
        path.unlink()

        fails(lambda: pull(dag), XComExpired)

    def test_a_place_that_takes_nothing(self, dag: Any, root: Path, fails: Fails) -> None:
        root.write_text("a file where the directory would be")

        fails(lambda: push(dag, CANARY * 1000), StoreUnavailable)

    def test_redis_is_down_after_the_object_was_written(
        self, dag: Any, fails: Fails, configure: Callable[..., None], options: dict[str, str]
    ) -> None:
        configure(redis_url=f"redis://user:{PASSWORD}@127.0.0.1:1", **options)

        fails(lambda: push(dag, CANARY * 1000), StoreUnavailable)


class TestRemoval:
    def test_of_another_tasks_xcom(self, dag: Any, fails: Fails) -> None:
        push(dag, VALUE)

        fails(lambda: delete(dag, by="load"), XComAccessDenied)

    def test_while_redis_is_down(self, dag: Any, fails: Fails, configure: Callable[..., None]) -> None:
        push(dag, VALUE)
        configure(redis_url=f"redis://user:{PASSWORD}@127.0.0.1:1")

        fails(lambda: delete(dag), StoreUnavailable)


def _raise_alarm(*_arguments: Any) -> Any:
    raise Alarm


def _stored(raw: redis.Redis) -> Envelope:
    return Envelope.unpack(field_of(raw, HASH, "-1"), Coordinate("sales", RUN_ID, "extract", "token"))


def _edited(raw: redis.Redis, **changes: Any) -> bytes:
    return b"".join(map(bytes, [dataclasses.replace(_stored(raw), **changes).pack()]))


def _garbled(raw: redis.Redis) -> bytes:
    payload = bytes(_stored(raw).payload[0])
    return _edited(raw, payload=(payload[:-1] + bytes([payload[-1] ^ 1]),))
