"""Pushes as Airflow 3.4 asks for them: `store_value`, with the coordinate of one task instance.

The same tests run with Airflow's own `XComCoordinate` where the installed Airflow has it. Elsewhere they run with a
class of the same fields alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, TI_ID, executing
from exclusive_redis_xcom import CorruptValue, ExclusiveRedisXCom, InvalidReference, XComAccessDenied, XComExpired
from exclusive_redis_xcom.formats import object_names, redis_names, reference
from exclusive_redis_xcom.formats.envelope import Envelope
from tests.integration.task.played_ring import PUBLIC_TEXT, ring
from tests.integration.task.sales import CANARY, RUN, delete, field_of, pull

FIRST, SECOND = UUID("01900000-0000-7000-8000-000000000001"), UUID("01900000-0000-7000-8000-000000000002")


@dataclass(frozen=True)
class SameFields:
    """The fields of `airflow.sdk.bases.xcom.XComCoordinate` (task SDK 1.4.0b2)."""

    dag_id: str
    run_id: str
    task_id: str
    ti_id: UUID | None = None
    region_id: UUID | None = None
    region_index: int | None = None


def airflows() -> Any:
    from airflow.sdk.bases import xcom

    found = getattr(xcom, "XComCoordinate", None)
    if found is None:
        pytest.skip("the installed Airflow has no XComCoordinate: it came with 3.4")
    return found


@pytest.fixture(params=["the same fields", "Airflow's own"])
def coordinate(request: pytest.FixtureRequest) -> Any:
    """The class of coordinates that Airflow passes."""
    return SameFields if request.param == "the same fields" else airflows()


def stored(dag: Any, coordinate: Any, value: Any, ti_id: UUID = FIRST, *, map_index: int = -1) -> Any:
    """Push as one iteration of a loop does; return what Airflow's database gets."""
    with executing(dag.get_task("extract"), ti_id=str(ti_id), map_index=map_index):
        return ExclusiveRedisXCom.store_value(coordinate("sales", RUN_ID, "extract", ti_id), "token", value)


def put(rows: Rows, row: Any, map_index: int = -1) -> None:
    """Let Airflow answer with this iteration's row."""
    rows.values["sales", RUN_ID, "extract", "token", map_index] = row


def hash_of(ti_id: UUID) -> str:
    return f"exclusive_redis_xcom:sales:{RUN}:extract:ti-{ti_id}:token"


def test_each_iteration_of_a_loop_keeps_its_own_value(dag: Any, rows: Rows, coordinate: Any) -> None:
    iterations = [stored(dag, coordinate, value, ti_id) for value, ti_id in (("one", FIRST), ("two", SECOND))]

    pulled = []
    for row in iterations:
        put(rows, row)
        pulled.append(pull(dag))
    assert pulled == ["one", "two"]


def test_the_hash_is_named_after_the_task_instance_and_has_a_ttl(dag: Any, raw: redis.Redis, coordinate: Any) -> None:
    stored(dag, coordinate, CANARY)

    assert [name.decode() for name in raw.scan_iter()] == [hash_of(FIRST)]
    assert 604790 <= raw.ttl(hash_of(FIRST)) <= 604800


def test_row_envelope_and_object_name_the_task_instance(dag: Any, raw: redis.Redis, coordinate: Any) -> None:
    at = reference.parse(stored(dag, coordinate, CANARY)).coordinate

    version = "0" * 32
    assert (at.key, at.map_index, at.ti_id) == ("token", -1, str(FIRST))
    assert Envelope.unpack(field_of(raw, hash_of(FIRST), "-1"), at).coordinate == at
    assert object_names.object_name(at, version) == f"sales/{RUN}/extract/ti-{FIRST}/token/-1/{version}"
    parsed = object_names.parse(object_names.object_name(at, version))
    assert parsed is not None
    assert parsed.coordinate == at


def test_the_path_is_the_one_that_airflow_builds(dag: Any) -> None:
    of_airflow = airflows()("sales", RUN_ID, "extract", FIRST).build_path("", "a/b token")
    at = reference.parse(stored(dag, airflows(), CANARY)).coordinate

    *ids, instance, key = of_airflow.split("/")
    ours = redis_names.hash_name("", at).split(":")[1:]
    assert ours == [*(quote(part, safe="") for part in ids), instance, "token"]
    assert key == quote("a/b token", safe="")


def test_a_mapped_task_instance_keeps_its_map_index(dag: Any, rows: Rows, coordinate: Any) -> None:
    row = stored(dag, coordinate, CANARY, map_index=3)
    put(rows, row, 3)

    assert reference.parse(row).coordinate.map_index == 3
    assert pull(dag, map_index=3) == CANARY


