"""Object storage through Airflow's ObjectStoragePath: a local directory, and fsspec's memory as an object store."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from exclusive_redis_xcom.memory import Buffers, joined
from exclusive_redis_xcom.object_storage import NoSuchObject, ObjectStorage
from exclusive_redis_xcom.object_storage import storage as storage_module

NAME = "dag/run/task/key/-1/0123"
CANARY = "canary-p4ssword"


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}/a [place]" if request.param == "file" else f"memory://{uuid4().hex}/xcoms"


@pytest.fixture(autouse=True)
def memory_is_an_object_store_that_airflow_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.io import store
    from fsspec.implementations.memory import MemoryFileSystem

    monkeypatch.setattr(store, "_STORE_CACHE", {})
    store.attach("memory", fs=MemoryFileSystem())


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "_PIECE_BYTES", 10)


def content(storage: ObjectStorage, name: str = NAME) -> bytes:
    into = bytearray(storage.size(name))
    assert storage.read(name, memoryview(into)) == len(into)
    return bytes(into)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    "buffers",
    [(), (b"",), (b"x" * 9,), (b"head", bytes(range(200))), (memoryview(bytes(range(41))), bytearray(b"end"))],
)
def test_what_is_written_is_read(url: str, buffers: Buffers) -> None:
    storage = ObjectStorage(url)
    storage.write(NAME, buffers)

    assert content(storage) == b"".join(buffers)


@pytest.mark.usefixtures("small_pieces")
def test_a_part_can_be_read(url: str) -> None:
    storage = ObjectStorage(url)
    storage.write(NAME, (bytes(range(200)),))
    into = bytearray(95)

    assert storage.read(NAME, memoryview(into), start=100) == 95
    assert into == bytes(range(100, 195))


@pytest.mark.usefixtures("small_pieces")
def test_an_object_that_is_shorter_than_thought_is_noticed(url: str) -> None:
    storage = ObjectStorage(url)
    storage.write(NAME, (bytes(55),))

    assert storage.read(NAME, memoryview(bytearray(100))) < 100


def test_what_is_not_there_is_told(url: str) -> None:
    storage = ObjectStorage(url)

    for ask in (
        lambda: storage.size(NAME),
        lambda: storage.read(NAME, memoryview(bytearray(1))),
        lambda: storage.remove(NAME),
    ):
        with pytest.raises(NoSuchObject):
            ask()


def test_a_removed_object_is_gone(url: str) -> None:
    storage = ObjectStorage(url)
    storage.write(NAME, (b"x",))
    storage.remove(NAME)

    with pytest.raises(NoSuchObject):
        storage.size(NAME)
    assert list(storage.listing()) == []


def test_the_listing_has_every_object_with_size_and_time(url: str) -> None:
    storage = ObjectStorage(url)
    names = [f"dag{d}/run{r}/task/key/-1/{n}" for d in range(2) for r in range(2) for n in range(3)]
    for size, name in enumerate(names):
        storage.write(name, (bytes(size),))

    found = {listed.name: listed for listed in storage.listing()}

    assert {name: listed.size for name, listed in found.items()} == {name: size for size, name in enumerate(names)}
    now = datetime.now(timezone.utc)
    for listed in found.values():
        assert listed.written_at is not None
        assert now - timedelta(minutes=5) < listed.written_at <= now + timedelta(minutes=1)


def test_what_lies_above_the_runs_is_listed_too(url: str) -> None:
    storage = ObjectStorage(url)
    for name in ("README", "dag/note", "dag/run/other"):
        storage.write(name, (b"x",))

    assert {listed.name for listed in storage.listing()} == {"README", "dag/note", "dag/run/other"}


def test_nothing_is_listed_where_nothing_was_written(url: str) -> None:
    assert list(ObjectStorage(url).listing()) == []


class TestALocalDirectory:
    """What only files have: rights, directories, links."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path / "xcoms"

    @pytest.fixture
    def storage(self, root: Path) -> ObjectStorage:
        return ObjectStorage(f"file://{root}")

    @pytest.fixture(autouse=True)
    def a_lax_umask(self) -> Iterator[None]:
        before = os.umask(0)
        yield
        os.umask(before)

    def test_files_and_directories_are_for_their_owner_alone(self, storage: ObjectStorage, root: Path) -> None:
        storage.write(NAME, (b"x",))

        assert stat.S_IMODE((root / NAME).stat().st_mode) == 0o600
        for directory in [root, *(path for path in root.rglob("*") if path.is_dir())]:
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700

    def test_a_file_that_is_there_is_not_written_to(self, storage: ObjectStorage, root: Path) -> None:
        storage.write(NAME, (b"first",))

        with pytest.raises(StoreUnavailable, match=r"FileExistsError \(File exists\)"):
            storage.write(NAME, (b"second",))
        assert (root / NAME).read_bytes() == b"first"

    def test_a_link_is_followed_neither_to_read_nor_to_write(
        self, storage: ObjectStorage, root: Path, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "secret"
        elsewhere.write_bytes(b"secret")
        (root / NAME).parent.mkdir(parents=True)
        (root / NAME).symlink_to(elsewhere)

        with pytest.raises(NoSuchObject):
            storage.size(NAME)
        with pytest.raises(StoreUnavailable):
            storage.read(NAME, memoryview(bytearray(6)))
        with pytest.raises(StoreUnavailable):
            storage.write(NAME, (b"x",))
        assert list(storage.listing()) == []
        assert elsewhere.read_bytes() == b"secret"

    def test_removing_the_last_object_of_a_directory_removes_it_and_never_the_root(
        self, storage: ObjectStorage, root: Path
    ) -> None:
        storage.write("dag/run/task/key/-1/a", (b"x",))
        storage.write("dag/run/task/key/-1/b", (b"x",))
        storage.write("dag/other/task/key/-1/c", (b"x",))

        storage.remove("dag/run/task/key/-1/a")
        assert (root / "dag/run/task/key/-1/b").exists()
        storage.remove("dag/run/task/key/-1/b")
        assert [path.name for path in (root / "dag").iterdir()] == ["other"]
        storage.remove("dag/other/task/key/-1/c")
        assert list(root.iterdir()) == []

    def test_writers_and_removers_of_one_directory_do_not_hinder_each_other(self, storage: ObjectStorage) -> None:
        failures: list[BaseException] = []

        def write_and_remove(number: int) -> None:
            try:
                for turn in range(200):
                    name = f"dag/run/task/key/{number}/{turn}"
                    storage.write(name, (b"x",))
                    storage.remove(name)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write_and_remove, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []

    def test_a_full_or_forbidden_place_is_told_in_the_system_s_words(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")

        with pytest.raises(StoreUnavailable, match=r"NotADirectoryError \(Not a directory\)\.\n.*spill_path"):
            ObjectStorage(f"file://{tmp_path}/file/xcoms").write(NAME, (b"x",))


class Driver:
    """A driver whose every call fails with a text that quotes a password; or that says what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error or RuntimeError(f"https://user:{CANARY}@host/ refused")

    def __getattr__(self, _name: str) -> Any:
        def fail(*_args: Any, **_options: Any) -> Any:
            raise self.error

        return fail

    def invalidate_cache(self) -> None:
        pass


def behind(driver: Any, url: str = f"memory://user:{CANARY}@bucket/xcoms?token={CANARY}") -> ObjectStorage:
    storage = ObjectStorage(url)
    storage.__dict__["_reached"] = (driver, "bucket/xcoms")
    return storage


def every_call(storage: ObjectStorage) -> list[Any]:
    return [
        lambda: storage.write(NAME, (b"x",)),
        lambda: storage.size(NAME),
        lambda: storage.read(NAME, memoryview(bytearray(1))),
        lambda: storage.remove(NAME),
        lambda: list(storage.listing()),
    ]


def test_a_driver_s_error_is_named_by_its_type_and_shows_no_password() -> None:
    for call in every_call(behind(Driver())):
        with pytest.raises(
            StoreUnavailable, match=r"failed: RuntimeError\.\nThe object storage is memory://bucket/xcoms,"
        ) as caught:
            call()
        assert CANARY not in str(caught.value)
        assert caught.value.__suppress_context__


def test_the_place_is_shown_without_what_may_be_a_secret() -> None:
    assert repr(behind(Driver())) == "<ObjectStorage memory://bucket/xcoms>"


def test_a_bucket_that_is_not_there_is_no_missing_object_to_who_writes() -> None:
    storage = behind(Driver(FileNotFoundError(CANARY)))

    with pytest.raises(StoreUnavailable, match="FileNotFoundError"):
        storage.write(NAME, (b"x",))


class HalfWritten(Driver):
    """Takes one piece and fails at the second."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Any] = []
        self.discarded = self.completed = self.closed = False

    def open(self, *_args: Any, **_options: Any) -> HalfWritten:
        return self

    def write(self, piece: bytes) -> None:
        if self.taken:
            raise self.error
        self.taken.append(bytes(piece))

    def discard(self) -> None:
        self.discarded = True

    def close(self) -> None:
        self.completed = not self.closed


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("error", [OSError(), KeyboardInterrupt()])
def test_an_upload_that_fails_is_never_completed(error: Any) -> None:
    driver = HalfWritten()
    driver.error = error

    with pytest.raises((StoreUnavailable, KeyboardInterrupt)):
        behind(driver).write(NAME, (bytes(30),))
    assert driver.closed
    assert not driver.completed
    assert driver.discarded is isinstance(error, OSError)


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("s3://conn@bucket/xcoms", r"Install apache-airflow-providers-amazon\[s3fs\]"),
        ("gs://bucket/xcoms", "Install apache-airflow-providers-google"),
        ("abfs://container/xcoms", "Install apache-airflow-providers-microsoft-azure"),
        ("nosuch://place/xcoms", "the Airflow provider that brings it"),
    ],
)
def test_what_is_not_installed_is_named(url: str, package: str) -> None:
    for call in every_call(ObjectStorage(url)):
        with pytest.raises(ConfigurationError, match=package):
            call()


