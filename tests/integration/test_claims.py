"""Read-once values under concurrency, cut connections, restarts and failovers: one winner, and never nobody."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
import redis

from devtools.redis_server import RedisServer
from devtools.redis_sets import SentinelSet, ask, wait_until
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Claim, Push, Store
from tests.integration import workers
from tests.integration.cutting_proxy import CuttingProxy
from tests.integration.support import ACL, PREFIX, TTL, Start, at, open_store, value
from tests.integration.ttl_watch import TtlWatch

RACERS = 8
VALUES = 1000
ONE, TWO = [Claim("granted", "one")], [Claim("granted", "two")]
TAKEN_BY_ONE = [Claim("taken", "one")]


def push(store: Store, coordinate: Coordinate | None = None) -> tuple[Coordinate, str]:
    """Push a value that may be read once."""
    pushed = value(coordinate or at())
    own_acl = ACL if pushed.coordinate.map_index >= 0 else None
    store.push(Push(pushed, acl=ACL, ttl=TTL, own_acl=own_acl, once=True))
    return pushed.coordinate, pushed.version


@pytest.mark.timeout(120)
def test_of_eight_processes_exactly_one_gets_each_of_a_thousand_values(any_redis: RedisServer) -> None:
    with open_store(any_redis.url) as store:
        pairs = [push(store, at(index)) for index in range(VALUES)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(RACERS, mp_context=spawn) as pool:
        racing = [pool.submit(workers.claim_all, any_redis.url, seed, RACERS, pairs) for seed in range(RACERS)]
        answers = [race.result(timeout=100) for race in racing]

    winners = [answers[0][position][0].claimer for position in range(VALUES)]
    for seed in range(RACERS):
        expected = [
            Claim("granted" if winner == f"racer {seed}" else "taken", winner) for winner in winners
        ]  # the winner's second claim is granted, too, and a loser's second is told the same winner
        assert [first for first, _ in answers[seed]] == expected
        assert [again for _, again in answers[seed]] == expected
    assert set(winners) == {f"racer {seed}" for seed in range(RACERS)}


def test_claims_that_overlap_are_granted_whole_or_not_at_all(any_redis: RedisServer) -> None:
    with open_store(any_redis.url, deadline=20) as store, ThreadPoolExecutor(RACERS) as pool:
        for round_ in range(50):
            pairs = [push(store, at(index, key=f"round{round_}")) for index in range(6)]
            barrier = threading.Barrier(RACERS)
            sets = [[pairs[(start + step) % 6] for step in range(3)] for start in range(RACERS)]

            def race(racer: int, sets: list[list[tuple[Coordinate, str]]], barrier: threading.Barrier) -> list[Claim]:
                barrier.wait(10)
                return store.claim(sets[racer], f"racer {racer}")

            racing = [pool.submit(race, racer, sets, barrier) for racer in range(RACERS)]
            outcome = [claimed.result() for claimed in racing]

            granted = [racer for racer in range(RACERS) if all(c.status == "granted" for c in outcome[racer])]
            partly = [racer for racer in range(RACERS) if any(c.status == "granted" for c in outcome[racer])]
            claimed_by_them = [pair for racer in granted for pair in sets[racer]]
            assert granted == partly
            assert granted
            assert len(claimed_by_them) == len(set(claimed_by_them))


def test_while_a_producer_s_retries_push_every_version_has_at_most_one_claimer(any_redis: RedisServer) -> None:
    versions: list[str] = []
    stop = threading.Event()
    with open_store(any_redis.url, deadline=20) as store, ThreadPoolExecutor(5) as pool:
        versions.append(push(store)[1])

        def claim_on(claimer: str) -> list[str]:
            got = []
            while not stop.is_set():
                version = versions[-1]
                if store.claim([(at(), version)], claimer) == [Claim("granted", claimer)]:
                    got.append(version)
            return list(dict.fromkeys(got))

        racing = [pool.submit(claim_on, f"racer {number}") for number in range(4)]
        for _ in range(300):
            versions.append(push(store)[1])
        stop.set()
        won = [version for race in racing for version in race.result()]

    assert len(won) == len(set(won))
    assert won, "nobody ever got a claim in"


def test_a_push_sent_again_and_again_does_not_free_what_was_claimed(any_redis: RedisServer) -> None:
    pushed = value(at())
    stop = threading.Event()
    with open_store(any_redis.url, deadline=20) as store, ThreadPoolExecutor(1) as pool:
        store.push(Push(pushed, acl=ACL, ttl=TTL, once=True))

        def push_on() -> None:
            while not stop.is_set():
                store.push(Push(pushed, acl=ACL, ttl=TTL, once=True))

        pushing = pool.submit(push_on)
        store.claim([(at(), pushed.version)], "one")
        others = {store.claim([(at(), pushed.version)], f"racer {number}")[0] for number in range(300)}
        stop.set()
        pushing.result()

    assert others == {Claim("taken", "one")}


@pytest.mark.parametrize("cut", [*range(0, 40, 3), 60, 100])
def test_a_claim_whose_reply_is_cut_is_asked_for_again_and_granted(any_redis: RedisServer, cut: int) -> None:
    with open_store(any_redis.url) as direct:
        pair = push(direct)
        with CuttingProxy(any_redis.port, replies=cut, cuts=1) as proxy, open_store(proxy.url) as store:
            assert store.claim([pair], "one") == ONE

        assert direct.claim([pair], "two") == TAKEN_BY_ONE


@pytest.mark.parametrize("cut", [*range(0, 300, 23), 400, 1500])
@pytest.mark.parametrize("side", ["replies", "requests"])
def test_a_claim_that_is_cut_each_time_is_the_claimer_s_or_nobody_s(
    any_redis: RedisServer, side: str, cut: int
) -> None:
    with open_store(any_redis.url) as direct:
        pair = push(direct)
        with (
            CuttingProxy(any_redis.port, **{side: cut}) as proxy,
            open_store(proxy.url, deadline=0.1) as store,
            contextlib.suppress(StoreUnavailable),
        ):
            store.claim([pair], "one")

        assert direct.claim([pair], "two") in (TWO, TAKEN_BY_ONE)


@pytest.mark.parametrize("cut", [0, 1, 5, 12])
def test_a_claimer_that_never_got_its_answer_gets_the_value_when_it_comes_back(
    any_redis: RedisServer, cut: int
) -> None:
    with open_store(any_redis.url) as direct:
        direct.claim([push(direct, at(key="other"))], "one")  # so that Redis knows the script
        pair = push(direct)
        with (
            CuttingProxy(any_redis.port, replies=cut) as proxy,
            open_store(proxy.url, deadline=0.1) as store,
            pytest.raises(StoreUnavailable, match="Claiming XCom 'key'"),
        ):
            store.claim([pair], "one")

        assert direct.claim([pair], "one") == ONE


@pytest.mark.parametrize("forget", ["flush", "restart", "kill"])
def test_a_claim_outlives_what_redis_forgets(start_redis: Start, forget: str) -> None:
    # With everysec, Redis may answer before it writes, if its disk is slow. A kill then takes the claim with it.
    server = start_redis(config={"appendonly": "yes", "appendfsync": "always" if forget == "kill" else "everysec"})
    with open_store(server.url, deadline=10) as store:
        pair = push(store)
        store.claim([pair], "one")
        if forget == "flush":
            ask(server, "SCRIPT", "FLUSH")
        elif forget == "restart":
            server.restart()
        else:
            server.kill()
            server.start()

        assert store.claim([pair], "two") == TAKEN_BY_ONE
        assert store.claim([pair], "one") == ONE


def test_a_claim_at_a_dead_redis_is_loud_and_spends_nothing(start_redis: Start) -> None:
    server = start_redis(config={"appendonly": "yes", "appendfsync": "everysec"})
    with open_store(server.url, deadline=0.3) as store:
        pair = push(store)
        server.kill()

        with pytest.raises(StoreUnavailable, match="Claiming XCom 'key'"):
            store.claim([pair], "one")

        server.start()
        assert store.claim([pair], "two") == TWO


def test_out_of_memory_a_claim_is_loud_and_spends_nothing(start_redis: Start) -> None:
    server = start_redis(config={"maxmemory-policy": "noeviction"})
    with open_store(server.url) as store:
        pairs = [push(store, at(index)) for index in range(2)]
        claimed = push(store, at(key="claimed"))
        store.claim([claimed], "one")
        ask(server, "CONFIG", "SET", "maxmemory", 1)

        with pytest.raises(StoreUnavailable, match="out of memory"):
            store.claim(pairs, "one")

        assert store.claim([claimed], "one") == ONE  # a winner's retry writes nothing
        assert store.claim([claimed], "two") == TAKEN_BY_ONE
        ask(server, "CONFIG", "SET", "maxmemory", 0)
        assert store.claim(pairs, "two") == TWO * 2


def test_out_of_memory_a_push_leaves_the_older_value_with_its_claim(start_redis: Start) -> None:
    server = start_redis(config={"maxmemory-policy": "noeviction"})
    with open_store(server.url) as store:
        pair = push(store)
        store.claim([pair], "one")
        ask(server, "CONFIG", "SET", "maxmemory", 1)

        with pytest.raises(StoreUnavailable, match="out of memory"):
            push(store)

        assert store.claim([pair], "two") == TAKEN_BY_ONE


def test_another_program_s_key_under_our_name_is_named_and_left_alone(any_redis: RedisServer) -> None:
    with (
        open_store(any_redis.url) as store,
        contextlib.closing(redis.Redis(port=any_redis.port, socket_timeout=5)) as admin,
    ):
        admin.set(redis_names.hash_name(PREFIX, at()), "theirs", ex=60)

        with pytest.raises(StoreUnavailable, match="WRONGTYPE"):
            store.claim([(at(), "0" * 32)], "one")

        assert admin.get(redis_names.hash_name(PREFIX, at())) == b"theirs"


def lose_the_replica(servers: SentinelSet) -> None:
    """Cut the replica off so that nothing the master does from now on can reach it, nor wait in a socket for it."""
    servers.replica.pause()
    ask(servers.master, "CLIENT", "KILL", "TYPE", "replica")


def test_a_claim_that_was_not_replicated_is_lost_in_a_failover_and_another_task_can_win(
    sentinels_to_fail_over: SentinelSet,
) -> None:
    """Not wanted, but so: docs/reference/redis.md, "What a failover can do to a claim"."""
    servers = sentinels_to_fail_over
    with open_store(servers.url, deadline=20) as store:
        pair = push(store)
        wait_until(lambda: bool(ask(servers.replica, "DBSIZE")), what="the value is replicated")
        lose_the_replica(servers)
        first = store.claim([pair], "one")
        servers.master.kill()
        servers.replica.resume()
        wait_until(lambda: servers.current_master_port() == servers.replica.port, what="another master")

        second = store.claim([pair], "two")
        value_left = store.fetch(at()).envelope

        assert (first, second) == (ONE, TWO)
        assert value_left is not None


def test_a_claim_that_somebody_blew_up_in_redis_is_not_handed_out_whole(any_redis: RedisServer) -> None:
    with open_store(any_redis.url) as store:
        coordinate, version = push(store)
        name, field = redis_names.hash_name(PREFIX, coordinate), redis_names.claim_name(-1)
        with redis.Redis.from_url(any_redis.url) as raw:
            raw.hset(name, field, version + "x" * 1_000_000)

        (outcome,) = store.claim([(coordinate, version)], "one")

        assert outcome.status == "taken"
        assert len(outcome.claimer or "") == 16_384


def test_a_claim_that_was_replicated_outlives_a_failover(sentinels_to_fail_over: SentinelSet) -> None:
    servers = sentinels_to_fail_over
    with open_store(servers.url, deadline=20) as store:
        pair = push(store)
        store.claim([pair], "one")
        name, field = redis_names.hash_name(PREFIX, at()), redis_names.claim_name(-1)
        wait_until(lambda: "one" in (ask(servers.replica, "HGET", name, field) or ""), what="it is replicated")
        servers.master.kill()
        wait_until(lambda: servers.current_master_port() == servers.replica.port, what="another master")

        assert store.claim([pair], "two") == TAKEN_BY_ONE
        assert store.claim([pair], "one") == ONE


def test_a_master_that_must_have_a_replica_takes_no_claim_without_one(ttl_watch: TtlWatch) -> None:
    config = {"min-replicas-to-write": "1"}
    with (
        SentinelSet(config=config, down_after_ms=20_000) as servers,
        ttl_watch.over(servers.master),
        open_store(servers.url, deadline=20) as store,
        open_store(servers.url, deadline=0.3) as impatient,
    ):
        pair = push(store)
        lose_the_replica(servers)

        with pytest.raises(StoreUnavailable, match="too few replicas"):
            impatient.claim([pair], "one")

        servers.replica.resume()
        assert store.claim([pair], "two") == TWO
