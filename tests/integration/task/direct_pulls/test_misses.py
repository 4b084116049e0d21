"""Where Redis proves nothing, a pull asks Airflow and gets the same answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
import redis

from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied, XComExpired, clock
from exclusive_redis_xcom.model import Coordinate
from tests.integration.task.direct_pulls.watched import SERVERS, ApiServer, Tasks, hash_of
from tests.integration.task.sales import address, field_of


@pytest.fixture(autouse=True)
def pushed(tasks: Tasks) -> None:
    tasks.push("the value")


def test_while_no_api_server_watches(tasks: Tasks, api: ApiServer) -> None:
    api.stops()

    assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])


def test_before_the_database_has_taken_the_reference(tasks: Tasks, api: ApiServer) -> None:
    with tasks.executing("extract"):
        ExclusiveRedisXCom.serialize_value("not referred to", key="token", **address("extract"), map_index=-1)

    with pytest.raises(XComExpired):  # the row refers to an older value
        tasks.pull()


def test_a_row_that_was_written_past_the_backend(tasks: Tasks, api: ApiServer) -> None:
    from airflow.sdk.bases.xcom import BaseXCom

    BaseXCom._set_xcom_in_db("token", "plain", **address("extract"))

    assert (tasks.pull(), tasks.calls) == ("plain", ["GetXCom"])


def test_a_value_of_before_the_run_was_started(tasks: Tasks) -> None:
    tasks.started = datetime.now(timezone.utc) + timedelta(minutes=1)

    assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])


def test_a_value_of_before_the_run_was_started_that_is_committed_after_it(tasks: Tasks, api: ApiServer) -> None:
    from airflow.sdk.bases.xcom import BaseXCom

    with tasks.executing("extract"):
        stored = ExclusiveRedisXCom.serialize_value("pushed", key="token", **address("extract"), map_index=-1)
    time.sleep(0.05)  # more than clocks are rounded by
    tasks.started = datetime.now(timezone.utc)
    time.sleep(0.05)
    BaseXCom._set_xcom_in_db("token", stored, **address("extract"))

    assert api.store.fetch_current(Coordinate("sales", RUN_ID, "extract", "token")) is not None
    assert (tasks.pull(), tasks.calls) == ("pushed", ["GetXCom"])


def test_api_servers_whose_clocks_are_behind_do_not_make_a_run_older(tasks: Tasks, raw: redis.Redis) -> None:
    """The run was started after the push, by a clock that is an hour behind Redis'."""
    server, beat, _ahead = field_of(raw, SERVERS, "servers").decode().rstrip(";").split()
    raw.hset(SERVERS, "servers", f"{server} {beat} {-3_600_000};")
    tasks.started = datetime.now(timezone.utc) - timedelta(minutes=50)

    assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])


def test_an_expired_value(tasks: Tasks, raw: redis.Redis) -> None:
    raw.delete(hash_of())

    with pytest.raises(XComExpired):
        tasks.pull()


def test_a_damaged_value(tasks: Tasks, raw: redis.Redis) -> None:
    raw.hset(hash_of(), "-1", (raw.hget(hash_of(), "-1") or b"")[:-1])

    with pytest.raises(Exception, match="A value in Redis cannot be read"):
        tasks.pull()
    assert tasks.calls == ["GetXCom"]


def test_what_nobody_pushed(tasks: Tasks) -> None:
    assert (tasks.pull("never"), tasks.calls) == (None, ["GetXCom"])


def test_another_run(tasks: Tasks) -> None:
    assert (tasks.pull(run_id="another"), tasks.calls) == (None, ["GetXCom"])


def test_prior_runs(tasks: Tasks) -> None:
    assert (tasks.pull(include_prior_dates=True), tasks.calls) == ("the value", ["GetXCom"])


def test_a_process_that_runs_no_task(tasks: Tasks) -> None:
    with pytest.raises(
        XComAccessDenied, match=r"^'token' of extract may not be pulled: it is not known which task asks.\n"
    ):
        ExclusiveRedisXCom.get_one(key="token", **address("extract"))


def test_a_process_that_is_known_by_its_log_lines_only(tasks: Tasks) -> None:
    """A trigger."""
    import structlog

    with structlog.contextvars.bound_contextvars(**address("load"), map_index=-1):
        assert ExclusiveRedisXCom.get_one(key="token", **address("extract")) == "the value"
    assert "GetXCom" in tasks.calls


def test_a_reader_that_was_told_nothing_of_its_run(tasks: Tasks) -> None:
    tasks.started = None  # type: ignore[assignment]

    assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])


@pytest.mark.parametrize("option", [{"direct_pulls": "off"}, {"enforcement": "server"}], ids=str)
def test_settings_that_want_it_so(tasks: Tasks, configure: Callable[..., None], option: dict[str, str]) -> None:
    configure(**option, allow_plaintext_read="True")

    assert (tasks.pull(), tasks.calls) == ("the value", ["GetXCom"])


def test_what_is_pushed_without_direct_pulls_is_never_read_directly(
    tasks: Tasks, configure: Callable[..., None]
) -> None:
    configure(direct_pulls="off")
    tasks.push("unwatched")
    configure(direct_pulls="auto")

    assert (tasks.pull(), tasks.calls) == ("unwatched", ["GetXCom"])


def test_a_sibling_that_has_outlived_its_time(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks.push("short-lived", task_id="parts", map_index=0)
    monkeypatch.setattr(clock, "_ahead", timedelta(days=8))

    with pytest.raises(XComExpired):
        tasks.pull(task_id="parts", map_index=0)


def test_redis_that_is_gone_is_told_by_airflows_own_path(
    tasks: Tasks, configure: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    configure(redis_url="redis://127.0.0.1:1/0", retry_deadline="0.1")

    with caplog.at_level(logging.DEBUG, "exclusive_redis_xcom"), pytest.raises(ConnectionError):
        tasks.pull()

    assert tasks.calls == ["GetXCom"]
    assert [record.getMessage() for record in caplog.records if "direct" in record.getMessage()] == [
        "No direct pull: StoreUnavailable."
    ]
