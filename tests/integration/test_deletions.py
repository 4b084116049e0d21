"""Airflow's real REST API deletes, and what it deleted leaves a real Redis, in both modes and with both Redis users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from devtools.airflow_home import airflow_version
from devtools.redis_server import RedisServer
from devtools.redis_users import url_for
from devtools.worlds import airflow_rows
from devtools.worlds.rest_world import RestWorld, open_rest_world
from exclusive_redis_xcom.api_server.deletions.removal import BATCH
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import (
    ACL,
    API_PASSWORD,
    API_USER,
    PASSWORD,
    TTL,
    USER,
    Start,
    admin,
    open_store,
    restricted_users,
    value,
)

AT = Coordinate("sales", "run-1", "extract", "token")
RUN = "/dags/sales/dagRuns/run-1"
AIRFLOW = tuple(map(int, airflow_version().split(".")[:2]))
DELETES_XCOMS = pytest.mark.skipif(AIRFLOW < (3, 2), reason="came with Airflow 3.2")
DELETES_RUNS = pytest.mark.skipif(AIRFLOW < (3, 3), reason="came with Airflow 3.3")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer(config=restricted_users()) as running:
        yield running


#: The prefix of the restricted users.
XCOMS = "xcom-test"


@pytest.fixture(scope="module", params=[("worker", USER), ("worker", API_USER), ("server", API_USER)])
def world(request: pytest.FixtureRequest, server: RedisServer) -> Iterator[RestWorld]:
    enforcement, user = request.param
    url = url_for(server.url, user, PASSWORD if user == USER else API_PASSWORD)
    with open_rest_world(url, enforcement, key_prefix=XCOMS) as opened:
        yield opened


@pytest.fixture(scope="module")
def workers(server: RedisServer) -> Iterator[Store]:
    with open_store(server.url, deadline=60.0, read=30.0, prefix=XCOMS) as store:
        yield store


class Scene:
    """Values in Redis, with their rows."""

    def __init__(self, world: RestWorld, workers: Store, server: RedisServer) -> None:
        self.world = world
        self._workers = workers
        self._server = server

    def put(self, *coordinates: Coordinate, state: str = "success", run_state: str = "success") -> None:
        self.push(*coordinates)
        airflow_rows.put(coordinates, state=state, run_state=run_state)

    def push(self, *coordinates: Coordinate, size: int = 100) -> None:
        for at in coordinates:
            own = None if at.map_index == -1 else ACL
            self._workers.push(Push(value(at, size=size), acl=ACL, ttl=TTL, own_acl=own))

    def left(self) -> set[str]:
        """The hashes in Redis."""
        with admin(self._server) as client:
            return {name.decode() for name in client.scan_iter(f"{XCOMS}:*", count=1000) if b":!" not in name}

    def deleted(self, path: str, status: int = 204, **options: Any) -> None:
        answer = self.world.call("DELETE", path, **options)
        assert answer.status_code == status, answer.text


def hashes(*coordinates: Coordinate) -> set[str]:
    return {redis_names.hash_name(XCOMS, at) for at in coordinates}


@pytest.fixture
def scene(world: RestWorld, workers: Store, server: RedisServer) -> Iterator[Scene]:
    yield Scene(world, workers, server)
    with admin(server) as client:
        client.flushall()
    airflow_rows.empty()


def test_a_deleted_run_leaves_nothing_and_its_neighbours_everything(scene: Scene) -> None:
    alike = [replace(AT, run_id=run_id) for run_id in ("run-1 ", "run-10", "run_1", "RUN-1")]
    alike.append(replace(AT, dag_id="sales2"))
    scene.put(*(replace(AT, key=f"k{number}") for number in range(30)), *alike)
    scene.push(replace(AT, key="k0"), size=3_000_000)

    scene.deleted(RUN)

    assert scene.left() == hashes(*alike)


def test_a_run_with_thousands_of_mapped_results_goes_with_one_hash(scene: Scene) -> None:
    # Airflow's own work on these rows takes most of the time. Two and a half batches show what ten show, but for limits
    # on a number of rows, which are the same for all users and modes.
    count = 10_000 if load_settings().enforcement == "server" else 5 * BATCH // 2
    mapped = [replace(AT, task_id="parts", map_index=index) for index in range(count)]
    scene.push(*mapped[:30])
    airflow_rows.put([AT, *mapped])

    with scene.world.lag() as lag:
        scene.deleted(RUN)

    assert (scene.left(), airflow_rows.count()) == (set(), 0)
    assert lag.looks > 0


def test_a_deleted_dag_takes_all_its_runs(scene: Scene) -> None:
    stays = replace(AT, dag_id="other")
    scene.put(*(replace(AT, run_id=f"run-{number}") for number in range(5)), stays)

    scene.deleted("/dags/sales")

    assert scene.left() == hashes(stays)


def test_a_deleted_task_instance_takes_its_own(scene: Scene) -> None:
    parts = [replace(AT, task_id="parts", map_index=index) for index in range(3)]
    scene.put(AT, *parts)

    answer = scene.world.call("DELETE", f"{RUN}/taskInstances/extract")

    assert answer.status_code in (200, 204), answer.text
    assert scene.left() == hashes(parts[0])


@DELETES_XCOMS
def test_a_deleted_xcom_goes_and_the_other_results_of_its_hash_stay(scene: Scene, workers: Store) -> None:
    parts = [replace(AT, task_id="parts", map_index=index) for index in range(3)]
    scene.put(AT, replace(AT, key="other"), *parts)

    scene.deleted(f"{RUN}/taskInstances/extract/xcomEntries/token")
    scene.deleted(f"{RUN}/taskInstances/parts/xcomEntries/token", params={"map_index": 1})

    assert scene.left() == hashes(replace(AT, key="other"), parts[0])
    assert [workers.fetch(at).envelope is not None for at in parts] == [True, False, True]


@DELETES_RUNS
def test_of_a_bulk_request_what_airflow_deleted_goes(scene: Scene) -> None:
    runs = [replace(AT, run_id=f"run-{number}") for number in range(3)]
    scene.put(*runs[:2])
    scene.put(runs[2], run_state="running")
    entities = [{"dag_id": "sales", "dag_run_id": at.run_id} for at in (runs[0], runs[2])]

    answer = scene.world.call(
        "PATCH", "/dags/~/dagRuns", json={"actions": [{"action": "delete", "entities": entities}]}
    )

    assert (answer.status_code, answer.json()["delete"]["success"]) == (200, ["sales.run-0"]), answer.text
    assert scene.left() == hashes(*runs[1:])


def test_what_airflow_refuses_stays(scene: Scene) -> None:
    running = replace(AT, run_id="run-2")
    scene.put(AT)
    scene.put(running, state="running", run_state="running")

    scene.deleted(RUN, 401, anonymous=True)
    scene.deleted("/dags/sales/dagRuns/run-2", 409)
    scene.deleted("/dags/sales", 409)
    scene.deleted("/dags/sales/dagRuns/run-3", 404)

    assert scene.left() == hashes(AT, running)


def test_without_redis_the_answer_is_airflows_and_one_line_says_what_stays(
    start_redis: Start, caplog: pytest.LogCaptureFixture
) -> None:
    redis = start_redis()
    with open_rest_world(redis.url, "worker", direct_pulls="off") as world:
        airflow_rows.put([replace(AT, key=f"canary {number}") for number in range(3)])
        redis.stop()

        answer = world.call("DELETE", RUN)

    assert (answer.status_code, answer.text) == (204, "")
    assert [record.message for record in caplog.records if record.name == "exclusive_redis_xcom"] == [
        "Up to 3 deleted XComs are still in Redis: StoreUnavailable. "
        "Nobody can reach them without their rows, and they expire with their TTL."
    ]
