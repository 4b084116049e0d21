"""API servers that watch, a real Redis that fails them, and tasks that read past them: no task reads what was changed.

The rule under test: when somebody has the answer to a change of a row, no task reads directly what was there before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.redis_sets import wait_until
from devtools.redis_users import url_for
from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import (
    ACL,
    API_PASSWORD,
    API_USER,
    PREFIX,
    TTL,
    Start,
    at,
    open_store,
    restricted_users,
    value,
)

AT, OTHER = at(key="watched"), at(key="other")
SERVERS = redis_names.servers_name(PREFIX)
HEADERS = [(b"content-type", b"application/json"), (b"authorization", b"Bearer token")]
TASK = "00000000-0000-0000-0000-000000000001"


async def validate(_token: str, _required: dict[str, Any]) -> dict[str, Any]:
    return {"sub": TASK}


class Rows:
    """Airflow's table: what a row refers to. Slow now and then, as databases are."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.meanwhile: Callable[[], Any] = lambda: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await asyncio.to_thread(self.meanwhile)
        if scope["method"] == "DELETE":
            self.values.pop(scope["path"], None)
        else:
            self.values[scope["path"]] = json.loads(body)
        await asyncio.to_thread(self.meanwhile)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


class Server:
    """An API server's middleware in this process, with the settings, threads and patience of a real one."""

    def __init__(self, url: str, rows: Rows) -> None:
        settings = replace(load_settings(), redis_url=url, key_prefix=PREFIX)
        self.watch = Watch(rows, settings=settings, validate=validate)
        asyncio.run(self._ask("GET", OTHER))

    @property
    def id(self) -> str:
        return str(self.watch._heart.id)

    def post(self, coordinate: Coordinate, body: Any) -> None:
        asyncio.run(self._ask("POST", coordinate, json.dumps(body).encode()))

    def delete(self, coordinate: Coordinate) -> None:
        asyncio.run(self._ask("DELETE", coordinate))

    def stop(self) -> None:
        self.watch._heart.stop()
        for source in (self.watch._heart._source, self.watch._teller._source):
            source()._client.close()

    async def _ask(self, method: str, coordinate: Coordinate, body: bytes = b"{}") -> None:
        ids = (coordinate.dag_id, coordinate.run_id, coordinate.task_id, coordinate.key)
        scope = {
            **{"type": "http", "method": method, "path": "/execution/xcoms/" + "/".join(ids), "root_path": ""},
            **{
                "query_string": b"",
                "headers": [(b"content-type", b"application/json"), (b"authorization", b"Bearer t")],
            },
        }
        answered: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            answered.append(message)

        await self.watch(scope, receive, send)
        assert answered[0]["status"] == 200


class Scene:
    """One Redis, any number of API servers, a worker's pushes and a task's reads."""

    def __init__(self, server: RedisServer, store: Store) -> None:
        self.redis = server
        self.store = store
        self.rows = Rows()
        self.servers: list[Server] = []
        self._url = url_for(server.url, API_USER, API_PASSWORD)

    def serve(self) -> Server:
        self.servers.append(Server(self._url, self.rows))
        return self.servers[-1]

    def push(self, server: Server, coordinate: Coordinate = AT) -> str:
        envelope = value(coordinate)
        pushed_at = self.store.push(Push(envelope, acl=ACL, ttl=TTL, watched=True))
        shown = Reference(coordinate, envelope.version, "str", 1, (), "rule", pushed_at, pushed_at + TTL)
        server.post(coordinate, shown.to_json())
        return envelope.version

    def read(self, coordinate: Coordinate = AT) -> str | None:
        """The version that a task would take directly."""
        found = self.store.fetch_current(coordinate)
        envelope = found and found.stored[0].envelope
        return envelope.version if envelope else None

    def push_until_read(self, server: Server, coordinate: Coordinate = AT) -> None:
        """Push until it is read directly: marks count a second after the epoch."""

        def is_read() -> bool:
            self.push(server, coordinate)
            return self.read(coordinate) is not None

        wait_until(is_read, what="a pull that is direct", seconds=30)

    def refuse_servers(self) -> None:
        """Nothing API servers ask for is done, while tasks still read."""
        with redis.Redis.from_url(self.redis.url) as admin:
            admin.execute_command("ACL", "SETUSER", API_USER, "off")
            admin.execute_command("CLIENT", "KILL", "USER", API_USER)

    def accept_servers(self) -> None:
        with redis.Redis.from_url(self.redis.url) as admin:
            admin.execute_command("ACL", "SETUSER", API_USER, "on")


