"""Guesses of what a mistyped name was meant to be."""

from __future__ import annotations

import random
import time

import pytest

from exclusive_redis_xcom.access.near import closest, did_you_mean


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("tokn", " Did you mean 'token'?"),
        ("TOKEN", " Did you mean 'token'?"),
        ("ord", " Did you mean 'order' or 'orders'?"),
        ("nothing alike", ""),
    ],
)
def test_a_guess(name: str, guess: str) -> None:
    assert did_you_mean(name, ["token", "orders", "order"]) == guess


def test_names_made_to_be_compared_slowly_are_not_compared() -> None:
    letters = list("ab" * 99)
    chance = random.Random(1)  # noqa: S311 - no secret

    def shuffled() -> str:
        chance.shuffle(letters)
        return "".join(letters)

    names = [shuffled() for _ in range(10_000)]
    began = time.process_time()

    assert did_you_mean(shuffled(), names) == ""
    assert time.process_time() - began < 2  # to compare them takes half a minute
    assert did_you_mean(f"{names[0]}c", names[:3]) == f" Did you mean '{names[0]}'?"


def test_the_closest_of_many_long_names_is_looked_for_among_few_alone() -> None:
    assert closest("task_9", ["task_8x", "task_9x"]) == ["task_9x"]
    assert closest("a" * 250, ["a" * 249] * 100) == []
