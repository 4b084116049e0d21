"""Functions that run in the processes of test_races.py and test_claims.py."""

from __future__ import annotations

import random
import time

from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Claim, Push, Store
from tests.integration.support import ACL, PREFIX, TTL, at, is_intact, value


def race(url: str, seed: int, racers: int, seconds: float) -> tuple[int, list[str]]:
    """Push, fetch and purge at random on few fields. Return how many fetches found a value, and what was wrong."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    coordinates = [at(index, key=key) for key in ("a", "b") for index in range(3)]
    client = RedisClient(options_from_url(url), Timeouts(deadline=10))
    store = Store(client, key_prefix=PREFIX)
    wrong: list[str] = []
    found = 0
    _wait_for_the_others(store, seed, racers)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        coordinate = dice.choice(coordinates)
        action = dice.random()
        if action < 0.4:
            store.push(Push(value(coordinate, size=dice.choice([10, 1000, 200_000])), acl=ACL, ttl=TTL))
        elif action < 0.5:
            store.purge(coordinate)
        else:
            for expected, stored in zip(coordinates, store.fetch_many(coordinates), strict=True):
                if stored.envelope is None:
                    continue
                found += 1
                if stored.acl != ACL or not is_intact(stored.envelope, expected):
                    wrong.append(f"{expected}: got {stored.envelope.coordinate}, rule {stored.acl!r}")
    client.close()
    return found, wrong


def _wait_for_the_others(store: Store, seed: int, racers: int, place: str = "ready") -> None:
    """Wait until all processes are here: they start at different times, and only then do they race."""
    store.push(Push(value(at(seed, key=place)), acl=ACL, ttl=TTL))
    everybody = [at(other, key=place) for other in range(racers)]
    deadline = time.monotonic() + 60
    while not all(stored.envelope for stored in store.fetch_many(everybody)) and time.monotonic() < deadline:
        time.sleep(0.02)


def claim_all(url: str, seed: int, racers: int, pairs: list[tuple[Coordinate, str]]) -> list[tuple[Claim, Claim]]:
    """Claim every value twice, and return the answers in the order of `pairs`.

    Eight neighbours at a time are claimed in an order that only this process has. A process that starts first may be
    ahead of all others for good. So after half of the values, each process claims one of the last before it goes on.
    """
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    client = RedisClient(options_from_url(url), Timeouts(deadline=20))
    store = Store(client, key_prefix=PREFIX)
    order = sorted(range(len(pairs)), key=lambda position: (position // 8, dice.random()))
    answers: dict[int, tuple[Claim, Claim]] = {}

    def claim(position: int) -> None:
        (first,), (again,) = (store.claim([pairs[position]], f"racer {seed}") for _ in range(2))
        answers.setdefault(position, (first, again))

    half = len(order) // 2
    _wait_for_the_others(store, seed, racers)
    for position in order[:half]:
        claim(position)
    claim(len(order) - 1 - seed)
    _wait_for_the_others(store, seed, racers, "half")
    for position in order[half:]:
        claim(position)
    client.close()
    return [answers[position] for position in range(len(pairs))]
