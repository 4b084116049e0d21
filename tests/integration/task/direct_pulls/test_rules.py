"""Direct pulls obey the same rules as others, log and count the same, and let a task's own alarm through."""

from __future__ import annotations

import logging
import secrets
import signal
from collections.abc import Callable
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from exclusive_redis_xcom import XComAccessDenied, XComAlreadyClaimed
from exclusive_redis_xcom.reporting import metrics
from tests.integration.task.direct_pulls.watched import ApiServer, Tasks, a_moment_passes, hash_of, names
from tests.integration.task.sales import CANARY, field_of

# pytest-timeout's default method would take the alarm that a test sets.
pytestmark = pytest.mark.timeout(method="thread")


class TestRules:
    def test_a_refusal_is_worded_and_counted_once(self, tasks: Tasks, counted: list[Any]) -> None:
        tasks.push(CANARY, "denied")

        with pytest.raises(XComAccessDenied, match="'denied'"):
            tasks.pull("denied")

        assert tasks.calls == ["GetXCom"]
        assert names(counted, "pull") == ["pull_refused"]

    def test_report_mode_says_once_what_would_be_refused(
        self, tasks: Tasks, configure: Callable[..., None], counted: list[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        configure(mode="report")
        tasks.push(CANARY, "denied")

        with caplog.at_level(logging.WARNING):
            assert tasks.pull("denied") == CANARY

        assert caplog.text.count("XCom pull would be refused") == 1
        assert names(counted, "pull") == ["pull_would_be_refused", "pull_granted"]

    def test_what_may_be_read_once_is_claimed_over_airflows_own_path(self, tasks: Tasks) -> None:
        tasks.push("once", "once")

        assert (tasks.pull("once"), tasks.calls) == ("once", ["GetXCom"])
        with pytest.raises(XComAlreadyClaimed):
            tasks.pull("once", by="somebody_else")

    def test_its_producer_reads_it_directly_and_claims_nothing(self, tasks: Tasks) -> None:
        tasks.push("once", "once")

        assert (tasks.pull("once", by="extract"), tasks.calls) == ("once", [])
        assert tasks.pull("once", by="load") == "once"

    def test_a_rule_that_was_removed_from_redis_refuses(self, tasks: Tasks, raw: redis.Redis) -> None:
        tasks.push(CANARY)
        raw.hdel(hash_of(), "acl")

        with pytest.raises(XComAccessDenied, match="No readable ACL"):
            tasks.pull()

    def test_both_rules_of_a_mapped_result_must_allow(
        self, tasks: Tasks, configure: Callable[..., None], raw: redis.Redis
    ) -> None:
        configure(format="2")  # a later value names its rule by a digest, so that another rule is none
        tasks.push(CANARY, "denied", task_id="parts", map_index=0)
        tasks.push("open", task_id="parts", map_index=0)
        denying = field_of(raw, hash_of("denied", "parts"), "0:acl")
        raw.hset(hash_of(task_id="parts"), "0:acl", denying.replace(b'"denied"', b'"token"'))

        with pytest.raises(XComAccessDenied):
            tasks.pull(task_id="parts", map_index=0)


class TestWhatIsLogged:
    def test_a_restricted_value_is_masked(self, tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
        import airflow.sdk.log

        masked: list[Any] = []
        monkeypatch.setattr(airflow.sdk.log, "mask_secret", masked.append)
        secret = secrets.token_hex(20)
        tasks.push(secret, "restricted")
        tasks.push(secrets.token_hex(20), "open")

        tasks.pull("open")
        tasks.pull("restricted")

        assert tasks.calls == []
        assert masked == [[secret]]

    def test_it_counts_as_any_pull_and_as_a_direct_one(self, tasks: Tasks, counted: list[Any]) -> None:
        tasks.push("text")
        for index in range(3):
            tasks.push(index, task_id="parts", map_index=index)
        counted.clear()
        a_moment_passes()

        tasks.pull()
        tasks.pull_all(task_id="parts")

        of_extract, of_parts = ({"dag_id": "sales", "task_id": task_id} for task_id in ("extract", "parts"))
        assert [entry for entry in counted if "bytes" not in entry[0]] == [
            (metrics.PULL_GRANTED, 1, of_extract),
            (metrics.PULL_DIRECT, 1, of_extract),
            (metrics.PULL_GRANTED, 3, of_parts),
            (metrics.PULL_DIRECT, 3, of_parts),
        ]

    def test_a_miss_counts_as_one_pull(self, tasks: Tasks, api: ApiServer, counted: list[Any]) -> None:
        tasks.push("text")
        api.stops()
        counted.clear()

        tasks.pull()

        assert names(counted, "pull_") == ["pull_granted"]


class TooSlowError(Exception):
    """What a task raises itself when it has waited long enough."""


class TestErrors:
    @pytest.fixture(autouse=True)
    def pushed(self, tasks: Tasks) -> None:
        tasks.push("kept")
        for index in range(2):
            tasks.push(index, task_id="parts", map_index=index)
        a_moment_passes()

    def test_a_tasks_own_alarm_reaches_the_task(self, tasks: Tasks, server: RedisServer) -> None:
        def ring(*_: object) -> None:
            raise TooSlowError

        assert tasks.pull() == "kept"
        server.pause()
        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            with pytest.raises(TooSlowError):
                tasks.pull()
            assert tasks.calls == []
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            server.resume()

        assert (tasks.pull(), tasks.calls) == ("kept", [])
