"""A real API server that watches over XCom rows, with a Redis of its own: what a task may read directly, and when."""

from __future__ import annotations

import itertools
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
import redis

from devtools import processes
from devtools.airflow_home import airflow_version
from devtools.airflow_stack import free_port, wait_until
from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.api_caller import Caller
from devtools.worlds.api_plan import SALES, at
from devtools.worlds.api_world import World
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate
from exclusive_redis_xcom.store import Push, Store
from tests.acceptance.ring.copies import copy_dag

AIRFLOW = tuple(map(int, airflow_version().split(".")[:2]))
PREFIX = "watched"
SERVERS = redis_names.servers_name(PREFIX)
TTL = timedelta(minutes=10)

_numbers = itertools.count()


@dataclass
class WatchedServer:
    """The server, people's and tasks' requests to it, and what is in Redis."""

    caller: Caller
    redis_server: RedisServer
    redis: redis.Redis
    store: Store
    env: dict[str, str]

    def push(self, coordinate: Coordinate) -> httpx.Response:
        """What a task's process and its supervisor do."""
        version, now = secrets.token_hex(16), datetime.now(timezone.utc)
        envelope = Envelope(
            coordinate=coordinate,
            version=version,
            codec="msgpack",
            compression="off",
            decoded_size=3,
            pushed_at=now,
            payload=(b"abc",),
        )
        own = None if coordinate.map_index == NOT_MAPPED else b"{}"
        self.store.push(Push(envelope, acl=b"{}", ttl=TTL, own_acl=own, watched=True))
        shown = Reference(coordinate, version, "str", 3, (), "rule", now, now + TTL)
        return self.caller.xcom("owner", "POST", coordinate, json=shown.to_json())

    def current(self, *coordinates: Coordinate) -> list[Coordinate]:
        """Those that a task would read directly."""
        return [one for one in coordinates if self.store.fetch_current(one) is not None]

    def push_until_current(self, *coordinates: Coordinate) -> None:
        """Marks count a second after a server has begun, or after all marks have lost their worth."""

        def all_are() -> bool:
            for one in coordinates:
                assert self.push(one).status_code == 201
            return self.current(*coordinates) == list(coordinates)

        wait_until(all_are, 30, lambda: f"not current: {coordinates}; servers: {self.redis.hgetall(SERVERS)}")

    def rest(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        return self.caller.call("ui", method, f"/api/v2/dags{path}", **kwargs)

    def new_run(self) -> str:
        run_id = f"watch-{next(_numbers)}"
        answer = self.rest("POST", f"/{SALES}/dagRuns", json={"dag_run_id": run_id, "logical_date": None})
        assert answer.status_code == 200, answer.text
        return run_id

    def servers(self) -> int:
        told: Any = self.redis.hget(SERVERS, redis_names.SERVERS_FIELD)
        return (told or b"").count(b";")

    def epoch(self) -> int:
        return int(self.redis.hget(SERVERS, redis_names.EPOCH_FIELD) or 0)

    def airflow(self, *arguments: str, **env: str) -> str:
        """What an `airflow` command says."""
        command = [sys.executable, "-m", "airflow", *arguments]
        done = subprocess.run(command, env=self.env | env, capture_output=True, text=True, timeout=120, check=False)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def watched(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedServer]:
    with RedisServer() as server, redis.Redis.from_url(server.url) as connection:
        ours = {f"{OURS}ENFORCEMENT": "worker", f"{OURS}REDIS_URL": server.url, f"{OURS}KEY_PREFIX": PREFIX}
        client = RedisClient(options_from_url(server.url), Timeouts(1.0, 2.0, 5.0))
        ours |= {name: text for name, text in world.airflow.env.items() if "SIMPLE_AUTH_MANAGER" in name}
        with world.serve(tmp_path_factory.mktemp("watching"), ours) as caller:
            env = {**world.airflow.env, **ours}
            yield WatchedServer(caller, server, connection, Store(client, key_prefix=PREFIX), env)
            assert [name for name in connection.scan_iter() if connection.ttl(name) == -1] == []
        assert connection.hget(SERVERS, redis_names.SERVERS_FIELD) == b""  # it has taken leave
        client.close()


@pytest.fixture
def run_id(watched: WatchedServer) -> str:
    return watched.new_run()


def path(one: Coordinate) -> str:
    return f"/{one.dag_id}/dagRuns/{one.run_id}/taskInstances/{one.task_id}/xcomEntries"


def test_what_a_task_pushes_is_current_as_soon_as_it_hears_of_that(watched: WatchedServer) -> None:
    one = at("extract", "pushed")
    watched.push_until_current(one)
    for _ in range(20):
        watched.push(one)
        assert watched.current(one) == [one]


def test_the_servers_are_forgotten_with_them(watched: WatchedServer) -> None:
    assert 0 < watched.redis.pttl(SERVERS) <= 60_000


@pytest.mark.parametrize("body", ["plain", {"exclusive_redis_xcom": {"v": 1}}, None])
def test_a_task_that_writes_something_else_makes_it_old(watched: WatchedServer, body: Any) -> None:
    one = at("extract", "overwritten")
    watched.push_until_current(one)

    answer = watched.caller.xcom("owner", "POST", one, json=body)

    assert (answer.status_code, watched.current(one)) == (201, [])


def test_a_task_that_deletes_makes_it_old(watched: WatchedServer) -> None:
    one, other = at("parts", "deleted", map_index=0), at("parts", "deleted", map_index=1)
    watched.push_until_current(one, other)

    answer = watched.caller.xcom("part 0", "DELETE", one)

    assert (answer.status_code, watched.current(one, other)) == (200, [other])


@pytest.mark.parametrize("who", [None, "garbage", "expired", "earlier try"])
def test_what_airflow_refuses_leaves_it_current(watched: WatchedServer, who: str | None) -> None:
    one = at("extract", "refused")
    watched.push_until_current(one)

    answers = [watched.caller.xcom(who, "DELETE", one), watched.caller.xcom(who, "POST", one, json="mine")]

    if all(answer.is_error for answer in answers):
        assert watched.current(one) == [one]
    else:  # Airflow lets tokens of earlier tries in
        assert who == "earlier try"
        assert watched.current(one) == []


class TestPeople:
    def test_who_edit_an_xcom_make_it_old(self, watched: WatchedServer, run_id: str) -> None:
        one, other = at("extract", "a/b", run_id=run_id), at("extract", "other", run_id=run_id)
        watched.push_until_current(one, other)

        answer = watched.rest("PATCH", f"{path(one)}/a/b", json={"value": "mine"})

        assert (answer.status_code, watched.current(one, other)) == (200, [other]), answer.text

    def test_who_may_not_leave_it_current(self, watched: WatchedServer, run_id: str) -> None:
        one = at("extract", "kept", run_id=run_id)
        watched.push_until_current(one)

        answers = [
            watched.caller.call(None, "PATCH", f"/api/v2/dags{path(one)}/kept", json={"value": 1}),
            watched.caller.call("consumer", "DELETE", f"/api/v2/dags/{SALES}/dagRuns/{run_id}"),
        ]
        assert [answer.is_error for answer in answers] == [True, True]
        assert watched.current(one) == [one]

        allowed = watched.rest("POST", path(one), json={"key": "kept", "value": 1})
        assert (allowed.status_code, watched.current(one)) == (409, [])  # better once too often

    @pytest.mark.skipif(AIRFLOW < (3, 2), reason="came with Airflow 3.2")
    def test_who_delete_one_of_a_mapped_task_make_that_old(self, watched: WatchedServer, run_id: str) -> None:
        parts = [at("parts", run_id=run_id, map_index=index) for index in range(2)]
        watched.push_until_current(*parts)

        answer = watched.rest("DELETE", f"{path(parts[0])}/token", params={"map_index": 0})

        assert (answer.status_code, watched.current(*parts)) == (204, [parts[1]]), answer.text

    def test_who_delete_a_run_make_all_of_it_old(self, watched: WatchedServer, run_id: str) -> None:
        doomed = watched.new_run()
        gone = [at("parts", run_id=doomed, map_index=0), at("extract", run_id=doomed)]
        stays = at("extract", run_id=run_id)
        watched.push_until_current(*gone, stays)

        answer = watched.rest("DELETE", f"/{SALES}/dagRuns/{doomed}")

        assert (answer.status_code, watched.current(*gone, stays)) == (204, [stays]), answer.text

    def test_who_delete_a_task_instance_make_what_it_pushed_old(self, watched: WatchedServer, run_id: str) -> None:
        one = at("extract", run_id=run_id)
        watched.push_until_current(one)

        answer = watched.rest("DELETE", f"/{SALES}/dagRuns/{run_id}/taskInstances/extract")

        assert (answer.is_success, watched.current(one)) == (True, []), answer.text
        watched.push_until_current(at("load", run_id=run_id))

    def test_who_delete_in_bulk_do_so_too(self, watched: WatchedServer, run_id: str) -> None:
        one = at("extract", run_id=run_id)
        watched.push_until_current(one)
        action = {"action": "delete", "action_on_non_existence": "skip", "entities": ["extract"]}

        answer = watched.rest("PATCH", f"/{SALES}/dagRuns/{run_id}/taskInstances", json={"actions": [action]})

        assert (answer.status_code, watched.current(one)) == (200, []), answer.text

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_who_clear_a_run_make_it_old_unless_they_only_ask(
        self, watched: WatchedServer, run_id: str, dry_run: bool
    ) -> None:
        one = at("extract", run_id=run_id)
        watched.push_until_current(one)

        answers = [
            watched.rest("POST", f"/{SALES}/dagRuns/{run_id}/clear", json={"dry_run": dry_run}),
            watched.rest("POST", f"/{SALES}/clearTaskInstances", json={"dry_run": dry_run, "dag_run_id": run_id}),
        ]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert watched.current(one) == ([one] if dry_run else [])

    def test_who_delete_a_dag_make_all_of_it_old(self, watched: WatchedServer, world: World, run_id: str) -> None:
        copy_dag(world, "other", "watched-and-doomed")
        one, stays = at("load", dag_id="watched-and-doomed"), at("extract", run_id=run_id)
        watched.push_until_current(one, stays)

        answer = watched.rest("DELETE", "/watched-and-doomed")

        assert (answer.status_code, watched.current(one, stays)) == (204, [stays]), answer.text


class TestCommands:
    @pytest.mark.parametrize(
        "command",
        [
            ("db", "clean", "--yes", "--clean-before-timestamp", "2001-01-01"),
            ("dags", "delete", "--yes", "there-is-none"),
            ("tasks", "clear", "--yes", "-s", "2001-01-01", "-e", "2001-01-02", SALES),
        ],
        ids=lambda command: " ".join(command[:2]),
    )
    def test_that_change_rows_make_all_old(self, watched: WatchedServer, command: tuple[str, ...]) -> None:
        one = at("extract", "commanded")
        watched.push_until_current(one)

        said = watched.airflow(*command)

        assert watched.current(one) == [], said
        assert "Redis could not be told" not in said

    def test_that_do_not_leave_it_current(self, watched: WatchedServer) -> None:
        one = at("extract", "not commanded")
        watched.push_until_current(one)
        before = watched.epoch()

        watched.airflow("dags", "list")
        watched.airflow("db", "clean", "--dry-run", "--yes", "--clean-before-timestamp", "2001-01-01")

        assert (watched.current(one), watched.epoch()) == ([one], before)

    def test_warn_where_redis_is_not_there_and_say_what_to_do(self, watched: WatchedServer) -> None:
        nobody = {f"{OURS}REDIS_URL": "redis://user:canary@127.0.0.1:1/0"}

        said = watched.airflow("dags", "delete", "--yes", "there-is-none", **nobody)

        assert "Redis could not be told of `airflow dags delete`" in said
        assert "Restart an API server" in said
        assert "canary" not in said

    def test_find_a_connection_of_the_database(self, watched: WatchedServer) -> None:
        connection = {
            "connection_id": "watched_redis",
            "conn_type": "redis",
            "host": "127.0.0.1",
            "port": watched.redis_server.port,
        }
        assert watched.caller.call("ui", "POST", "/api/v2/connections", json=connection).status_code == 201
        named = {f"{OURS}REDIS_URL": "", f"{OURS}REDIS_CONN_ID": "watched_redis"}
        one = at("extract", "by connection")
        watched.push_until_current(one)

        said = watched.airflow("dags", "delete", "--yes", "there-is-none", **named)

        assert watched.current(one) == [], said


def test_an_answer_that_redis_cannot_be_told_of_is_held_until_nobody_reads_directly(watched: WatchedServer) -> None:
    one = at("extract", "held")
    watched.push_until_current(one)
    answers: list[httpx.Response] = []
    change = threading.Thread(target=lambda: answers.append(watched.caller.xcom("owner", "POST", one, json="plain")))

    watched.redis_server.pause()
    try:
        change.start()
        change.join(60)
        again = watched.caller.xcom("owner", "POST", one, json="plain")  # nothing to wait for any more
    finally:
        watched.redis_server.resume()

    assert [answer.status_code for answer in (*answers, again)] == [201, 201]
    assert watched.current(one) == []
    watched.push_until_current(at("extract", "after that"))
    assert watched.current(one) == []


def test_an_execution_only_server_watches_and_takes_leave(
    watched: WatchedServer, world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port, log = free_port(), tmp_path_factory.mktemp("execution-only-watch") / "server.log"
    app = "exclusive_redis_xcom.asgi:execution_app"
    command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    program = processes.start("execution-only", command, env=watched.env, log=log, outlive=False)
    caller = Caller(f"http://127.0.0.1:{port}", world.tokens)
    one = at("extract", "execution-only")
    try:
        wait_until(caller.answers, 120, lambda: processes.tail(log, 50))
        watched.push_until_current(one)  # through the other: both are heard of
        assert watched.servers() == 2
        answer = caller.xcom("owner", "POST", one, json="plain")
        assert (answer.status_code, watched.current(one)) == (201, [])
    finally:
        caller.close()
        processes.stop([program])

    assert watched.servers() == 1


def test_values_are_not_in_the_log(watched: WatchedServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    watched.caller.xcom("owner", "POST", at("extract", "canary"), json="canary-of-a-value")

    logs = [
        file.read_bytes() for file in tmp_path_factory.getbasetemp().glob("watching*/stack-logs/*") if file.is_file()
    ]

    assert logs
    assert not [log for log in logs if b"canary-of-a-value" in log]
