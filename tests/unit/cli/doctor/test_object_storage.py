"""What the doctor says of the place for large values: a local directory, and fsspec's memory as an object store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.object_names import parse
from exclusive_redis_xcom.health import object_storage
from exclusive_redis_xcom.health.finding import Finding
from tests.unit.cli.doctor.patients import only, visit

CANARY = "canary-p4ssword"
#: What the settings refuse.
BUCKET = f"memory://user:{CANARY}@bucket/xcoms"


class Obeying(MemoryFileSystem):
    """A store of its own for each test."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]


class Forbidding(Obeying):
    def rm_file(self, path: str) -> None:
        raise PermissionError(CANARY)


class Forgetting(Obeying):
    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        raise FileNotFoundError(CANARY)


class Changing(Obeying):
    def cat_ranges(self, paths: list[str], starts: list[int], ends: list[int], **_options: Any) -> list[bytes]:
        return [b"x" * (end - start) for start, end in zip(starts, ends, strict=True)]


def found(spill_path: str | None, **changes: Any) -> Finding:
    return only(object_storage.object_storage(visit(spill_path=spill_path, **changes)))


def found_in(driver: Obeying, monkeypatch: pytest.MonkeyPatch) -> Finding:
    from airflow.sdk.io import store

    monkeypatch.setattr(store, "_STORE_CACHE", {})
    store.attach("memory", f"user:{CANARY}", fs=driver)
    finding = found(BUCKET)
    assert CANARY not in str(finding)
    return finding


def test_a_directory_that_can_be_used_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "xcoms"
    finding = found(f"file://{place}")

    assert finding.result == "ok"
    assert f"file://{place}, which all workers must share" in finding.seen
    assert list(place.iterdir()) == []


def test_so_is_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Obeying()

    assert found_in(driver, monkeypatch).result == "ok"
    assert driver.store == {}


def test_without_a_place_there_is_nothing_to_look_at() -> None:
    assert found(None).result == "skipped"
    assert only(object_storage.object_storage(visit("api-server", spill_path="file:///nowhere"))).result == "skipped"


def test_one_that_cannot_be_written_to_fails(tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(b"")

    finding = found(f"file://{tmp_path}/a file/xcoms")

    assert finding.result == "FAIL"
    assert "as [exclusive_redis_xcom] spill_path says" in finding.seen


def test_a_scheme_that_nothing_knows_fails() -> None:
    finding = found(f"nobody://user:{CANARY}@bucket/xcoms")

    assert finding.result == "FAIL"
    assert finding.remedy.startswith("Install ")
    assert CANARY not in str(finding)


def test_where_nothing_may_be_removed_it_fails_and_what_is_left_is_an_object_that_gc_removes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver = Forbidding()

    finding = found_in(driver, monkeypatch)

    assert (finding.result, "Removing from" in finding.seen) == ("FAIL", True)
    ((path, left),) = driver.store.items()
    name = parse("/".join(path.split("/")[-6:]))
    head = Envelope.unpack_head(left.getvalue())
    assert name is not None
    assert (name.coordinate, name.version) == (head.coordinate, head.version)


@pytest.mark.parametrize(
    ("driver", "said"), [(Forgetting, "is not there"), (Changing, "is not the one that was written")]
)
def test_what_is_gone_or_another_when_it_is_read_fails(
    driver: type[Obeying], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = driver()

    finding = found_in(store, monkeypatch)

    assert (finding.result, said in finding.seen) == ("FAIL", True)
    assert store.store == {}


def test_a_threshold_that_no_value_passes_is_a_warning(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"spill_path": f"file://{tmp_path}", "spill_threshold_bytes": 10, "max_value_bytes": 10}

    _, finding = object_storage.object_storage(visit(**changes))

    assert finding.result == "warning"
