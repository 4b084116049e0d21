"""What takes long is made once, also for those who ask at the same time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from exclusive_redis_xcom.pages.kept import Kept


def test_ten_who_ask_at_the_same_time_wait_for_one() -> None:
    kept: Kept[object] = Kept(2)
    made: list[object] = []

    def make() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda _: kept.get("a", make), range(10)))

    assert len(made) == 1
    assert set(map(id, found)) == {id(made[0])}


def test_those_who_ask_for_another_thing_do_not_wait() -> None:
    kept: Kept[str] = Kept(2)
    other_is_made = threading.Event()

    def slow() -> str:
        assert other_is_made.wait(10)
        return "a"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(kept.get, "a", slow)
        assert kept.get("b", lambda: "b") == "b"
        other_is_made.set()
        assert first.result(10) == "a"


def test_an_error_is_not_kept() -> None:
    kept: Kept[int] = Kept(2)

    def fail() -> int:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        kept.get("a", fail)
    assert kept.get("a", lambda: 1) == 1
    assert kept.get("a", lambda: 2) == 1


def test_what_nobody_asked_for_the_longest_goes_first() -> None:
    kept: Kept[str] = Kept(2)
    for key in ("a", "b", "a", "c"):
        kept.get(key, lambda: "first")

    assert kept.get("a", lambda: "again") == "first"
    assert kept.get("b", lambda: "again") == "again"


def test_what_is_heavy_goes_when_all_are_too_heavy_and_the_last_one_stays() -> None:
    kept: Kept[str] = Kept(10, weigh=len, most_bytes=10)
    for key in ("1234", "abcd", "1234", "efgh"):
        kept.get(key, lambda key=key: key)  # type: ignore[misc]

    assert [kept.get(key, lambda: "again") for key in ("1234", "efgh")] == ["1234", "efgh"]
    assert kept.get("abcd", lambda: "again") == "again"
    assert kept.get("heavy", lambda: "x" * 100) == "x" * 100
    assert kept.get("heavy", lambda: "again") == "x" * 100
    assert kept.get("efgh", lambda: "new") == "new"
