"""What the doctor says of the place for large values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from exclusive_redis_xcom.doctor import spilling
from exclusive_redis_xcom.doctor.finding import Finding
from exclusive_redis_xcom.object_storage import ObjectStorage
from tests.unit.doctor.patients import only, visit

CANARY = "canary-p4ssword"


def found(spill_path: str | None, **changes: Any) -> Finding:
    return only(spilling.object_storage(visit(spill_path=spill_path, **changes)))


def test_a_place_that_can_be_used_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    place = tmp_path / "xcoms"
    finding = found(f"file://{place}")

    assert finding.result == "ok"
    assert f"file://{place}, which all workers must share" in finding.seen
    assert list(place.iterdir()) == []


def test_without_a_place_there_is_nothing_to_look_at() -> None:
    assert found(None).result == "skipped"
    assert only(spilling.object_storage(visit("api-server", spill_path="file:///nowhere"))).result == "skipped"


def test_one_that_cannot_be_written_to_fails(tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(b"")

    finding = found(f"file://{tmp_path}/a file/xcoms")

    assert finding.result == "FAIL"
    assert "Check [exclusive_redis_xcom] spill_path" in finding.seen


def test_a_scheme_that_nothing_knows_fails_and_no_credential_is_shown() -> None:
    finding = found(f"nobody://user:{CANARY}@bucket/xcoms")

    assert finding.result == "FAIL"
    assert "install" in finding.seen
    assert CANARY not in str(finding)


def test_what_is_gone_or_another_when_it_is_read_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = ObjectStorage.write

    def changed(storage: ObjectStorage, name: str, buffers: Any) -> None:
        write(storage, name, buffers)
        (tmp_path / name).write_bytes(b"somebody else's")

    def removed(storage: ObjectStorage, name: str, buffers: Any) -> None:
        write(storage, name, buffers)
        os.unlink(tmp_path / name)

    for meanwhile, said in ((changed, "not what is read"), (removed, "not there")):
        monkeypatch.setattr(ObjectStorage, "write", meanwhile)
        finding = found(f"file://{tmp_path}")
        assert (finding.result, said in finding.seen) == ("FAIL", True)


def test_a_threshold_that_no_value_passes_is_a_warning(tmp_path: Path) -> None:
    changes = {"spill_path": f"file://{tmp_path}", "spill_threshold_bytes": 10, "max_value_bytes": 10}

    _, finding = spilling.object_storage(visit(**changes))

    assert finding.result == "warning"
