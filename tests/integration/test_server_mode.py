"""`enforcement = server` in the task's process: what it pushes, and what it makes of each answer of the API server.

The API server's answers are those of the real ring, put around the rows; the ring itself is tested in
tests/unit/api_server and tests/acceptance/ring.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.worlds.rows import Rows, rows_in_memory
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import (
    ConfigurationError,
    CorruptValue,
    ExclusiveRedisXCom,
    InvalidReference,
    XComAccessDenied,
    XComAlreadyClaimed,
    XComExpired,
    XComSealed,
)
from exclusive_redis_xcom.crypto import SealPrivateKeys, generate_seal_keys
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import Principal
from exclusive_redis_xcom.process import identity
from exclusive_redis_xcom.task import encryption
from exclusive_redis_xcom.task.access import current_access
from tests.integration.support import start_afresh
from tests.unit.api_server.ringed import OWNER, Airflow, Person, World

CANARY = "canary-5d3a9c77"
PUBLIC_TEXT, PRIVATE_TEXT = generate_seal_keys()
PRIVATE = SealPrivateKeys.parse(PRIVATE_TEXT)

pytestmark = pytest.mark.usefixtures("configuration")


@pytest.fixture
def raw(any_redis: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(any_redis.url) as client:
        yield client


@pytest.fixture
def configure(any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_options(**options: str) -> None:
        for name, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__EXCLUSIVE_REDIS_XCOM__{name.upper()}", value)
        start_afresh()

    return set_options


@pytest.fixture
def configuration(any_redis: RedisServer, configure: Callable[..., None]) -> Iterator[None]:
    configure(redis_url=any_redis.url, retry_deadline="1", enforcement="server", seal_public_key=PUBLIC_TEXT)
    yield
    start_afresh()


@pytest.fixture
def rows() -> Iterator[Rows]:
    with rows_in_memory() as in_memory:
        in_memory.answer = ring
        yield in_memory


def ring(values: list[Any]) -> list[Any]:
    """What the API server's ring makes of an answer, for the task that runs at the moment."""
    principal = identity.current_principal()
    assert principal is not None
    access = current_access()
    world = World(Airflow(values), seal_private_keys=PRIVATE, store=lambda: access.store)
    world.people[OWNER.ti_id] = Person(principal, OWNER.number)
    url = f"/execution/xcoms/sales/{quote(RUN_ID)}/extract/any/slice"
    answer: list[Any] = world.ask("GET", url, OWNER).json()
    return answer


def each(change: Callable[[Reference], Any]) -> Callable[[list[Any]], list[Any]]:
    """An API server that answers with something else than the ring would."""

    def answer(values: list[Any]) -> list[Any]:
        return [change(references.parse(value)) for value in values]

    return answer


def no_ring(values: list[Any]) -> list[Any]:
    return values


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


def push(dag: Any, value: Any, key: str = "token", map_index: int = -1) -> None:
    with executing(dag.get_task("extract"), map_index=map_index):
        ExclusiveRedisXCom.set(key, value, dag_id="sales", task_id="extract", run_id=RUN_ID, map_index=map_index)


def pull(dag: Any, reader: str, key: str = "token", map_index: int = -1) -> Any:
    with executing(dag.get_task(reader)):
        return ExclusiveRedisXCom.get_one(
            key=key, dag_id="sales", task_id="extract", run_id=RUN_ID, map_index=map_index
        )


def pull_all(dag: Any, reader: str, key: str = "token") -> Any:
    with executing(dag.get_task(reader)):
        return ExclusiveRedisXCom.get_all(key=key, dag_id="sales", task_id="extract", run_id=RUN_ID)


def the_row(rows: Rows, key: str = "token", map_index: int = -1) -> Any:
    return rows.values["sales", RUN_ID, "extract", key, map_index]


def the_hash(raw: redis.Redis, key: str = "token") -> bytes:
    (name,) = [name for name in raw.scan_iter() if name.endswith(f":{key}".encode())]
    return bytes(name)