@pytest.mark.parametrize("url", ["file://xcoms", "file://place/xcoms", "local://xcoms", "file:", "file://user@/xcoms"])
def test_a_local_path_must_not_depend_on_where_a_process_is(url: str) -> None:
    with pytest.raises(ConfigurationError, match="takes an absolute path"):
        ObjectStorage(url).size(NAME)


def test_nothing_of_airflow_or_fsspec_is_imported_before_the_first_use() -> None:
    code = (
        "import sys; from exclusive_redis_xcom.object_storage import ObjectStorage; ObjectStorage('file:///tmp').endpoint;"
        "import exclusive_redis_xcom.formats.object_names;"
        "sys.exit(sorted(sys.modules.keys() & {'airflow', 'fsspec', 'upath'}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=60)

    assert done.returncode == 0, done.stderr


def test_who_spills_nothing_loads_nothing_of_it() -> None:
    code = (
        "import sys; import exclusive_redis_xcom.task.pull, exclusive_redis_xcom.task.push;"
        "words = ('.object_storage', '.object_names', 'fsspec', 'upath');"
        "sys.exit(sorted(name for name in sys.modules if name.endswith(words)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=60)

    assert done.returncode == 0, done.stderr


def test_pieces_are_not_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "_PIECE_BYTES", 1024)
    driver = HalfWritten()
    monkeypatch.setattr(driver, "write", driver.taken.append)
    payload = bytes(10_240)

    behind(driver).write(NAME, (payload,))

    assert [len(piece) for piece in driver.taken] == [1024] * 10
    assert all(isinstance(piece, memoryview) and piece.obj is payload for piece in driver.taken)
    assert joined(tuple(driver.taken)) == payload