def test_a_second_push_of_a_task_instance_replaces_the_first(dag: Any, rows: Rows, coordinate: Any) -> None:
    old, new = stored(dag, coordinate, "old"), stored(dag, coordinate, "new")

    put(rows, new)
    assert pull(dag) == "new"
    put(rows, old)
    with pytest.raises(XComExpired):
        pull(dag)


def test_the_rule_of_the_key_decides(dag: Any, rows: Rows, coordinate: Any) -> None:
    put(rows, stored(dag, coordinate, CANARY))

    with pytest.raises(XComAccessDenied, match=r"^report may not pull 'token' of extract: only load may\."):
        pull(dag, "report")


def test_a_value_that_was_moved_to_another_iteration_is_never_returned(
    dag: Any, rows: Rows, raw: redis.Redis, coordinate: Any
) -> None:
    stored(dag, coordinate, "one", FIRST)
    put(rows, stored(dag, coordinate, "two", SECOND))
    raw.hset(hash_of(SECOND), "-1", field_of(raw, hash_of(FIRST), "-1"))

    with pytest.raises(CorruptValue, match=r"^Redis holds the value of another XCom in this one's place\."):
        pull(dag)


@pytest.mark.parametrize(
    ("told", "by"),
    [
        (("sales", RUN_ID, "extract", SECOND), "extract"),  # another iteration
        (("sales", RUN_ID, "extract", None), "extract"),  # Airflow says that it is somebody else's
        (("sales", RUN_ID, "extract", FIRST), "load"),
        (("other", RUN_ID, "extract", FIRST), "extract"),
        (("sales", "another run", "extract", FIRST), "extract"),
    ],
    ids=str,
)
def test_nobody_writes_for_another_task_instance(
    dag: Any, raw: redis.Redis, coordinate: Any, told: tuple[Any, ...], by: str
) -> None:
    with (
        executing(dag.get_task(by), ti_id=str(FIRST)),
        pytest.raises(XComAccessDenied, match=r"^[\w/]+ may not push 'token' of \S+: only its own XComs\."),
    ):
        ExclusiveRedisXCom.store_value(coordinate(*told), "token", CANARY)

    assert raw.dbsize() == 0


def test_without_a_running_task_nobody_writes(raw: redis.Redis, coordinate: Any) -> None:
    with pytest.raises(XComAccessDenied, match=r"^'token' of extract may not be pushed: it is not known which task"):
        ExclusiveRedisXCom.store_value(coordinate("sales", RUN_ID, "extract", FIRST), "token", CANARY)

    assert raw.dbsize() == 0


def test_a_key_of_airflow_s_own_stays_plain(dag: Any, raw: redis.Redis, coordinate: Any) -> None:
    with executing(dag.get_task("extract"), ti_id=str(FIRST)):
        of_airflow = coordinate("sales", RUN_ID, "extract", FIRST)
        row = ExclusiveRedisXCom.store_value(of_airflow, "skipmixin_key", {"followed": ["load"]})

    assert row == {"followed": ["load"]}
    assert raw.dbsize() == 0


class TestUnderAirflowsOwnCalls:
    """On an Airflow that has `store_value`."""

    @pytest.fixture(autouse=True)
    def _airflow_names_instances(self) -> None:
        airflows()

    def test_airflow_takes_the_backend_for_one_that_keeps_iterations_apart(self) -> None:
        from airflow.sdk.bases.xcom import _is_legacy_xcom_backend

        assert not _is_legacy_xcom_backend(ExclusiveRedisXCom)

    def test_a_push_by_set_is_the_running_task_instances(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        with executing(dag.get_task("extract"), ti_id=str(FIRST)):
            ExclusiveRedisXCom.set("token", CANARY, dag_id="sales", task_id="extract", run_id=RUN_ID)

        assert [name.decode() for name in raw.scan_iter()] == [hash_of(FIRST)]
        assert pull(dag) == CANARY

    def test_a_removal_is_the_running_task_instances(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        put(rows, stored(dag, airflows(), CANARY, UUID(TI_ID)))

        delete(dag)

        assert (raw.dbsize(), rows.values) == (0, {})


def test_a_sealed_value_is_bound_to_its_task_instance(dag: Any, configure: Any, coordinate: Any, rows: Rows) -> None:
    configure(enforcement="server", seal_public_key=PUBLIC_TEXT)
    rows.answer = ring
    row = stored(dag, coordinate, CANARY)
    put(rows, row)
    assert pull(dag) == CANARY

    found = reference.parse(row)
    forged = replace(found, coordinate=replace(found.coordinate, ti_id=str(SECOND)))
    put(rows, forged.to_json())
    with pytest.raises(InvalidReference, match=r"^The row of 'token' of extract holds the seal of another XCom\."):
        pull(dag)
