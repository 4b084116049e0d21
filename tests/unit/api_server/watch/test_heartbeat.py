"""When a server beats, what it says then, and until when it is believed. Seconds are those of a clock of the test."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.watch.heartbeat import Heartbeat
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.watched import AT, FIRST, Memory


class Bench:
    """A heart, its Redis and its clock; beats are made by hand."""

    def __init__(self, source: Callable[[], Store] | None = None) -> None:
        self.memory = Memory()
        self.now = 1000.0
        self.heart = Heartbeat(source or (lambda: self.memory.store), clock=lambda: self.now)

    def beat(self, *, after: float = 0.0) -> None:
        self.now += after
        self.heart._beat()

    @property
    def known(self) -> bool:
        return self.heart.id.encode() in self.memory.servers()

    def settled(self, miss: int, *, after: float = 0.0) -> bool:
        self.now += after
        return self.heart.settled(miss)


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestAMiss:
    def test_is_waited_for_until_the_last_beat_is_not_believed_any_more(self, bench: Bench) -> None:
        bench.beat()
        miss = bench.heart.missed()

        assert [bench.settled(miss, after=seconds) for seconds in (0, 6, 0.6)] == [False, False, True]

    def test_is_not_waited_for_on_a_server_that_nobody_believes(self, bench: Bench) -> None:
        assert bench.settled(bench.heart.missed())

        bench.beat(after=3)
        assert bench.settled(bench.heart.missed(), after=7)

    def test_keeps_the_server_from_beating_for_two_seconds(self, bench: Bench) -> None:
        bench.beat()
        bench.heart.missed()
        asked = bench.memory.asked

        bench.beat(after=1.9)

        assert bench.memory.asked == asked

    def test_is_over_when_a_beat_has_moved_the_epoch(self, bench: Bench) -> None:
        bench.beat()
        before = bench.memory.epoch()
        time.sleep(0.002)  # of Redis' clock
        miss = bench.heart.missed()

        bench.beat(after=2.1)

        assert bench.memory.epoch() > before
        assert bench.settled(miss)

    def test_that_was_told_in_a_beat_is_not_told_again(self, bench: Bench) -> None:
        bench.beat()
        bench.heart.missed()
        bench.beat(after=2.1)
        epoch = bench.memory.epoch()

        bench.beat(after=2)

        assert bench.memory.epoch() == epoch

    def test_in_the_middle_of_a_beat_is_told_in_the_next(self, bench: Bench) -> None:
        bench.beat()
        misses: list[int] = []
        bench.memory.ask = lambda: misses.append(bench.heart.missed())  # type: ignore[method-assign]
        bench.beat(after=2)
        bench.memory.ask = lambda: None  # type: ignore[method-assign]
        epoch = bench.memory.epoch()

        assert not bench.settled(misses[0])
        time.sleep(0.002)  # of Redis' clock
        bench.beat(after=2.1)
        assert bench.settled(misses[0])
        assert bench.memory.epoch() > epoch

    def test_is_not_over_while_a_beat_is_under_way(self, bench: Bench) -> None:
        bench.beat()
        miss = bench.heart.missed()
        seen: list[bool] = []
        bench.memory.ask = lambda: seen.append(bench.settled(miss))  # type: ignore[method-assign]

        bench.beat(after=30)

        assert seen
        assert not any(seen)

    def test_that_may_yet_set_a_mark_has_that_mark_removed_before_the_server_is_believed_again(
        self, bench: Bench
    ) -> None:
        bench.beat()
        bench.memory.push()
        bench.heart.missed([AT])

        bench.beat(after=2.1)

        assert not bench.memory.store.commit(AT, FIRST)  # which arrives late

    def test_after_a_miss_pauses_grow_to_a_minute_until_something_was_told(self, bench: Bench) -> None:
        pauses = []
        for _ in range(7):
            bench.heart.missed()
            asked, start = bench.memory.asked, bench.now
            while bench.memory.asked == asked:
                bench.beat(after=1)
            pauses.append(bench.now - start)

        assert pauses == [2, 4, 8, 16, 32, 60, 60]

        bench.heart.told()
        bench.heart.missed()
        asked = bench.memory.asked
        bench.beat(after=2)
        assert bench.memory.asked > asked

    def test_without_an_attempt_does_not_lengthen_the_pause(self, bench: Bench) -> None:
        bench.beat()
        bench.heart.missed(tried=False)
        asked = bench.memory.asked

        bench.beat()

        assert bench.memory.asked > asked


class TestABeatThatFails:
    def test_may_count_late_so_the_server_is_believed_twice_as_long(self, bench: Bench) -> None:
        bench.beat()
        bench.memory.up = False
        bench.beat(after=2)
        miss = bench.heart.missed()

        assert [bench.settled(miss, after=seconds) for seconds in (5, 5, 0.6)] == [False, False, True]

    def test_is_not_repeated_until_redis_answers_a_question_that_changes_nothing(self, bench: Bench) -> None:
        bench.beat()
        bench.memory.up = False
        bench.beat(after=2)
        for _ in range(30):
            bench.beat(after=2)

        assert bench.settled(bench.heart.missed())
        assert bench.heart.down

    def test_and_what_was_missed_meanwhile_is_told_by_the_first_that_does_not(self, bench: Bench) -> None:
        bench.beat()
        before = bench.memory.epoch()
        bench.memory.up = False
        bench.beat(after=2)
        miss = bench.heart.missed(tried=False)
        bench.memory.up = True
        time.sleep(0.002)  # of Redis' clock

        bench.beat(after=2)

        assert bench.settled(miss)
        assert bench.memory.epoch() > before
        assert not bench.heart.down

    def test_is_said_once_and_so_is_the_end_of_it(self, bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "exclusive_redis_xcom"):
            for up in (False, False, False, True, True):
                bench.memory.up = up
                bench.beat(after=2)

        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


class TestDown:
    def test_a_server_that_is_believed_is_not(self, bench: Bench) -> None:
        bench.beat()
        bench.heart.missed()

        assert not bench.heart.down

    def test_a_server_that_has_not_beaten_yet_is_not(self, bench: Bench) -> None:
        assert not bench.heart.down

    def test_a_server_is_that_has_missed_something_and_is_not_believed(self, bench: Bench) -> None:
        bench.beat()
        bench.heart.missed()
        bench.now += 7

        assert bench.heart.down


class TestTheEnd:
    def test_a_server_takes_leave(self, bench: Bench) -> None:
        bench.heart.start()
        assert wait_until(lambda: bench.known)

        bench.heart.stop()

        assert not bench.known

    def test_not_so_where_it_has_missed_something(self, bench: Bench) -> None:
        bench.heart.start()
        assert wait_until(lambda: bench.known)
        bench.heart.missed()

        bench.heart.stop()

        assert bench.known

    def test_a_redis_that_is_gone_does_not_keep_it_from_ending(self, bench: Bench) -> None:
        bench.heart.start()
        assert wait_until(lambda: bench.known)
        bench.memory.up = False

        bench.heart.stop()
        bench.heart.stop()


class TestTheThread:
    def test_survives_outages(self) -> None:
        memory = Memory()
        heart = Heartbeat(lambda: memory.store, period=0.01)
        memory.up = False
        heart.start()
        assert wait_until(lambda: heart.begun and memory.asked > 3)

        memory.up = True

        assert wait_until(lambda: heart.id.encode() in memory.servers())
        heart.stop()

    def test_is_one(self, bench: Bench) -> None:
        before = threading.active_count()
        for _ in range(3):
            bench.heart.start()

        assert threading.active_count() == before + 1
        bench.heart.stop()

    def test_ends_where_there_is_no_redis(self, caplog: pytest.LogCaptureFixture) -> None:
        def no_redis() -> Store:
            raise ConfigurationError("there is no such connection")

        bench = Bench(no_redis)
        bench.heart.start()

        assert wait_until(lambda: bench.heart.hopeless)
        assert bench.settled(bench.heart.missed())
        assert wait_until(lambda: "there is no such connection" in caplog.text)

    def test_goes_on_where_it_cannot_be_found_out(self, caplog: pytest.LogCaptureFixture) -> None:
        memory, fails = Memory(), [True, True, False, False]

        def source() -> Store:
            if fails and fails.pop(0):
                raise OSError("canary of a database")
            return memory.store

        bench = Bench(source)
        for _ in range(3):
            bench.beat(after=2)

        assert bench.heart.id.encode() in memory.servers()
        assert "canary" not in caplog.text


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_is_another_server_and_has_not_begun(bench: Bench) -> None:
    bench.heart.start()
    assert wait_until(lambda: bench.known)
    parent = bench.heart.id

    def child() -> bool:
        begun = bench.heart.started or bench.heart.begun
        bench.heart.start()
        beats = wait_until(lambda: bench.known and bench.heart.begun)
        return not begun and bench.heart.id != parent and beats

    with bench.heart._lock, bench.heart._misses._lock:  # held by a thread that the child does not have
        assert in_child(child)
    bench.heart.stop()


def in_child(work: Callable[[], Any]) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def wait_until(predicate: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not predicate() and time.monotonic() < deadline:
        time.sleep(0.01)
    return predicate()