class TestPush:
    def test_redis_gets_no_part_of_the_value_and_the_row_gets_the_sealed_key(
        self, dag: Any, rows: Rows, raw: redis.Redis
    ) -> None:
        push(dag, CANARY)

        assert CANARY.encode() not in b"".join(raw.hvals(the_hash(raw)))
        assert set(the_row(rows)["exclusive_redis_xcom"]["seal"]) == {"key_id", "acl", "key"}
        assert CANARY not in str(the_row(rows))

    def test_keys_that_the_scheduler_reads_stay_plain(self, dag: Any, rows: Rows) -> None:
        push(dag, {"followed": []}, key="skipmixin_key")

        assert the_row(rows, "skipmixin_key") == {"followed": []}

    def test_without_a_public_key_it_says_what_to_do(
        self, dag: Any, rows: Rows, raw: redis.Redis, configure: Callable[..., None]
    ) -> None:
        configure(seal_public_key="")

        with pytest.raises(ConfigurationError, match="exclusive-xcom keygen"):
            push(dag, CANARY)

        assert list(raw.scan_iter()) == []


class TestPull:
    def test_the_declared_consumer_and_the_producer_get_the_value(self, dag: Any, rows: Rows) -> None:
        push(dag, {"pair": (1, CANARY)})

        assert pull(dag, "load") == {"pair": (1, CANARY)}
        assert pull(dag, "extract") == {"pair": (1, CANARY)}

    def test_anybody_else_is_refused_with_the_full_text(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)

        with pytest.raises(XComAccessDenied) as caught:
            pull(dag, "report")

        assert "may not be pulled by task 'report' of the same run" in str(caught.value)
        assert "xcom_acl['extract']['token'] allows only 'load'" in str(caught.value)

    def test_all_results_of_a_mapped_task_come_in_order(self, dag: Any, rows: Rows) -> None:
        for index in range(3):
            push(dag, f"{CANARY}-{index}", map_index=index)

        assert pull_all(dag, "load") == [f"{CANARY}-{index}" for index in range(3)]
        with pytest.raises(XComAccessDenied):
            pull_all(dag, "report")

    def test_an_empty_value_and_none_are_sealed_too(self, dag: Any, rows: Rows) -> None:
        for value in (None, "", b"", {}):
            push(dag, value)

            assert pull(dag, "load") == value

    def test_a_value_pushed_again_opens_with_its_own_key_only(self, dag: Any, rows: Rows) -> None:
        push(dag, "first")
        old = copy.deepcopy(the_row(rows))
        push(dag, "second")
        rows.values["sales", RUN_ID, "extract", "token", -1] = old

        with pytest.raises(LookupError, match="replaced in Redis by a later push"):
            pull(dag, "load")


class TestNobodyOpensIt:
    @pytest.fixture(autouse=True)
    def pushed(self, configuration: None, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)
        rows.answer = no_ring

    def test_a_consumer_is_told_to_look_at_the_api_server(self, dag: Any) -> None:
        with pytest.raises(XComSealed, match="exclusive-xcom doctor"):
            pull(dag, "load")

    def test_a_stranger_is_told_that_it_is_none(self, dag: Any) -> None:
        with pytest.raises(XComAccessDenied, match="allows only 'load'"):
            pull(dag, "report")

    @pytest.mark.parametrize(
        ("where", "says"),
        [
            ("dag_test", "dag.test\\(\\) runs without an API server"),
            ("triggerer", "triggers run without"),
            ("dag_processor", "callbacks in the DAG processor"),
        ],
    )
    def test_elsewhere_the_text_says_why_there(
        self, dag: Any, monkeypatch: pytest.MonkeyPatch, where: str, says: str
    ) -> None:
        from exclusive_redis_xcom.process import kind

        monkeypatch.setattr(kind, "where", lambda: where)

        with pytest.raises(XComSealed, match=says):
            pull(dag, "load")

    def test_dag_test_opens_with_the_private_keys_and_refuses_by_the_same_rule(
        self, dag: Any, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]
    ) -> None:
        from exclusive_redis_xcom.process import kind

        configure(seal_private_keys=PRIVATE_TEXT)
        monkeypatch.setattr(kind, "where", lambda: "dag_test")

        assert pull(dag, "load") == CANARY
        with pytest.raises(XComAccessDenied, match="allows only 'load'"):
            pull(dag, "report")

    def test_a_worker_with_the_private_keys_does_not_open_by_itself(
        self, dag: Any, configure: Callable[..., None]
    ) -> None:
        configure(seal_private_keys=PRIVATE_TEXT)

        with pytest.raises(XComSealed):
            pull(dag, "load")


