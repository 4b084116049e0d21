"""What a pull reads of an object, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from exclusive_redis_xcom import ConfigurationError, CorruptValue, XComAccessDenied, XComExpired, XComTooLarge
from tests.integration.support import shown
from tests.integration.task.sales import CANARY, HASH, look_back, pull, push
from tests.integration.task.spilling.objects import LARGE, edit_envelope, objects, the_object


def test_a_refused_task_does_not_get_the_object_touched(dag: Any, root: Path) -> None:
    push(dag, LARGE)
    the_object(root).unlink()

    with pytest.raises(XComAccessDenied):
        pull(dag, "report")


def test_a_value_that_may_be_read_once_is_read_once(dag: Any) -> None:
    push(dag, LARGE, key="once")

    assert pull(dag, "load", key="once") == LARGE
    with pytest.raises(XComAccessDenied, match="may be read once"):
        pull(dag, "report", key="once")


def test_a_missing_object_is_an_expired_value(dag: Any, root: Path) -> None:
    push(dag, LARGE)
    the_object(root).unlink()

    with pytest.raises(XComExpired, match=r"no longer in object storage\.\n.*\nClear extract to push it again"):
        pull(dag)


def test_a_look_back_goes_without_an_earlier_run_whose_object_is_missing(dag: Any, root: Path) -> None:
    push(dag, LARGE, run_id="scheduled__1")
    the_object(root).unlink()
    push(dag, CANARY, run_id="scheduled__2")

    assert look_back(dag, run_id="scheduled__2") == [CANARY]


def test_a_look_back_needs_the_object_of_the_run_that_was_asked_for(dag: Any, root: Path) -> None:
    push(dag, CANARY, run_id="scheduled__1")
    push(dag, LARGE, run_id="scheduled__2")
    the_object(root).unlink()

    with pytest.raises(XComExpired, match="no longer in object storage"):
        look_back(dag, run_id="scheduled__2")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: data + b"x", id="longer"),
        pytest.param(lambda data: b"x" + data[1:], id="another head"),
        pytest.param(lambda data: data.replace(b"token", b"other", 1), id="another key"),
    ],
)
def test_an_object_that_is_not_as_pushed_is_corrupt(dag: Any, root: Path, change: Callable[[bytes], bytes]) -> None:
    push(dag, LARGE)
    path = the_object(root)
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(CorruptValue, match="not what was pushed") as caught:
        pull(dag)
    assert CANARY not in shown(caught.value)


def test_an_older_version_in_its_place_is_corrupt(dag: Any, root: Path) -> None:
    push(dag, LARGE)
    older = the_object(root).read_bytes()
    push(dag, LARGE[::-1])
    the_object(root).write_bytes(older)

    with pytest.raises(CorruptValue, match="not what was pushed"):
        pull(dag)


def test_an_object_that_redis_names_is_not_read_unless_it_is_this_value_s_own(
    dag: Any, raw: redis.Redis, root: Path, tmp_path: Path
) -> None:
    push(dag, LARGE, key="once")
    others = the_object(root)
    push(dag, LARGE)
    (tmp_path / "secret").write_bytes(others.read_bytes())

    for name in ("../secret", str(tmp_path / "secret"), others.relative_to(root).as_posix(), "", "."):
        edit_envelope(raw, spilled=name)
        with pytest.raises(CorruptValue, match="is damaged: Redis names an object of another value"):
            pull(dag)


def test_a_size_that_somebody_wrote_into_redis_takes_no_memory(dag: Any, raw: redis.Redis) -> None:
    push(dag, LARGE)

    edit_envelope(raw, elsewhere=100 * 2**20)
    with pytest.raises(CorruptValue, match="not what was pushed"):
        pull(dag)
    edit_envelope(raw, elsewhere=2**40)
    with pytest.raises(XComTooLarge, match="max_value_bytes"):
        pull(dag)


def test_a_reader_s_own_limit_holds(dag: Any, configure: Callable[..., None]) -> None:
    push(dag, "x" * 3_000_000)

    for limit in ("1000", "2999999"):
        configure(max_value_bytes=limit)
        with pytest.raises(XComTooLarge, match=r"max_value_bytes|limit"):
            pull(dag)


def test_a_reader_without_a_spill_path_is_told(dag: Any, configure: Callable[..., None]) -> None:
    push(dag, LARGE)
    configure(spill_path="")

    with pytest.raises(ConfigurationError, match="spill_path is not set here"):
        pull(dag)


def test_a_reader_with_an_object_storage_that_is_not_installed_is_told_what_to_install(
    dag: Any, configure: Callable[..., None]
) -> None:
    push(dag, LARGE)
    configure(spill_path="s3://aws_default@bucket/xcoms")

    with pytest.raises(ConfigurationError, match=r"Install apache-airflow-providers-amazon\[s3fs\]"):
        pull(dag)


def test_the_object_is_read_after_the_decision_and_redis_before(dag: Any, root: Path, raw: redis.Redis) -> None:
    """A whole hash that is gone is expired, whatever lies in object storage."""
    push(dag, LARGE)
    raw.delete(HASH)

    with pytest.raises(XComExpired, match="no longer in Redis"):
        pull(dag)
    assert len(objects(root)) == 1
