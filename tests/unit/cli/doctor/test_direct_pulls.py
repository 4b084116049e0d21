"""What the doctor makes of the API servers that say they watch."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from exclusive_redis_xcom.health.direct_pulls import Beat, beats, direct_pulls, judged
from exclusive_redis_xcom.health.redis_asking import Reply
from exclusive_redis_xcom.health.visit import Visit
from exclusive_redis_xcom.settings import load_settings


@pytest.mark.parametrize(
    ("servers", "results"),
    [
        ([], [("direct pulls", "warning")]),
        ([Beat(1500, 20)], [("direct pulls", "ok"), ("clocks of API servers", "ok")]),
        ([Beat(1500, 20), Beat(0, -900)], [("direct pulls", "ok"), ("clocks of API servers", "ok")]),
        ([Beat(1500, 20), Beat(7000, 0)], [("direct pulls", "warning"), ("clocks of API servers", "ok")]),
        ([Beat(10, 1001)], [("direct pulls", "ok"), ("clocks of API servers", "warning")]),
        ([Beat(10, 0), Beat(10, -5000)], [("direct pulls", "ok"), ("clocks of API servers", "warning")]),
    ],
)
def test_all_must_be_heard_of_and_agree_about_the_time(servers: list[Beat], results: list[tuple[str, str]]) -> None:
    found = list(judged(servers))

    assert [(finding.check, finding.result) for finding in found] == results
    waiting = [finding.seen for finding in found if (finding.check, finding.result) == ("direct pulls", "warning")]
    assert all(seen.endswith(", so tasks ask the API server for every XCom") for seen in waiting)
    assert all(finding.remedy for finding in found if finding.result == "warning")


def test_the_largest_difference_is_told_with_its_sign() -> None:
    *_, clocks = judged([Beat(0, 1200), Beat(0, -4300)])

    assert clocks.seen == "4.3 s behind the clock of Redis"


def test_beats_are_read_as_redis_has_them() -> None:
    held = Reply([f"{'a' * 32} 999500 -3;{'b' * 32} 1000200 12;".encode()], refused=False)

    assert beats(held, Reply([b"1000", b"250000"], refused=False)) == [Beat(750, -3), Beat(50, 12)]
    assert beats(Reply([None], refused=False), Reply([b"1000", b"0"], refused=False)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"enforcement": "server"}, "enforcement = server"),
        ({"direct_pulls": "off"}, "direct_pulls = off"),
        ({"redis_url": "redis://user:canary@127.0.0.1:1/0"}, "Redis is not reached"),
        ({"redis_url": None, "redis_conn_id": "nobody_has_it"}, "Redis is not reached"),
    ],
)
def test_where_there_is_nothing_to_ask_the_check_says_why(changes: dict[str, Any], said: str) -> None:
    (finding,) = direct_pulls(Visit("worker", dataclasses.replace(load_settings(), **changes)))

    assert finding.result == "skipped"
    assert said in finding.seen
    assert "canary" not in repr(finding)


def test_it_needs_the_settings() -> None:
    (finding,) = direct_pulls(Visit("worker", None))

    assert finding.result == "skipped"
