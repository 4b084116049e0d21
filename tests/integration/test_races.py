"""Many processes, threads, forks and signals at once: right values only."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from redis._parsers import Encoder
from redis.utils import HIREDIS_AVAILABLE

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.connection import RedisClient, Timeouts, driver, server
from exclusive_redis_xcom.connection.budget import Budget
from exclusive_redis_xcom.connection.packing import Packer
from exclusive_redis_xcom.connection.pool import MAX_SESSIONS
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.formats.envelope import PART_BYTES
from exclusive_redis_xcom.store import Claim, Push, Store
from tests.integration import workers
from tests.integration.support import ACL, PREFIX, TTL, at, is_intact, open_store, value

# pytest-timeout uses SIGALRM as well, unless told otherwise.
OWN_SIGALRM = pytest.mark.timeout(120, method="thread")


class Interrupt(BaseException):
    """As Airflow's AirflowTaskTimeout: raised by a signal handler, anywhere."""


@pytest.fixture(params=["redis", "sentinels", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    fixture = {"redis": "any_redis"}.get(request.param, request.param)
    found: str = request.getfixturevalue(fixture).url
    return found


@pytest.fixture
def interrupted() -> Iterator[None]:
    def handler(*_: object) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGALRM, handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_eight_processes_racing_see_right_values_only(any_redis: RedisServer) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(8, mp_context=spawn) as pool:
        results = [pool.submit(workers.race, any_redis.url, seed, 8, 2.0) for seed in range(8)]

        outcome = [result.result(timeout=60) for result in results]

    assert [wrong for _, wrong in outcome] == [[]] * 8
    assert sum(found for found, _ in outcome) > 100


# An interrupt between socket() and its owner leaves a socket to the garbage collector, which warns.
@pytest.mark.filterwarnings("ignore:.*:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@OWN_SIGALRM
@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize("size", [100_000, 2_500_000])
def test_after_an_interrupt_at_any_point_the_next_read_is_never_another_key_s(url: str, size: int) -> None:
    dice = random.Random(1)  # noqa: S311 - a test's dice
    coordinates = [at(index, key=f"k{index}") for index in range(4)]
    interrupts = 0
    with open_store(url, deadline=10) as store:
        for coordinate in coordinates:
            store.push(Push(value(coordinate, size=size), acl=ACL, ttl=TTL))
        for turn in range(5_000):
            if turn >= 60 and interrupts > 20:
                break
            coordinate = dice.choice(coordinates)
            try:
                signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.00005, 0.002 * max(1, size / PART_BYTES)))
                try:
                    store.fetch(coordinate)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                interrupts += 1
            other = dice.choice(coordinates)
            envelope = store.fetch(other).envelope
            assert envelope is not None
            assert is_intact(envelope, other)

    assert interrupts > 20


# As above.
@pytest.mark.filterwarnings("ignore:.*:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@OWN_SIGALRM
@pytest.mark.usefixtures("interrupted")
def test_an_interrupted_claim_is_granted_when_the_claimer_comes_back(url: str) -> None:
    dice = random.Random(2)  # noqa: S311 - a test's dice
    interrupts = 0
    with open_store(url, deadline=10) as store:
        for _ in range(2_000):
            if interrupts > 20:
                break
            pushed = value(at())
            store.push(Push(pushed, acl=ACL, ttl=TTL, once=True))
            pair = (at(), pushed.version)
            try:
                signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.00005, 0.001))
                try:
                    store.claim([pair], "one")
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                interrupts += 1

            assert store.claim([pair], "one") == [Claim("granted", "one")]
            assert store.claim([pair], "two") == [Claim("taken", "one")]

    assert interrupts > 20


@OWN_SIGALRM
@pytest.mark.usefixtures("interrupted")
def test_an_interrupt_ends_the_wait_between_two_attempts_at_once(any_redis: RedisServer) -> None:
    client = RedisClient(options_from_url("redis://127.0.0.1:1"), Timeouts(deadline=20))
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    begin = time.monotonic()

    with pytest.raises(Interrupt):
        Store(client, key_prefix=PREFIX).fetch(at())

    assert time.monotonic() - begin < 2


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_parent_and_child_of_a_fork_get_right_values_only(url: str) -> None:
    coordinates = [at(index, key=f"k{index}") for index in range(4)]
    with open_store(url, deadline=10) as store:
        for coordinate in coordinates:
            store.push(Push(value(coordinate, size=20_000), acl=ACL, ttl=TTL))

        children = [_fork_a_reader(store, seed) for seed in range(3)]
        _read(store, seed=9)
        exits = [os.waitpid(child, 0)[1] for child in children]
        _read(store, seed=10)

    assert exits == [0, 0, 0]


def _fork_a_reader(store: Store, seed: int) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        _read(store, seed)
        status = 0
    finally:
        os._exit(status)