class TestAnswersOfTheRing:
    @pytest.mark.parametrize(
        ("reason", "error", "says"),
        [
            (seal.NOT_RUNNING, XComSealed, "running task instances only"),
            (seal.UNKNOWN_KEY, XComSealed, "no longer has the private key"),
            (seal.DENIED, XComSealed, "by another identity"),
            (seal.CLAIMED, XComAlreadyClaimed, "task 'other' of DAG 'sales'"),
            (seal.FORGED, InvalidReference, "edited or forged"),
        ],
    )
    def test_each_reason_has_its_error_and_text(
        self, dag: Any, rows: Rows, reason: str, error: type[Exception], says: str
    ) -> None:
        push(dag, CANARY)
        rows.answer = each(lambda found: found.refused(reason, "task 'other' of DAG 'sales'").to_json())

        with pytest.raises(error, match=says) as caught:
            pull(dag, "load")

        assert CANARY not in f"{caught.value!r}"

    def test_a_task_that_is_over_reads_what_it_pushed_itself_and_nothing_else(self, dag: Any, rows: Rows) -> None:
        """Callbacks, and the links of operators: Airflow runs them after it has recorded the end of the task."""
        push(dag, CANARY)
        rows.answer = each(lambda found: found.refused(seal.NOT_RUNNING).to_json())

        assert pull(dag, "extract") == CANARY
        with pytest.raises(XComSealed):
            pull(dag, "load")

        encryption.forget()  # another process of the same task
        with pytest.raises(XComSealed):
            pull(dag, "extract")

    @pytest.mark.parametrize("reason", [seal.UNKNOWN_KEY, seal.FORGED, seal.DENIED, seal.CLAIMED])
    def test_another_reason_stands_for_its_own_values_too(self, dag: Any, rows: Rows, reason: str) -> None:
        push(dag, CANARY)
        rows.answer = each(lambda found: found.refused(reason).to_json())

        with pytest.raises((XComAccessDenied, InvalidReference)):
            pull(dag, "extract")

    def test_a_wrong_data_key_is_corruption(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)
        rows.answer = each(lambda found: found.opened(bytes(32)).to_json())

        with pytest.raises(CorruptValue):
            pull(dag, "load")

    def test_what_the_ring_replaced_is_an_invalid_reference(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY)
        rows.answer = each(lambda found: references.unusable())

        with pytest.raises(InvalidReference):
            pull(dag, "load")