@pytest.fixture
def scene(start_redis: Start) -> Iterator[Scene]:
    server = start_redis(config=restricted_users())
    with open_store(server.url) as store:
        made = Scene(server, store)
        yield made
        for one in made.servers:
            one.stop()


@contextlib.contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


@pytest.mark.parametrize(("how", "change"), [("paused", "deleted"), ("refused", "overwritten")])
def test_what_redis_cannot_be_told_is_answered_when_nobody_reads_directly_any_more(
    scene: Scene, how: str, change: str
) -> None:
    server = scene.serve()
    scene.push_until_read(server)
    begin, end = (
        (scene.redis.pause, scene.redis.resume) if how == "paused" else (scene.refuse_servers, scene.accept_servers)
    )

    begin()
    try:
        server.delete(AT) if change == "deleted" else server.post(AT, "plain")
        server.delete(OTHER)  # is not held: nobody believes this server
        if how == "refused":
            assert scene.read() is None
    finally:
        end()

    assert scene.read() is None
    scene.push_until_read(server, OTHER)  # tasks read directly again
    assert scene.read() is None


def test_until_then_it_is_not_answered(scene: Scene) -> None:
    server = scene.serve()
    scene.push_until_read(server)
    scene.refuse_servers()

    with meanwhile(lambda: server.delete(AT)) as change:
        read = []
        for _ in range(20):
            time.sleep(0.05)
            read.append((change.done(), scene.read()))
        scene.accept_servers()

    assert any(version for _, version in read)  # so it is for a reason
    assert not [version for answered, version in read if answered and version]
    assert scene.read() is None


def test_one_server_that_cannot_tell_redis_is_enough(scene: Scene) -> None:
    silent, other = Server(scene.redis.url, scene.rows), scene.serve()
    scene.push_until_read(silent)
    scene.refuse_servers()

    other.delete(AT)

    assert scene.read() is None
    silent.stop()
    scene.accept_servers()


def test_a_redis_that_has_lost_everything_begins_anew(scene: Scene) -> None:
    server = scene.serve()
    scene.push_until_read(server)

    scene.redis.kill()
    server.delete(AT)
    scene.redis.start()

    assert scene.read() is None
    with redis.Redis.from_url(scene.redis.url) as admin:
        assert not admin.exists(redis_names.hash_name(PREFIX, AT))
    scene.push_until_read(server)


def test_a_push_that_a_deletion_on_another_server_overtakes_is_not_read(scene: Scene) -> None:
    slow, quick = scene.serve(), Server(scene.redis.url, Rows())
    scene.push_until_read(slow)
    in_the_middle, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        in_the_middle.set()
        go_on.wait(10)

    scene.rows.meanwhile = wait
    with meanwhile(lambda: scene.push(slow)):
        assert in_the_middle.wait(10)
        quick.delete(AT)
        go_on.set()

    assert scene.read() is None
    quick.stop()


HEART = """
import sys, time
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.api_server.watch.heartbeat import Heartbeat
from exclusive_redis_xcom.store import Store
store = Store(RedisClient(options_from_url(sys.argv[1]), Timeouts(0.5, 0.5, 1.5)), key_prefix=sys.argv[2])
heart = Heartbeat(lambda: store)
heart.start()
print(heart.id, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def neighbour(scene: Scene) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another API server's process, and its id."""
    command = [sys.executable, "-c", HEART, scene.redis.url, PREFIX]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        own = process.stdout.readline().strip()
        wait_until(lambda: own in known(scene), what="its first beat")
        yield process, own
        process.kill()