def _read(store: Store, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    for _ in range(150):
        coordinate = at(index := dice.randrange(4), key=f"k{index}")
        envelope = store.fetch(coordinate).envelope
        assert envelope is not None
        assert is_intact(envelope, coordinate)


def test_a_child_forked_while_a_thread_works_is_not_blocked(any_redis: RedisServer) -> None:
    stop = threading.Event()
    with open_store(any_redis.url) as store, ThreadPoolExecutor(1) as pool:
        store.push(Push(value(at(0, key="k0")), acl=ACL, ttl=TTL))

        def read_on() -> None:
            while not stop.is_set():
                store.fetch(at(0, key="k0"))

        reading = pool.submit(read_on)
        children = [_fork_quietly(store) for _ in range(5)]
        exits = [os.waitpid(child, 0)[1] for child in children]
        stop.set()
        reading.result()

    assert exits == [0] * 5


def test_a_child_forked_while_every_connection_is_in_use_has_its_own(any_redis: RedisServer) -> None:
    release = threading.Event()
    taken = threading.Barrier(MAX_SESSIONS + 1)

    def hold(_: object) -> None:
        taken.wait(5)
        release.wait(20)

    with open_store(any_redis.url, deadline=2) as store, ThreadPoolExecutor(MAX_SESSIONS) as pool:
        store.push(Push(value(at(0, key="k0")), acl=ACL, ttl=TTL))
        for _ in range(MAX_SESSIONS):
            pool.submit(store._client.run, "Holding", hold)
        taken.wait(5)
        child = _fork_quietly(store)
        status = os.waitpid(child, 0)[1]
        release.set()

    assert status == 0


def _fork_quietly(store: Store) -> int:
    import warnings

    with warnings.catch_warnings():  # forking while threads run is what is tested
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    status = 1
    try:
        status = 0 if store.fetch(at(0, key="k0")).found else 1
    finally:
        os._exit(status)


def test_sixteen_threads_share_eight_connections(any_redis: RedisServer) -> None:
    with open_store(any_redis.url, deadline=30) as store, ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda thread: _push_and_read(store, thread), range(16)))

        clients = store._client.run("Counting", lambda session: session.call("", ("CLIENT LIST",)))

    assert results == [40] * 16
    assert len(clients) <= MAX_SESSIONS + 2  # this fixture's administrators have their own


def _push_and_read(store: Store, thread: int) -> int:
    right = 0
    for index in range(40):
        coordinate = at(index, key=f"thread{thread}")
        store.push(Push(pushed := value(coordinate), acl=ACL, ttl=TTL))
        right += store.fetch(coordinate).envelope == pushed
    return right


def test_a_thread_that_gets_no_connection_in_time_is_told_so(any_redis: RedisServer) -> None:
    client = RedisClient(options_from_url(any_redis.url), Timeouts(deadline=0.3))
    release = threading.Event()
    taken = threading.Barrier(MAX_SESSIONS + 1)

    def hold(_: object) -> None:
        taken.wait(5)
        release.wait(10)

    with ThreadPoolExecutor(MAX_SESSIONS) as pool:
        holders = [pool.submit(client.run, "Holding", hold) for _ in range(MAX_SESSIONS)]
        taken.wait(5)
        begin = time.monotonic()
        with pytest.raises(
            StoreUnavailable,
            match=r"all connections of this process to Redis stayed in use\.\n(.|\n)*Use fewer threads",
        ):
            client.run("Trying", lambda session: session.call("", ("PING",)))
        waited = time.monotonic() - begin
        release.set()
        for holder in holders:
            holder.result()

    assert waited < 1
    assert client.run("Trying", lambda session: session.call("", ("PING",)))
    client.close()


def test_commands_are_packed_by_python_code_where_hiredis_is_installed(any_redis: RedisServer) -> None:
    options = options_from_url(any_redis.url)
    line = server.Line(driver.open_server(options, options.addresses[0], Timeouts(1.0, 2.0, 5.0), Budget()))
    large = memoryview(bytes(100_000))

    assert line.call(("PING",))
    packed = line._connection.pack_command("SET", "key", large)
    line.close()

    assert HIREDIS_AVAILABLE
    assert b"".join(packed).startswith(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100000\r\n")
    assert any(piece is large for piece in packed)  # hiredis' packer copies it


@OWN_SIGALRM
@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize("arguments", [("key", "x" * 100), ("key", 1, b"zz", "x" * 100)], ids=["text", "all types"])
def test_our_packer_packs_right_bytes_after_any_number_of_interrupts(arguments: tuple[str | int | bytes, ...]) -> None:
    # This makes the packer itself, so no other one can be in use here.
    packer = Packer(6000, Encoder("utf-8", "strict", False).encode)
    command = ("EVALSHA", "a" * 40, *arguments)
    right = b"".join(packer.pack(*command))
    dice = random.Random(3)  # noqa: S311 - a test's dice
    interrupts = 0
    until = time.monotonic() + 2
    while time.monotonic() < until:
        try:
            signal.setitimer(signal.ITIMER_REAL, dice.uniform(0.00002, 0.0006))
            try:
                for _ in range(300):
                    assert b"".join(packer.pack(*command)) == right
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupt:
            interrupts += 1

    assert right.startswith(b"*%d\r\n$7\r\nEVALSHA\r\n" % len(command))
    assert interrupts > 100
