"""Collecting objects that Redis no longer names: a local directory as object storage, and real Redis servers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from devtools.components import OURS
from devtools.redis_server import RedisServer
from exclusive_redis_xcom.cli.gc import collecting
from exclusive_redis_xcom.cli.gc.collecting import NoneInUse, Outcome, collect
from exclusive_redis_xcom.formats.object_names import object_name
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.object_storage import Listed, ObjectStorage
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import (
    ACL,
    API_PASSWORD,
    API_USER,
    PASSWORD,
    PREFIX,
    TTL,
    USER,
    at,
    open_store,
    value,
)

HOUR = timedelta(hours=1)
LONG = Coordinate("d" * 250, "ü" * 250, "task/" * 50, "..", 12)


@pytest.fixture(params=["redis_on_path", "redis_62", "cluster", "the workers' user", "the API servers' user"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    logins = {"the workers' user": (USER, PASSWORD), "the API servers' user": (API_USER, API_PASSWORD)}
    login = logins.get(request.param)
    server = request.getfixturevalue("redis_on_path" if login else request.param)
    url = server.url if login is None else server.url.replace("://", f"://{login[0]}:{login[1]}@")
    with open_store(server.url) as pushing, open_store(url) as collecting_:
        collecting_.push = pushing.push  # type: ignore[method-assign]  # that user may not
        yield collecting_


@pytest.fixture
def any_store(any_redis: RedisServer) -> Iterator[Store]:
    with open_store(any_redis.url) as opened:
        yield opened


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "xcoms"


@pytest.fixture
def storage(root: Path) -> ObjectStorage:
    return ObjectStorage(f"file://{root}")


def spill(storage: ObjectStorage, coordinate: Coordinate, store: Store | None = None, *, age: timedelta) -> str:
    """An object as a push writes it; with `store`, Redis is told of it, too. Its name."""
    whole = value(coordinate, size=1000)
    name = object_name(coordinate, whole.version)
    envelope = whole.spilled_to(name)
    storage.write(name, (envelope.pack(), *whole.payload))
    set_age(storage, name, age)
    if store is not None:
        store.push(Push(envelope, acl=ACL, ttl=TTL))
    return name


def set_age(storage: ObjectStorage, name: str, age: timedelta) -> None:
    then = time.time() - age.total_seconds()
    os.utime(storage._path(name), (then, then))


def run(store: Store, storage: ObjectStorage, *, dry_run: bool = False, force: bool = False) -> Outcome:
    return collect(store, storage, written_before=datetime.now(timezone.utc) - HOUR, dry_run=dry_run, force=force)


def names(storage: ObjectStorage) -> set[str]:
    return {listed.name for listed in storage.listing()}


def test_what_redis_names_stays_and_the_rest_goes(store: Store, storage: ObjectStorage) -> None:
    named = {spill(storage, coordinate, store, age=9 * HOUR) for coordinate in (at(), at(3), at(key="other"), LONG)}
    for coordinate in (at(task_id="gone"), at(4), at(3), LONG):  # the last two: older versions
        spill(storage, coordinate, age=9 * HOUR)

    outcome = run(store, storage)

    assert names(storage) == named
    assert (outcome.in_use.objects, outcome.removed.objects) == (4, 4)
    assert outcome.removed.bytes > 4 * 1000
    assert outcome.young.objects == outcome.foreign.objects == 0


def test_the_object_of_a_hash_that_is_gone_goes(store: Store, storage: ObjectStorage) -> None:
    spill(storage, at(), store, age=9 * HOUR)
    store.purge(at())

    assert run(store, storage).removed.objects == 1
    assert names(storage) == set()


def test_a_young_object_stays_since_its_push_may_not_be_over(any_store: Store, storage: ObjectStorage) -> None:
    young = spill(storage, at(), age=HOUR - timedelta(minutes=1))
    spill(storage, at(), age=HOUR + timedelta(minutes=1))

    outcome = run(any_store, storage)

    assert names(storage) == {young}
    assert (outcome.young.objects, outcome.removed.objects) == (1, 1)


def test_a_young_object_needs_no_head_yet(any_store: Store, storage: ObjectStorage) -> None:
    name = object_name(at(), "0" * 32)
    storage.write(name, (b"",))

    outcome = run(any_store, storage)

    assert names(storage) == {name}
    assert outcome.foreign.objects == 0


def test_an_object_whose_age_nobody_tells_is_as_old_as_its_value(
    any_store: Store, storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = spill(storage, at(), age=9 * HOUR)
    monkeypatch.setattr(storage, "listing", lambda: iter([Listed(name, 1000, None)]))

    assert run(any_store, storage).young.objects == 1


def test_what_is_not_ours_stays_and_is_told(any_store: Store, storage: ObjectStorage) -> None:
    ours = spill(storage, at(), age=9 * HOUR)
    content = bytearray(storage.size(ours))
    storage.read(ours, memoryview(content))
    foreign = {
        "README": b"",
        "dag/note": b"x",
        "a/b/c/d/e/f/g": b"x",
        object_name(at(), "1" * 32): b"",  # cut before its head
        object_name(at(), "2" * 32): b"no head" * 100,
        object_name(at(), "3" * 32): bytes(content),  # the head of another one
        object_name(LONG, "4" * 32): bytes(content),
        object_name(LONG, "5" * 32): b"XRX\2\xff\xff\xff\xff" + bytes(100),
    }
    for name, data in foreign.items():
        storage.write(name, (data,))
        set_age(storage, name, 9 * HOUR)

    outcome = run(any_store, storage)

    assert names(storage) == set(foreign)
    assert outcome.foreign.objects == len(foreign)
    assert set(outcome.foreign_names) == set(foreign)
    assert outcome.removed.objects == 1


def test_a_dry_run_removes_nothing_and_counts_the_same(any_store: Store, storage: ObjectStorage) -> None:
    name = spill(storage, at(), age=9 * HOUR)

    assert run(any_store, storage, dry_run=True).removed.objects == 1
    assert names(storage) == {name}


def test_a_push_between_the_look_and_the_removal_is_noticed(
    any_store: Store, storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = value(at(), size=1000)
    name = object_name(at(), whole.version)
    envelope = whole.spilled_to(name)
    storage.write(name, (envelope.pack(), *whole.payload))
    set_age(storage, name, 9 * HOUR)
    asked: list[list[str | None]] = []
    spilled = any_store.spilled

    def ask_and_then_push(coordinates: list[Coordinate]) -> list[str | None]:
        asked.append(spilled(coordinates))
        any_store.push(Push(envelope, acl=ACL, ttl=TTL))
        return asked[-1]

    monkeypatch.setattr(any_store, "spilled", ask_and_then_push)

    outcome = run(any_store, storage)

    assert asked == [[None], [name]]
    assert names(storage) == {name}
    assert (outcome.in_use.objects, outcome.removed.objects) == (1, 0)


def test_another_redis_that_names_nothing_removes_nothing(
    any_store: Store, storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "SUSPICIOUSLY_MANY", 3)
    kept = {spill(storage, at(index), age=9 * HOUR) for index in range(3)}

    with pytest.raises(NoneInUse):
        run(any_store, storage)
    assert names(storage) == kept

    assert run(any_store, storage, force=True).removed.objects == 3
    assert names(storage) == set()


def test_one_that_is_in_use_tells_that_it_is_the_right_redis(
    any_store: Store, storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "SUSPICIOUSLY_MANY", 3)
    for index in range(3):
        spill(storage, at(index), age=9 * HOUR)
    spill(storage, at(3), any_store, age=timedelta())

    assert run(any_store, storage).removed.objects == 3


def test_any_number_of_objects_takes_a_few_megabytes(
    any_store: Store, storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 8_000
    old = datetime.now(timezone.utc) - 9 * HOUR
    head = value(at()).spilled_to("")

    def listing() -> Iterator[Listed]:
        return (Listed(object_name(at(index), f"{index:032x}"), 1000, old) for index in range(many))

    def read(name: str, into: memoryview) -> int:
        index = int(name.split("/")[-2])
        data = replace_head(index, name)
        into[: len(data)] = data
        return len(data)

    def replace_head(index: int, name: str) -> bytes:
        from dataclasses import replace

        return replace(head, coordinate=at(index), version=f"{index:032x}", spilled=name).pack()

    monkeypatch.setattr(storage, "listing", listing)
    monkeypatch.setattr(storage, "read", read)
    monkeypatch.setattr(any_store, "spilled", lambda coordinates: [None] * len(coordinates))
    tracemalloc.start()
    outcome = run(any_store, storage, dry_run=True, force=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert outcome.removed.objects == many
    assert peak < 3 * 2**20


class TestTheCommand:
    @pytest.fixture
    def gc(self, any_redis: RedisServer, root: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
        def run_command(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
            settings = {"redis_url": any_redis.url, "key_prefix": PREFIX, "spill_path": f"file://{root}"}
            settings |= {"retry_deadline": "0", **options}
            environment = {f"{OURS}{name.upper()}": text for name, text in settings.items()}
            return subprocess.run(
                [sys.executable, "-m", "exclusive_redis_xcom.cli", "gc", *arguments],
                env=os.environ | environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

        return run_command

    def test_it_says_what_it_did(
        self, gc: Callable[..., subprocess.CompletedProcess[str]], any_store: Store, storage: ObjectStorage, root: Path
    ) -> None:
        spill(storage, at(), any_store, age=9 * HOUR)
        spill(storage, at(1), age=2 * HOUR)
        spill(storage, at(2), age=9 * HOUR)
        storage.write("other\x1b[2J", (b"x",))

        done = gc("--older-than", "3h")

        assert done.returncode == 0, done.stderr
        lines = [line.split() for line in done.stdout.splitlines()]
        assert lines == [
            [f"file://{root}"],
            ["in", "use", "1", "1.1", "KiB"],
            ["too", "young", "to", "tell", "1", "1.1", "KiB"],
            ["removed", "1", "1.1", "KiB"],
            ["not", "ours,", "left", "1", "1", "B"],
            ["left:", "other?[2J"],
        ]

    def test_a_dry_run_says_what_it_would_do(
        self, gc: Callable[..., subprocess.CompletedProcess[str]], storage: ObjectStorage
    ) -> None:
        spill(storage, at(), age=9 * HOUR)

        done = gc("--dry-run")

        assert done.returncode == 0
        assert "would be removed          1 " in done.stdout
        assert len(names(storage)) == 1

    def test_a_wrong_redis_is_a_status_of_its_own(
        self, gc: Callable[..., subprocess.CompletedProcess[str]], storage: ObjectStorage
    ) -> None:
        for index in range(collecting.SUSPICIOUSLY_MANY):
            spill(storage, at(index), age=9 * HOUR)

        done = gc()

        assert (done.returncode, done.stdout) == (1, "")
        assert "key_prefix" in done.stderr
        assert "--force" in done.stderr
        assert gc("--force").returncode == 0

    def test_without_a_place_for_objects_there_is_nothing_to_do(
        self, gc: Callable[..., subprocess.CompletedProcess[str]]
    ) -> None:
        done = gc(spill_path="")

        assert done.returncode == 0
        assert done.stdout == "[exclusive_redis_xcom] spill_path is not set, so there are no objects to remove.\n"

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"spill_path": "s3://bucket/x"}, "apache-airflow-providers-amazon[s3fs]"),
            ({"redis_url": "redis://user:canary@127.0.0.1:1/0"}, "127.0.0.1:1"),
        ],
    )
    def test_what_fails_is_told_without_a_password(
        self,
        gc: Callable[..., subprocess.CompletedProcess[str]],
        storage: ObjectStorage,
        options: dict[str, str],
        says: str,
    ) -> None:
        spill(storage, at(), age=9 * HOUR)

        done = gc(**options)

        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
        assert "canary" not in done.stderr