class TestRedisIsNotTrusted:
    def test_a_rule_edited_in_redis_lets_nobody_in(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        push(dag, CANARY)
        name = the_hash(raw)
        wider = raw.hget(name, "acl").replace(b'"load"', b'"load","report"')
        raw.hset(name, "acl", wider)

        with pytest.raises(XComAccessDenied):
            pull(dag, "report")
        with pytest.raises(CorruptValue):  # and who may read is told that somebody edits
            pull(dag, "load")

    def test_a_plain_value_in_place_of_the_sealed_one_is_refused(
        self, dag: Any, rows: Rows, raw: redis.Redis, configure: Callable[..., None]
    ) -> None:
        push(dag, CANARY)
        sealed = copy.deepcopy(the_row(rows))
        configure(enforcement="worker")
        push(dag, "planted")
        planted = copy.deepcopy(the_row(rows))
        configure(enforcement="server")

        with pytest.raises(CorruptValue, match="unencrypted"):
            pull(dag, "load")

        planted["exclusive_redis_xcom"]["seal"] = sealed["exclusive_redis_xcom"]["seal"]
        rows.values["sales", RUN_ID, "extract", "token", -1] = planted
        with pytest.raises(InvalidReference):  # sealed for another version
            pull(dag, "load")

    def test_a_ciphertext_of_another_xcom_is_refused(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        push(dag, CANARY)
        push(dag, "other", key="other")
        raw.hset(the_hash(raw), "-1", raw.hget(the_hash(raw, "other"), "-1"))

        with pytest.raises(CorruptValue):
            pull(dag, "load")


class TestPlainRows:
    """Rows that hold a value itself: by REST, by a trigger that ended its task, by another backend."""

    @pytest.fixture(autouse=True)
    def planted(self, configuration: None, rows: Rows) -> None:
        rows.answer = no_ring
        for key in ("token", "skipmixin_key", "_link_TheLink"):
            rows.values["sales", RUN_ID, "extract", key, -1] = "planted"

    def test_they_are_refused_where_all_values_are_sealed(self, dag: Any) -> None:
        with pytest.raises(InvalidReference, match=r"XCom 'token' of task 'extract'.*plain value") as caught:
            pull(dag, "load")

        assert "planted" not in str(caught.value)
        with pytest.raises(InvalidReference, match="plain value"):
            pull_all(dag, "load")

    def test_what_airflow_writes_itself_is_read(self, dag: Any) -> None:
        assert pull(dag, "load", key="skipmixin_key") == "planted"
        assert pull(dag, "load", key="_link_TheLink") == "planted"

    @pytest.mark.parametrize(
        "options", [{"allow_plaintext_read": "True"}, {"seal": "restricted"}, {"enforcement": "worker"}]
    )
    def test_elsewhere_they_are_read_as_airflow_reads_them(
        self, dag: Any, configure: Callable[..., None], options: dict[str, str]
    ) -> None:
        configure(**options)

        assert pull(dag, "load") == "planted"

    def test_no_row_is_none(self, dag: Any) -> None:
        assert pull(dag, "load", key="never pushed") is None


class TestSwitchingOver:
    def test_values_of_worker_mode_are_read_only_where_that_is_allowed(
        self, dag: Any, rows: Rows, configure: Callable[..., None]
    ) -> None:
        configure(enforcement="worker")
        push(dag, CANARY)

        configure(enforcement="server")
        with pytest.raises(CorruptValue, match="allow_plaintext_read"):
            pull(dag, "load")

        configure(allow_plaintext_read="True")
        assert pull(dag, "load") == CANARY
        with pytest.raises(XComAccessDenied):
            pull(dag, "report")


class TestOnce:
    def test_dag_test_claims_in_its_own_process(
        self, dag: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]
    ) -> None:
        from exclusive_redis_xcom.process import kind

        configure(seal_private_keys=PRIVATE_TEXT)
        monkeypatch.setattr(kind, "where", lambda: "dag_test")
        push(dag, CANARY, key="once")
        rows.answer = no_ring

        assert pull(dag, "extract", key="once") == CANARY  # its producer claims nothing
        assert pull(dag, "load", key="once") == CANARY
        assert pull(dag, "load", key="once") == CANARY  # and again: a retry
        with pytest.raises(XComAlreadyClaimed, match="task 'load'"):
            pull(dag, "report", key="once")

    def test_the_first_reads_and_reads_again_and_the_next_is_told_who_has_it(self, dag: Any, rows: Rows) -> None:
        push(dag, CANARY, key="once")

        assert pull(dag, "extract", key="once") == CANARY  # its producer claims nothing
        assert pull(dag, "load", key="once") == CANARY
        assert pull(dag, "load", key="once") == CANARY
        with pytest.raises(XComAlreadyClaimed, match="task 'load'"):
            pull(dag, "report", key="once")

    def test_one_that_redis_lost_is_expired_and_not_anybodys(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        push(dag, CANARY, key="once")
        raw.delete(the_hash(raw, "once"))

        with pytest.raises(XComExpired, match="no longer in Redis"):
            pull(dag, "load", key="once")

    def test_one_that_was_pushed_again_is_expired_for_the_old_reference(self, dag: Any, rows: Rows) -> None:
        push(dag, "first", key="once")
        old = copy.deepcopy(the_row(rows, "once"))
        push(dag, "second", key="once")
        new = the_row(rows, "once")
        rows.values["sales", RUN_ID, "extract", "once", -1] = old

        with pytest.raises(XComExpired):
            pull(dag, "load", key="once")

        rows.values["sales", RUN_ID, "extract", "once", -1] = new
        assert pull(dag, "report", key="once") == "second"  # nothing was spent

    def test_of_several_the_error_is_of_the_one_that_was_taken_and_none_is_spent(self, dag: Any, rows: Rows) -> None:
        for index in range(3):
            push(dag, f"{CANARY}-{index}", key="once", map_index=index)
        assert pull(dag, "load", key="once", map_index=1) == f"{CANARY}-1"

        with pytest.raises(XComAlreadyClaimed, match=r"map_index 1.*task 'load'"):
            pull_all(dag, "report", key="once")

        assert pull(dag, "load", key="once", map_index=0) == f"{CANARY}-0"
        assert pull_all(dag, "load", key="once") == [f"{CANARY}-{index}" for index in range(3)]


def test_the_principal_of_these_tests_is_who_runs(dag: Any) -> None:
    with executing(dag.get_task("load")):
        assert identity.current_principal() == Principal("sales", "load", RUN_ID, -1)
