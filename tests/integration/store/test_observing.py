"""The record of reads and refusals, on every kind of Redis and as every user: written by a script that never fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from devtools.redis_server import RedisServer
from devtools.redis_sets import ClusterSet, ask
from exclusive_redis_xcom.formats import observed, redis_names
from exclusive_redis_xcom.formats.observed import Event
from exclusive_redis_xcom.store import Push, Store
from exclusive_redis_xcom.store.scripts import OBSERVE
from tests.integration.kinds import FEW_KINDS
from tests.integration.support import ACL, PREFIX, TTL, at, open_store, user_without, value

STORE_KINDS = FEW_KINDS
NAME = redis_names.observed_name(PREFIX, "dag")
LIST = redis_names.observed_name(PREFIX)
READ = Event("dag", "task", "key", ("bi", "daily"), observed.READ)
REFUSED = READ._replace(kind=observed.RULE)


def counts(store: Store, dag_id: str = "dag") -> dict[tuple[Any, ...], dict[str, int]]:
    found = store.observed(dag_id)
    assert found is not None
    return {
        (entry.task_id, entry.key, entry.reader): {kind: count.number for kind, count in entry.counts.items()}
        for entry in found.entries
    }


def test_what_was_counted_is_read(store: Store) -> None:
    before = int(time.time() * 1000) - 5_000
    store.count([READ])
    store.count([READ, REFUSED, READ._replace(reader=None, kind=observed.NOBODY)])

    found = store.observed("dag")

    assert counts(store) == {
        ("task", "key", ("bi", "daily")): {"read": 2, "rule": 1},
        ("task", "key", None): {"nobody": 1},
    }
    assert found is not None
    assert found.since_ms is not None
    assert before < found.since_ms < before + 60_000
    assert found.reads_since_ms is not None
    assert found.since_ms <= found.reads_since_ms
    assert all(count.last_ms >= found.since_ms for entry in found.entries for count in entry.counts.values())
    assert (found.lost, found.unreadable) == (None, 0)
    assert store.observed_dags() == ["dag"]


def test_nothing_was_recorded(store: Store) -> None:
    assert (store.observed("dag"), store.observed_dags()) == (None, [])


def test_a_read_is_counted_along_with_the_value(store: Store) -> None:
    pushed = value(at())
    store.push(Push(pushed, acl=ACL, ttl=TTL))

    assert store.fetch_many([at()], None, store.counting([READ]))[0].envelope == pushed

    assert counts(store) == {("task", "key", ("bi", "daily")): {"read": 1}}


def test_what_was_counted_too_early_is_taken_back(store: Store) -> None:
    store.count([READ])
    store.count([READ._replace(by=-1), REFUSED])
    store.count([READ._replace(task_id="other", by=-1)])  # it was never counted

    assert counts(store) == {("task", "key", ("bi", "daily")): {"rule": 1}}


def test_a_read_does_not_begin_before_the_first(store: Store) -> None:
    store.count([REFUSED])
    found = store.observed("dag")

    assert found is not None
    assert found.reads_since_ms is None


@pytest.mark.parametrize("text", ["a:b/c %{}é\N{SNOWMAN}", "\udcff", "x" * 250, "=", "#1", "since"])
def test_ids_of_any_form(store: Store, text: str) -> None:
    store.count([Event(text, text, text, (text, text), observed.READ)])

    assert counts(store, text) == {(text, text, (text, text)): {"read": 1}}
    assert store.observed_dags() == [text]


def test_a_full_record_counts_what_it_does_not_hold(any_redis: RedisServer) -> None:
    with open_store(any_redis.url) as store:
        for start in range(0, observed.MOST_ENTRIES, 100):
            store.count([READ._replace(key=f"k{start + i}") for i in range(100)])
        store.count([READ._replace(key="one too many")])
        store.count([READ._replace(key="one too many", by=2), READ._replace(key="k0")])

        found = store.observed("dag")

    assert found is not None
    assert found.lost is not None
    assert (len(found.entries), found.lost.number) == (observed.MOST_ENTRIES, 3)
    assert next(entry for entry in found.entries if entry.key == "k0").counts["read"].number == 2


def test_a_name_that_is_too_long_is_not_recorded(any_redis: RedisServer) -> None:
    with open_store(any_redis.url) as store:
        store.count([READ._replace(key="\N{SNOWMAN}" * 1000)])
        found = store.observed("dag")

    assert found is not None
    assert found.lost is not None
    assert (found.entries, found.lost.number) == ((), 1)


def test_the_record_ends_a_month_after_its_last_change(any_redis: RedisServer, raw: redis.Redis) -> None:
    with open_store(any_redis.url) as store:
        store.count([READ])
        raw.pexpire(NAME, 10_000)
        store.count([READ])

    month = 30 * 24 * 3600 * 1000
    assert month - 60_000 < raw.pttl(NAME) <= month
    assert month < raw.pttl(LIST) <= month + 24 * 3600 * 1000


def test_the_list_of_dags_is_written_once_a_day(any_redis: RedisServer, raw: redis.Redis) -> None:
    with open_store(any_redis.url) as store:
        for _ in range(3):
            store.count([READ])

    (listed,) = raw.hmget(LIST, "=dag")
    assert isinstance(listed, bytes)
    assert listed.startswith(b"listed:1:")


@pytest.mark.parametrize("missing", ["time", "pexpire", "hset", "hmget", "hdel", "eval"])
def test_a_user_who_lacks_a_command_pulls_all_the_same(any_redis: RedisServer, missing: str) -> None:
    with open_store(any_redis.url) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))
    with user_without(any_redis, missing) as url, open_store(url) as store:
        asides = store.counting([READ])
        if missing == "hmget":
            store._client.run("Asking", lambda session: session.call_many([(NAME, ("TIME",))], asides))
        else:
            assert store.fetch_many([at()], None, asides)[0].found


@pytest.mark.parametrize("name", [NAME, LIST])
def test_a_record_that_a_task_has_replaced_stops_no_pull(any_redis: RedisServer, raw: redis.Redis, name: str) -> None:
    with open_store(any_redis.url) as store:
        store.push(Push(value(at()), acl=ACL, ttl=TTL))
        raw.set(name, "a text", ex=60)

        assert store.fetch_many([at()], None, store.counting([READ]))[0].found
        store.count([READ])


HOSTILE_FIELDS = {
    "size": [b"x", b"-1", b"9" * 5000, b"1e9", b"0", b""],
    "since": [b"soon", b"9" * 400, b"-1"],
    "reads": [b"\xff", b"9" * 14],
    "lost": [b"x y", b"1", b"9" * 15 + b" " + b"9" * 15, b"\0"],
    "=task:key:bi:daily": [b"read:" + b"9" * 400 + b":1", b"x" * 10_000, b"read", b"read:1:99999999999999999", b"\xff"],
    "#0": [b"task:key", b"task:key:bi:daily:more", b"%zz:key:bi:daily", b"::bi:daily", b"t:k:bi:", b"\xff" * 9000],
}


@pytest.mark.parametrize(("field", "text"), [(name, text) for name, texts in HOSTILE_FIELDS.items() for text in texts])
def test_hostile_fields_neither_stop_a_pull_nor_a_reader(
    any_redis: RedisServer, raw: redis.Redis, field: str, text: bytes
) -> None:
    with open_store(any_redis.url) as store:
        store.count([READ])
        raw.hset(NAME, field, text)
        raw.hset(LIST, field, text)

        read = store.observed("dag")
        listed = store.observed_dags()
        store.count([READ, REFUSED._replace(key="another")])
        again = store.observed("dag")

    assert listed in ([], ["dag"], [text.decode("latin-1")])
    for found in (read, again):
        assert found is None or all(
            0 <= count.number < 10**15 for entry in found.entries for count in entry.counts.values()
        )


def test_what_does_not_have_the_form_of_an_entry_is_counted(any_redis: RedisServer, raw: redis.Redis) -> None:
    with open_store(any_redis.url) as store:
        store.count([READ])
        raw.hset(NAME, mapping={"size": "4", "#1": "a:b", "=a:b": "read:1:1", "#2": "x" * 5000, "#3": "gone"})
        found = store.observed("dag")

    assert found is not None
    assert (len(found.entries), found.unreadable) == (1, 3)


def spent(raw: redis.Redis, act: Callable[[], object]) -> float:
    """Do something, and return the microseconds that the server spent on scripts and on HGET meanwhile."""
    raw.config_resetstat()
    act()
    spent_on = raw.info("commandstats")
    return float(sum(spent_on[name]["usec"] for name in spent_on if name.removeprefix("cmdstat_") in _TIMED))


_TIMED = ("eval", "evalsha", "hget")


def test_the_script_needs_one_pass_over_long_fields(any_redis: RedisServer, raw: redis.Redis) -> None:
    """A pattern that is matched against a field of 56 MiB takes hundreds of times as long as a read of it."""
    with open_store(any_redis.url) as store:
        store.count([READ])
        raw.hset(NAME, "=task:key:bi:daily", b"read:1:" * (8 * 1024 * 1024))
        read = spent(raw, lambda: raw.hget(NAME, "=task:key:bi:daily"))

        assert spent(raw, lambda: store.count([READ])) < 50 * read

    assert counts_of(raw)[0] == b"read:1"


@pytest.mark.parametrize("field", ["since", "reads", "size", "lost"])
def test_a_long_field_of_the_head_costs_one_pull_and_no_further_one(
    any_redis: RedisServer, raw: redis.Redis, field: str
) -> None:
    with open_store(any_redis.url) as store:
        store.count([READ])
        raw.hset(NAME, field, b"9" * 100_000)
        store.count([READ])

    assert raw.hstrlen(NAME, field) < 64


def test_the_time_of_the_script_is_linear_in_hostile_counts(any_redis: RedisServer, raw: redis.Redis) -> None:
    """Where each letter of a hundred fields of 1 KiB began a search, they took a thousand times as long as usual."""
    events = [READ._replace(key=f"k{i}") for i in range(100)]
    with open_store(any_redis.url) as store:
        store.count(events)
        usual = spent(raw, lambda: store.count(events))
        for event in events:
            raw.hset(NAME, f"={event.name}", b"a" * 1024)

        assert spent(raw, lambda: store.count(events)) < 150 * usual


def counts_of(raw: redis.Redis) -> list[bytes]:
    text = raw.hget(NAME, "=task:key:bi:daily")
    assert isinstance(text, bytes)
    return [b":".join(word.split(b":")[:2]) for word in text.split()]


def test_a_command_has_at_most_100_events_and_all_are_counted(any_redis: RedisServer) -> None:
    events = [READ._replace(key=f"k{i}") for i in range(150)]
    with open_store(any_redis.url) as store:
        first, second, listing = [command for _, command in store.counting(events)]
        store.count(events)
        found = store.observed(READ.dag_id)

    assert first[:2] == second[:2] == ("EVAL", OBSERVE.source)
    assert (len(first), len(second), len(listing)) == (8 + 3 * 100, 8 + 3 * 50, 8 + 3)
    assert found is not None
    assert {entry.key for entry in found.entries} >= {event.key for event in events}


@pytest.fixture
def raw(any_redis: RedisServer) -> Any:
    with redis.Redis.from_url(any_redis.url) as client:
        yield client


def test_a_node_of_a_cluster_that_does_not_answer_disturbs_no_pull_on_another_node(cluster: ClusterSet) -> None:
    listing = cluster.owner_of(key_slot(LIST.encode()))
    dag_id = next(
        name
        for name in (f"dag{i}" for i in range(1000))
        if cluster.owner_of(key_slot(redis_names.observed_name(PREFIX, name).encode())) is listing
    )
    here = next(
        coordinate
        for coordinate in (at(key=f"key{i}") for i in range(1000))
        if cluster.owner_of(key_slot(redis_names.hash_name(PREFIX, coordinate).encode())) is not listing
    )
    with open_store(cluster.url, read=0.5) as store:
        store.push(Push(value(here), acl=ACL, ttl=TTL))
        ask(listing, "CLIENT", "PAUSE", "1500")
        start = time.perf_counter()

        for _ in range(3):
            assert store.fetch_many([here], None, store.counting([READ._replace(dag_id=dag_id)]))[0].found

        assert time.perf_counter() - start < 1.2  # it waits for the node once
        time.sleep(1.5)
        assert store.fetch(here).found


WOULD = READ._replace(kind=observed.WOULD_REFUSE)


def today() -> int:
    return int(time.time() // 86_400)


def days(store: Store, *dag_ids: str) -> dict[str, list[tuple[int, int, int]]]:
    """The days of these DAGs, each with how long ago it is."""
    found = store.refusals_by_day(dag_ids or ("dag",))
    return {dag_id: [(today() - day.day, *day[1:]) for day in of] for dag_id, of in found.items()}


def test_refusals_are_counted_by_day_and_reads_are_not(store: Store) -> None:
    store.count([READ, REFUSED._replace(dag_id="other", kind=observed.NOBODY, reader=None)])
    assert days(store, "dag", "other", "never") == {"other": [(0, 1, 0)]}

    store.count([REFUSED, REFUSED._replace(kind=observed.ONCE, by=3), WOULD, READ])
    store.count([REFUSED])

    assert days(store, "dag", "other", "never") == {"dag": [(0, 5, 1)], "other": [(0, 1, 0)]}
    assert counts(store)["task", "key", ("bi", "daily")] == {"read": 2, "rule": 2, "once": 3, "would_refuse": 1}


def test_days_of_many_dags_are_read_in_few_round_trips(any_redis: RedisServer) -> None:
    with open_store(any_redis.url) as store:
        names = [f"dag{n}" for n in range(600)]
        for name in names:
            store.count([REFUSED._replace(dag_id=name)])

        assert days(store, *names) == {name: [(0, 1, 0)] for name in names}


def test_a_record_of_an_earlier_build_has_no_days_and_gets_some(any_redis: RedisServer, raw: redis.Redis) -> None:
    with open_store(any_redis.url) as store:
        store.count([REFUSED])
        raw.hdel(NAME, "days")  # earlier builds write all other fields in the same way
        assert (days(store), counts(store)) == ({}, {("task", "key", ("bi", "daily")): {"rule": 1}})

        store.count([REFUSED])

        assert (days(store), counts(store)) == ({"dag": [(0, 1, 0)]}, {("task", "key", ("bi", "daily")): {"rule": 2}})


def test_a_month_of_days_is_kept(any_redis: RedisServer, raw: redis.Redis) -> None:
    now = today()
    with open_store(any_redis.url) as store:
        store.count([REFUSED])
        raw.hset(NAME, "days", " ".join(f"{now - ago}:999999999:999999999" for ago in range(35, -1, -1)))
        store.count([REFUSED])

        found = days(store)["dag"]

    assert [ago for ago, _, _ in found] == [*range(29, -1, -1)]
    assert found[-1] == (0, 999_999_999, 999_999_999)
    assert len(raw.hget(NAME, "days") or b"") <= observed.LONGEST_DAYS


def test_a_full_record_counts_days_all_the_same(any_redis: RedisServer, raw: redis.Redis) -> None:
    with open_store(any_redis.url) as store:
        store.count([READ])
        raw.hset(NAME, "size", observed.MOST_ENTRIES)
        store.count([REFUSED._replace(key="one too many", by=2)])

        assert days(store) == {"dag": [(0, 2, 0)]}


@pytest.mark.parametrize(
    "text", ["x", "1:1:1 " * 100_000, "99999:5:5", "-1:1:1", f"{10**14}:1:1", "20000:1:1:1", ":::", "\0\0"]
)
def test_hostile_days_are_written_anew(any_redis: RedisServer, raw: redis.Redis, text: str) -> None:
    with open_store(any_redis.url) as store:
        store.count([READ])
        raw.hset(NAME, "days", text)
        store.refusals_by_day(["dag"])
        store.count([REFUSED])

        assert days(store) == {"dag": [(0, 1, 0)]}
    assert raw.hget(NAME, "days") == f"{today()}:1:0".encode()


@pytest.mark.parametrize("text", ["1:1:1 " * 100_000, "not a day"])
def test_hostile_days_are_not_believed(any_redis: RedisServer, raw: redis.Redis, text: str) -> None:
    with open_store(any_redis.url) as store:
        store.count([READ])
        raw.hset(NAME, "days", text)

        assert days(store) == {}