def known(scene: Scene) -> str:
    with redis.Redis.from_url(scene.redis.url) as admin:
        return str((admin.hget(SERVERS, redis_names.SERVERS_FIELD) or b"").decode())


class TestANeighbour:
    def test_that_ends_takes_leave_and_is_not_waited_for(
        self, scene: Scene, neighbour: tuple[subprocess.Popen[str], str]
    ) -> None:
        process, own = neighbour
        scene.push_until_read(scene.serve())

        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0

        assert own not in known(scene)
        assert scene.read() is not None

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
    def test_that_is_not_heard_of_keeps_tasks_from_reading_for_a_minute_and_its_misses_do_not_come_back(
        self, scene: Scene, neighbour: tuple[subprocess.Popen[str], str], how: signal.Signals
    ) -> None:
        process, own = neighbour
        server = scene.serve()
        scene.push_until_read(server)

        process.send_signal(how)
        wait_until(lambda: scene.read() is None, what="that it is missed", seconds=20)
        with redis.Redis.from_url(scene.redis.url) as admin:  # a minute later
            text = known(scene)
            _, last, ahead = next(entry.split() for entry in text.split(";") if entry.startswith(own))
            entry = f"{own} {last} {ahead};"
            admin.hset(SERVERS, redis_names.SERVERS_FIELD, text.replace(entry, f"{own} {int(last) - 60_000} {ahead};"))
        wait_until(lambda: own not in known(scene), what="that it is forgotten")

        assert scene.read() is None
        scene.push_until_read(server)


class RowChanger:
    """Changes one row again and again, through one server or another, and knows what it has been told is done."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.at = at(key=f"written-{seed}")
        self._scene = scene
        self._dice = random.Random(seed)  # noqa: S311 - a test's dice
        self._servers = [scene.serve(), scene.serve()]
        self.versions: dict[str, int] = {}
        self.done = 0

    def run(self, until: float) -> None:
        number = 0
        while time.monotonic() < until:
            number += 1
            server = self._dice.choice(self._servers)
            change = self._dice.choice(["push", "push", "delete", "plain"])
            if change == "push":
                self._push(server, number)
            elif change == "delete":
                server.delete(self.at)
            else:
                server.post(self.at, "plain")
            self.done = number

    def _push(self, server: Server, number: int) -> None:
        envelope = value(self.at)
        self.versions[envelope.version] = number
        pushed_at = self._scene.store.push(Push(envelope, acl=ACL, ttl=TTL, watched=True))
        shown = Reference(self.at, envelope.version, "str", 1, (), "rule", pushed_at, pushed_at + TTL)
        server.post(self.at, shown.to_json())


def test_under_load_no_task_reads_what_was_changed_before_it_asked(scene: Scene) -> None:
    dice = random.Random(0)  # noqa: S311 - as above
    scene.rows.meanwhile = lambda: time.sleep(dice.random() * 0.004)
    writers = [RowChanger(scene, seed) for seed in range(3)]
    wrong: list[str] = []
    direct = 0
    end = time.monotonic() + 8
    with ThreadPoolExecutor(len(writers)) as pool:
        running = [pool.submit(writer.run, end) for writer in writers]
        while time.monotonic() < end:
            for writer in writers:
                done = writer.done
                version = scene.read(writer.at)
                if version is not None:
                    direct += 1
                    if writer.versions[version] < done:
                        wrong.append(f"{writer.at}: change {writer.versions[version]}, after {done} was answered")
        for one in running:
            one.result()

    assert wrong == []
    assert direct > 20


def test_ids_of_servers_are_their_own(scene: Scene) -> None:
    ids = {scene.serve().id for _ in range(3)}

    wait_until(lambda: all(own in known(scene) for own in ids), what="all first beats")
    assert len(ids) == 3
    assert secrets.token_hex(16) not in known(scene)
