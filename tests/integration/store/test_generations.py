"""Workers and API servers of two releases on one Redis: generation 2 and generation 3 in one hash.

No value is lost. None gets another rule than its own push gave it. No direct pull finds what the database does not
refer to.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.formats import description, redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Description
from exclusive_redis_xcom.store import Push, Store
from tests.integration.store import earlier
from tests.integration.store.marked import SERVER, SERVERS, watch_since_long_ago
from tests.integration.support import ACL, PREFIX, TTL, at, do, is_intact, push_pairs, value

STORE_KINDS = [
    "fakeredis",
    "redis on PATH",
    "redis 6.2",
    "restricted user, redis 6.2",
    "cluster",
]
HASH = redis_names.hash_name(PREFIX, at())
TOLD = Description("dict", (1,), keys=("a",))


def acl(*consumers: str) -> bytes:
    """A rule in force for the XCom of these tests."""
    rules = (Rule("task", "key", consumers, "exclusive() at dags/a.py:3", exact=True),)
    return Acl("dag", rules, "nobody").dumps()


RULES = (acl("load"), acl("load", "report"), acl("*"), ACL)


@pytest.fixture
def old(store: Store) -> Store:
    """The same Redis for workers with `format = 2`."""
    return Store(store._client, key_prefix=PREFIX, generation=2)


def pushed(store: Store, index: int, rule: bytes, own: bytes | None = None, **options: object) -> Envelope:
    envelope = value(at(index))
    own = (own or rule) if index >= 0 else None
    store.push(Push(envelope, acl=rule, ttl=TTL, own_acl=own, watched=True, **options))  # type: ignore[arg-type]
    return envelope


def names(store: Store, *wanted: str) -> list[bool]:
    return [found is not None for found in do(store, HASH, "HMGET", HASH, *wanted)]


class TestRules:
    def test_results_with_one_rule_share_it(self, store: Store) -> None:
        for index in range(5):
            pushed(store, index, RULES[0])

        assert names(store, "acl", "acls", *(f"{index}:acl" for index in range(5))) == [True, True, *[False] * 5]
        assert [each.own_acl for each in store.fetch_many([at(index) for index in range(5)])] == [RULES[0]] * 5
        assert [each and each.own_acl for each in store.known([at(index) for index in range(5)])] == [RULES[0]] * 5

    def test_a_result_keeps_its_rule_when_a_later_push_has_another(self, store: Store) -> None:
        pushed(store, 0, RULES[0])
        pushed(store, 1, RULES[1], RULES[2])

        found = store.fetch_many([at(0), at(1)])

        assert [(each.acl, each.own_acl) for each in found] == [(RULES[1], RULES[0]), (RULES[1], RULES[2])]
        assert store.fetch_small(at(0), 1000).own_acl == RULES[0]

    def test_a_push_of_an_earlier_release_takes_no_rule_away(self, store: Store) -> None:
        pushed(store, 0, RULES[0])
        earlier.push(store, Push(value(at(1)), acl=RULES[1], ttl=TTL, own_acl=RULES[1]))

        found = store.fetch_many([at(0), at(1)])

        assert [(each.acl, each.own_acl) for each in found] == [(RULES[1], RULES[0]), (RULES[1], RULES[1])]

    def test_a_push_leaves_an_earlier_release_s_rule_to_its_value(self, store: Store, old: Store) -> None:
        pushed(old, 0, RULES[0])
        pushed(store, 1, RULES[1])

        found = store.fetch_many([at(0), at(1)])

        assert [(each.acl, each.own_acl) for each in found] == [(RULES[1], RULES[0]), (RULES[1], RULES[1])]

    def test_many_different_rules_have_fields_of_their_own(self, store: Store) -> None:
        """As for multiple outputs, where the keys of each result decide."""
        rules = [acl(*(f"consumer_{index}_{number}" for number in range(20))) for index in range(30)]
        for index, own in enumerate(rules):
            pushed(store, index, RULES[0], own)

        found = store.fetch_many([at(index) for index in range(30)])

        assert [each.own_acl for each in found] == rules
        shared, *own_fields = names(store, "acls", *(f"{index}:acl" for index in range(30)))
        assert shared
        assert own_fields[0] is False
        assert own_fields[-1] is True
        (size,) = [do(store, HASH, "HSTRLEN", HASH, "acls")]
        assert size <= 4096

    def test_one_long_rule_is_shared(self, store: Store) -> None:
        long = acl(*(f"consumer_{number}" for number in range(1000)))
        for index in range(3):
            pushed(store, index, long)

        assert names(store, "0:acl", "1:acl", "2:acl") == [False] * 3
        assert [each.own_acl for each in store.fetch_many([at(0), at(2)])] == [long, long]

    @pytest.mark.parametrize("left", [b"", b"\0\0\0\xff", b"\xff" * 9, b"\0" * 1_000_000, b"\0\0\0\1a"])
    def test_without_its_rule_a_value_is_nobody_s(self, store: Store, left: bytes) -> None:
        pushed(store, 0, RULES[0])
        pushed(store, 1, RULES[1])

        do(store, HASH, "HSET", HASH, "acls", left)

        first, second = store.fetch_many([at(0), at(1)])
        assert (first.acl, first.own_acl) == (RULES[1], None)
        assert second.own_acl == RULES[1]  # the rule in force is the same, and the value names no other
        pushed(store, 2, RULES[2])
        assert store.fetch(at(2)).own_acl == RULES[2]

    def test_a_rule_of_its_own_that_it_does_not_name_is_not_its_rule(self, store: Store) -> None:
        pushed(store, 0, RULES[0])
        pushed(store, 1, RULES[1])

        do(store, HASH, "HSET", HASH, "0:acl", RULES[2], "acls", "")

        assert store.fetch(at(0)).own_acl is None

    @pytest.mark.parametrize("by", ["this release", "parts"])
    def test_the_last_removal_takes_all_rules_along(self, store: Store, by: str) -> None:
        for index in (0, 1):
            size = 3_000_000 if by == "parts" else 10
            store.push(Push(value(at(index), size=size), acl=RULES[index], ttl=TTL, own_acl=RULES[index]))

        assert store.purge_many([at(0), at(1)]) == 2

        assert not store.fetch(at(0)).found

    def test_an_earlier_release_s_removal_leaves_no_value(self, store: Store) -> None:
        pushed(store, 0, RULES[0])

        earlier.purge(store, at(0))

        assert store.fetch(at(0)).envelope is None
        assert store.fetch(at(0)).own_acl is None


class TestSize:
    def test_a_result_of_a_mapped_task_takes_two_fields(self, store: Store) -> None:
        envelope = value(at(0), size=20)
        told = description.dumps(TOLD, envelope.version)
        store.push(Push(envelope, acl=RULES[0], ttl=TTL, own_acl=RULES[0], watched=True, description=told))

        assert do(store, HASH, "HLEN", HASH) == 4
        assert names(store, "acl", "acls", "0", "0:committed") == [True] * 4

    def test_format_2_writes_what_an_earlier_release_wrote(self, store: Store, old: Store) -> None:
        envelope = value(at(0))
        told = description.dumps(TOLD, envelope.version)
        push = Push(envelope, acl=RULES[0], ttl=TTL, own_acl=RULES[0], watched=True, description=told, once=True)
        old.push(push)
        wanted = ("acl", "acls", *(f"0{end}" for end in ("", ":acl", ":claim", ":described", ":parts", ":spilled")))
        written = do(store, HASH, "HMGET", HASH, *wanted, "0:committed")
        store.purge(at(0))
        earlier.push(store, push)
        before = do(store, HASH, "HMGET", HASH, *wanted, "0:committed")

        assert written[:-1] == before[:-1]
        assert written[-1].rpartition(b" ")[0] == before[-1].rpartition(b" ")[0]  # all but the time


class TestMarks:
    @pytest.mark.parametrize("generation", [2, 3])
    def test_either_is_committed(self, store: Store, old: Store, generation: int) -> None:
        watch_since_long_ago(store)
        envelope = pushed(old if generation == 2 else store, -1, RULES[0])

        assert store.commit(at(), envelope.version)

        current = store.fetch_current(at(), alone=True)
        assert current is not None
        assert current.stored[0].envelope == envelope

    def test_an_earlier_api_server_removes_a_mark_that_it_cannot_read(self, store: Store) -> None:
        watch_since_long_ago(store)
        envelope = pushed(store, -1, RULES[0])

        earlier.commit(store, at(), envelope.version, [])

        assert store.fetch_current(at()) is None
        assert names(store, "-1:committed") == [False]

    def test_results_of_both_are_read_together(self, store: Store, old: Store) -> None:
        watch_since_long_ago(store)
        found = [pushed(old if index % 2 else store, index, RULES[index % 3]) for index in range(7)]
        for envelope in found:
            assert store.commit(envelope.coordinate, envelope.version, lambda: range(7))

        current = store.fetch_every(at(0))

        assert current is not None
        assert [stored.envelope for stored in current.stored] == found
        assert [stored.own_acl for stored in current.stored] == [RULES[index % 3] for index in range(7)]

    @pytest.mark.parametrize("first", [2, 3])
    def test_a_push_replaces_all_of_the_other_generation_s_value(self, store: Store, old: Store, first: int) -> None:
        watch_since_long_ago(store)
        stores = (old, store) if first == 2 else (store, old)
        told = description.dumps(TOLD, "0" * 32)
        pushed(stores[0], 0, RULES[0], description=told)
        again = pushed(stores[1], 0, RULES[1])
        store.commit(at(0), again.version, lambda: [0])

        current = store.fetch_every(at(0))

        assert current is not None
        assert [(each.envelope, each.own_acl) for each in current.stored] == [(again, RULES[1])]

    def test_claims_hold_for_either(self, store: Store, old: Store) -> None:
        pairs = [*push_pairs(store, 0), *push_pairs(old, 1)]

        assert [each.status for each in store.claim(pairs, "claimer")] == ["granted", "granted"]
        assert [each.status for each in old.claim(pairs, "another")] == ["taken", "taken"]


@dataclass
class Row:
    """What the database refers to, and what was pushed for it."""

    envelope: Envelope
    rule: bytes
    is_new: bool
    is_marked: bool = False


INDEXES = st.integers(0, 3)
RULE_NUMBERS = st.integers(0, len(RULES) - 1)
RELEASES = st.sampled_from(["old", "format 2", "new"])


class TwoReleases(RuleBasedStateMachine):
    """Instances of one mapped task, and API servers, of two releases."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.client = RedisClient(options_from_url(self.url), Timeouts())
        self.stores = {
            "new": Store(self.client, key_prefix=PREFIX),
            "format 2": Store(self.client, key_prefix=PREFIX, generation=2),
        }
        self.new = self.stores["new"]
        self.rows: dict[int, Row] = {}
        self.in_force: bytes | None = None

    @initialize()
    def watch(self) -> None:
        do(self.new, HASH, "DEL", HASH)
        watch_since_long_ago(self.new)

    def teardown(self) -> None:
        do(self.new, HASH, "DEL", HASH)
        self.new.leave(SERVER)
        do(self.new, SERVERS, "DEL", SERVERS)
        self.client.close()

    @rule(index=INDEXES, number=RULE_NUMBERS, own=RULE_NUMBERS, by=RELEASES, told=st.booleans(), watched=st.booleans())
    def push(self, index: int, number: int, own: int, by: str, told: bool, watched: bool) -> None:
        envelope = value(at(index), size=30)
        push = Push(
            envelope,
            acl=RULES[number],
            ttl=TTL,
            own_acl=RULES[own],
            watched=watched,
            description=description.dumps(TOLD, envelope.version) if told else b"",
        )
        if by == "old":
            earlier.push(self.new, push)
        else:
            self.stores[by].push(push)
        self.in_force = RULES[number]
        self.rows[index] = Row(envelope, RULES[own], is_new=by == "new")

    @rule(index=INDEXES, by=st.sampled_from(["old", "new"]))
    def commit(self, index: int, by: str) -> None:
        row = self.rows.get(index)
        if row is None:
            return
        if by == "old":
            row.is_marked = earlier.commit(self.new, at(index), row.envelope.version, sorted(self.rows))
            assert row.is_marked is False or not row.is_new
        else:
            row.is_marked = self.new.commit(at(index), row.envelope.version, lambda: sorted(self.rows))

    @rule(index=INDEXES)
    def row_changes(self, index: int) -> None:
        self.new.uncommit([at(index)])
        if index in self.rows:
            self.rows[index].is_marked = False

    @rule(index=INDEXES, by=st.sampled_from(["old", "new"]))
    def purge(self, index: int, by: str) -> None:
        self.rows.pop(index, None)
        if by == "old":
            earlier.purge(self.new, at(index))
        else:
            self.new.purge(at(index))

    @invariant()
    def each_value_is_there_with_its_own_rule(self) -> None:
        for index, stored in enumerate(self.new.fetch_many([at(index) for index in range(4)])):
            row = self.rows.get(index)
            assert stored.envelope == (None if row is None else row.envelope)
            assert stored.own_acl == (None if row is None else row.rule)
            if row is not None:
                assert stored.acl == self.in_force
                assert is_intact(row.envelope, at(index))

    @invariant()
    def what_an_earlier_release_pushed_it_reads(self) -> None:
        for index, row in self.rows.items():
            _, envelope, own = earlier.fetch(self.new, at(index))
            assert envelope in (None, row.envelope)
            assert envelope is None or own == row.rule

    @invariant()
    def a_direct_pull_finds_what_the_database_refers_to_or_nothing(self) -> None:
        self.new.beat(SERVER, missed=False)
        for index in range(4):
            current = self.new.fetch_current(at(index))
            row = self.rows.get(index)
            assert current is None or (row is not None and row.is_marked)
            assert current is None or current.stored[0].envelope == (row and row.envelope)
        every = self.new.fetch_every(at(0))
        if every is not None:
            assert all(row.is_marked for row in self.rows.values())
            assert [stored.envelope for stored in every.stored] == [
                self.rows[index].envelope for index in range(len(self.rows))
            ]

    @invariant()
    def nothing_outlives_the_last_value_but_rules(self) -> None:
        if not self.rows:
            assert set(do(self.new, HASH, "HKEYS", HASH)) <= {b"acl", b"acls"}


def test_two_releases_on_one_redis(any_redis: RedisServer) -> None:
    class Machine(TwoReleases):
        url = any_redis.url

    with redis.Redis.from_url(any_redis.url) as client:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[*HealthCheck]
            ),
        )
        assert client.dbsize() == 0
