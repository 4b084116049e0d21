"""What takes long is found out once, by a thread, and nobody waits longer than they want."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from exclusive_redis_xcom.pages.overview.renewed import Renewed


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def ended(renewed: Renewed[int]) -> None:
    for _ in range(500):
        if not renewed.latest(soon()).goes_on:
            return
        time.sleep(0.01)
    pytest.fail("it does not end")


def test_all_who_ask_within_a_minute_see_what_one_thread_found_out() -> None:
    calls = []

    def states() -> Iterator[int]:
        calls.append(threading.current_thread())
        yield len(calls)

    renewed = Renewed("number", states)

    assert [renewed.latest(soon()).state for _ in range(3)] == [1, 1, 1]
    assert calls[0] is not threading.current_thread()
    assert len(calls) == 1


def test_what_is_older_is_found_out_anew() -> None:
    numbers = iter(range(10))
    renewed = Renewed("number", lambda: iter([next(numbers)]), seconds=0.0)

    seen = []
    for _ in range(3):
        seen.append(renewed.latest(soon()).state)
        while renewed._latest.goes_on:
            time.sleep(0.001)

    assert seen == [0, 1, 2]


def test_nobody_waits_longer_than_they_want_and_then_sees_what_is_known() -> None:
    go_on = threading.Event()

    def states() -> Iterator[int]:
        yield 1
        go_on.wait(10)
        yield 2

    renewed = Renewed("number", states)

    first = renewed.latest(soon())
    began = time.monotonic()
    second = renewed.latest(time.monotonic() + 0.05)
    assert time.monotonic() - began < 1
    assert (first.state, second.state, second.goes_on) == (1, 1, True)
    go_on.set()
    ended(renewed)
    assert renewed.latest(soon()).state == 2


def test_nothing_is_known_while_the_first_attempt_takes_long() -> None:
    go_on = threading.Event()

    def states() -> Iterator[int]:
        go_on.wait(10)
        yield 1

    renewed = Renewed("number", states)

    latest = renewed.latest(time.monotonic() + 0.05)
    assert (latest.state, latest.goes_on, latest.failed) == (None, True, False)
    go_on.set()
    ended(renewed)


def test_an_error_ends_the_attempt_keeps_what_is_known_and_its_text_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    attempts = []

    def states() -> Iterator[int]:
        attempts.append(1)
        if len(attempts) == 2:
            raise ValueError("redis://:canary-password@host")
        yield 7

    renewed = Renewed("number", states, seconds=0.0)
    renewed.latest(soon())
    while renewed._latest.goes_on:
        time.sleep(0.001)
    renewed._seconds = 60.0

    with caplog.at_level(logging.ERROR):
        latest = renewed.latest(soon())

    assert (latest.state, latest.goes_on, latest.failed) == (7, False, True)
    assert caplog.messages == ["XCom overview: the number could not be read: ValueError"]


def test_where_no_thread_can_be_started_the_attempt_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)

    latest = Renewed("number", lambda: iter([1])).latest(soon())

    assert (latest.state, latest.goes_on, latest.failed) == (None, False, True)
