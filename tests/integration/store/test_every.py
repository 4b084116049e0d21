"""When Redis alone may answer a pull of all results of a mapped task."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.store import Push, Store, alike, every
from tests.integration.kinds import FEW_KINDS
from tests.integration.store.marked import SERVER, push, watch_since_long_ago
from tests.integration.support import ACL, PREFIX, TTL, at, do, value

STORE_KINDS = FEW_KINDS

#: As often as an API server beats.
_BEAT_SECONDS = 2.0

HASH = redis_names.hash_name(PREFIX, at())


class Rows:
    """The rows of one key in Airflow's database."""

    def __init__(self, store: Store) -> None:
        self.indexes: set[int] = set()
        self.listings = 0
        self.meanwhile: Callable[[], object] = lambda: None
        self._store = store
        self._beaten = time.monotonic()

    def push(self, map_index: int, **options: Any) -> Envelope:
        """Push a value, store its row, and commit it. The API server beats meanwhile, however slow the machine is."""
        if time.monotonic() - self._beaten > _BEAT_SECONDS:
            self._store.beat(SERVER, missed=False)
            self._beaten = time.monotonic()
        return self.store_row(push(self._store, map_index, **options))

    def store_row(self, pushed: Envelope) -> Envelope:
        self.indexes.add(pushed.coordinate.map_index)
        assert self._store.commit(pushed.coordinate, pushed.version, self.listed)
        return pushed

    def listed(self) -> list[int]:
        self.listings += 1
        found = sorted(self.indexes)
        self.meanwhile()
        return found


@pytest.fixture
def rows(store: Store) -> Rows:
    watch_since_long_ago(store)
    return Rows(store)


def fetched(store: Store) -> list[Envelope | None] | None:
    current = store.fetch_every(at(0))
    return None if current is None else [stored.envelope for stored in current.stored]


def complete(store: Store) -> bytes | None:
    (found,) = do(store, HASH, "HMGET", HASH, redis_names.COMPLETE_FIELD)
    return None if found is None else bytes(found)


def let_go(store: Store) -> None:
    """Whoever wanted to find out whether the hash has all has had long enough."""
    do(store, HASH, "HSET", HASH, redis_names.COMPLETE_FIELD, "1?")


class TestAll:
    @pytest.mark.parametrize("count", [1, 3, 300])
    def test_they_are_read_when_each_row_has_its_mark(self, store: Store, rows: Rows, count: int) -> None:
        pushed = [rows.push(index) for index in range(count)]

        assert fetched(store) == pushed
        assert rows.listings == 1

    def test_in_any_order(self, store: Store, rows: Rows) -> None:
        pushed = {index: rows.push(index) for index in (2, 0, 1)}

        assert fetched(store) == [pushed[index] for index in range(3)]

    @pytest.mark.parametrize("indexes", [(1,), (0, 4), (7, 30, 31), (0, 1020)])
    def test_map_indexes_may_have_gaps(self, store: Store, rows: Rows, indexes: tuple[int, ...]) -> None:
        pushed = [rows.push(index) for index in indexes]

        assert fetched(store) == pushed

    def test_a_gap_may_be_too_long_to_be_searched(self, store: Store, rows: Rows) -> None:
        rows.push(0)
        rows.push(5000)

        assert fetched(store) is None

    def test_rules_come_with_them(self, store: Store, rows: Rows) -> None:
        rows.push(0)
        current = store.fetch_every(at(0))

        assert current is not None
        assert [(one.acl, one.own_acl) for one in current.stored] == [(ACL, ACL)]

    def test_one_that_is_pushed_again(self, store: Store, rows: Rows) -> None:
        pushed = [rows.push(index) for index in range(3)]
        again = push(store, 1)

        assert fetched(store) is None

        rows.store_row(again)
        assert fetched(store) == [pushed[0], again, pushed[2]]

    def test_what_was_said_is_said_for_good(self, store: Store, rows: Rows) -> None:
        rows.push(0)
        said = complete(store)
        rows.push(1)

        assert said is not None
        assert said.isdigit()
        assert (complete(store), rows.listings) == (said, 1)

    def test_a_task_that_is_not_mapped_has_no_such_field(self, store: Store, rows: Rows) -> None:
        rows.push(-1)

        assert (complete(store), rows.listings, fetched(store)) == (None, 0, None)


class TestNotAll:
    """Airflow is asked where Redis may not answer alone."""

    @pytest.fixture(autouse=True)
    def pushed(self, store: Store, rows: Rows) -> None:
        for index in range(3):
            rows.push(index)
        assert fetched(store) is not None

    def test_nothing_is_there(self, store: Store) -> None:
        store.purge_many([at(index) for index in range(3)])

        assert fetched(store) is None

    @pytest.mark.parametrize("index", [0, 1, 2, 3, 7, -1])
    def test_a_row_was_changed_past_redis(self, store: Store, index: int) -> None:
        store.uncommit([at(index)])

        assert (complete(store), fetched(store)) == (None, None)

    @pytest.mark.parametrize("index", [0, 2])
    def test_one_was_purged_and_its_row_may_be_there(self, store: Store, rows: Rows, index: int) -> None:
        store.purge(at(index))
        assert (complete(store), fetched(store)) == (None, None)

        rows.push(1)  # the database still has that row
        assert fetched(store) is None

    def test_a_row_came_of_the_time_when_the_task_was_not_mapped(self, store: Store, rows: Rows) -> None:
        one = push(store, -1)
        store.purge(at(-1))
        rows.push(0)
        assert fetched(store) is not None

        assert not store.commit(at(-1), one.version, rows.listed)
        assert fetched(store) is None

    def test_a_row_came_that_refers_to_what_redis_does_not_have(self, store: Store, rows: Rows) -> None:
        lost = push(store, 3)
        store.uncommit([at(3)])
        rows.push(2)
        assert complete(store) is not None

        assert not store.commit(at(3), lost.version, rows.listed)
        assert (complete(store), fetched(store)) == (None, None)

    def test_one_is_pushed_and_its_row_is_not_known_to_be_there(self, store: Store) -> None:
        push(store, 3)

        assert fetched(store) is None

    def test_one_was_pushed_that_nobody_watches(self, store: Store) -> None:
        store.push(Push(value(at(3)), acl=ACL, ttl=TTL, own_acl=ACL))

        assert fetched(store) is None

    @pytest.mark.parametrize("how", ["in parts", "elsewhere", "to be claimed", "not mapped"])
    def test_one_takes_other_fields_than_usual(self, store: Store, rows: Rows, how: str) -> None:
        one = value(at(-1 if how == "not mapped" else 3), size=3_000_000 if how == "in parts" else 100)
        if how == "elsewhere":
            one = one.spilled_to("object")
        own_acl = None if how == "not mapped" else ACL
        store.push(Push(one, acl=ACL, ttl=TTL, own_acl=own_acl, once=how == "to be claimed", watched=True))
        rows.store_row(one)

        assert fetched(store) is None

    def test_servers_have_missed_something(self, store: Store) -> None:
        store.distrust()

        assert fetched(store) is None

    def test_servers_miss_something_while_they_are_read(
        self, store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = int(time.time() * 1000)
        do(store, HASH, "HSET", HASH, redis_names.COMPLETE_FIELD, now - 3_600_000)
        reading = every.all_marks

        def and_meanwhile(*args: Any) -> Any:
            do(
                store,
                redis_names.servers_name(PREFIX),
                "HSET",
                redis_names.servers_name(PREFIX),
                "epoch",
                now - 1_800_000,
            )
            return reading(*args)  # all were pushed after that

        monkeypatch.setattr(every, "all_marks", and_meanwhile)

        assert fetched(store) is None

    def test_a_mark_goes_while_another_comes(self, store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
        """The fields are as many as before, but one of them is of a result that was not asked for."""
        rows.push(4)
        marks, read = every.all_marks, alike.all_alike

        def and_one_comes(*args: Any) -> Any:
            rows.push(3)
            return marks(*args)

        def and_marks_go(*args: Any) -> Any:
            for index in range(3):
                store.push(Push(value(at(index)), acl=ACL, ttl=TTL, own_acl=ACL))
            return read(*args)

        monkeypatch.setattr(every, "all_marks", and_one_comes)
        monkeypatch.setattr(every, "all_alike", and_marks_go)

        assert fetched(store) is None

    def test_a_push_that_nobody_watches_takes_it_away(self, store: Store) -> None:
        store.push(Push(value(at(1)), acl=ACL, ttl=TTL, own_acl=ACL))

        assert (complete(store), fetched(store)) == (None, None)

    def test_it_was_found_out_before_servers_missed_something(self, store: Store, rows: Rows) -> None:
        """Every value is pushed anew, but a row may have come meanwhile that nobody told of."""
        do(store, HASH, "HSET", HASH, redis_names.COMPLETE_FIELD, int(time.time() * 1000) - 3_600_000)
        assert fetched(store) is not None
        servers = redis_names.servers_name(PREFIX)
        do(store, servers, "HSET", servers, "epoch", int(time.time() * 1000) - 1_800_000)

        assert fetched(store) is None

    @pytest.mark.parametrize("text", ["", "x", "-1", "1 2", "9" * 15, "1?", "?"])
    def test_what_is_said_cannot_be_read(self, store: Store, text: str) -> None:
        do(store, HASH, "HSET", HASH, redis_names.COMPLETE_FIELD, text)

        assert fetched(store) is None

    @pytest.mark.parametrize("what", ["one more", "one less", "one more and one less", "one replaced"])
    def test_results_come_and_go_while_they_are_read(
        self, store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        reading = every.all_marks

        def and_meanwhile(*args: Any) -> Any:
            found = reading(*args)
            if what.startswith("one more"):
                rows.push(3)
            if what.endswith("one less"):
                store.purge(at(2))
            if what == "one replaced":
                rows.push(1)
            return found

        monkeypatch.setattr(every, "all_marks", and_meanwhile)

        assert fetched(store) is None

    @pytest.mark.parametrize("index", [0, 2])
    def test_one_is_not_what_its_mark_names(self, store: Store, index: int) -> None:
        do(store, HASH, "HSET", HASH, str(index), value(at(index)).pack())

        assert fetched(store) is None

    def test_one_is_damaged(self, store: Store) -> None:
        do(store, HASH, "HSET", HASH, "1", b"damaged")

        with pytest.raises(CorruptValue, match="map_index 1"):
            store.fetch_every(at(0))

    def test_no_server_watches(self, store: Store) -> None:
        servers = redis_names.servers_name(PREFIX)
        do(store, servers, "HSET", servers, "servers", "")

        assert fetched(store) is None


class TestFindingOut:
    def test_a_row_without_a_mark_leaves_it_unsaid(self, store: Store, rows: Rows) -> None:
        rows.indexes.add(7)
        for index in range(3):
            rows.push(index)

        assert fetched(store) is None
        assert rows.listings == 1  # and not again for each of thousands

        rows.indexes.discard(7)
        let_go(store)
        rows.push(0)
        assert fetched(store) is not None

    def test_what_happens_meanwhile_counts(self, store: Store, rows: Rows) -> None:
        """A row comes when the others have been listed, and its server tells of that before the list is looked at."""
        rows.meanwhile = lambda: store.uncommit([at(7)])
        rows.push(0)

        assert (complete(store), fetched(store)) == (None, None)

    def test_another_search_that_began_meanwhile_is_not_ended(self, store: Store, rows: Rows) -> None:
        def another() -> None:
            rows.meanwhile = lambda: None
            since = complete(store)
            store.uncommit([at(7)])
            store.commit(at(1), push(store, 1).version, lambda: None)
            # As if in the same millisecond.
            version = (complete(store) or b"").partition(b"?")[2]
            do(
                store,
                HASH,
                "HSET",
                HASH,
                redis_names.COMPLETE_FIELD,
                (since or b"").partition(b"?")[0] + b"?" + version,
            )

        rows.meanwhile = another
        rows.push(0)

        assert b"?" in (complete(store) or b"")

    def test_it_is_left_to_who_began_and_taken_over_after_a_while(self, store: Store, rows: Rows) -> None:
        one = push(store, 0)
        assert store.commit(at(0), one.version, lambda: None)
        rows.push(1)
        assert rows.listings == 0

        rows.indexes.add(0)
        let_go(store)
        rows.push(2)
        assert (rows.listings, len(fetched(store) or ())) == (1, 3)

    @pytest.mark.parametrize("rows_of", [None, lambda: None, lambda: range(20_001)], ids=["no", "unknown", "too many"])
    def test_without_a_list_it_stays_unsaid(self, store: Store, rows: Rows, rows_of: Any) -> None:
        pushed = push(store, 0)

        assert store.commit(at(0), pushed.version, rows_of)
        assert fetched(store) is None

    def test_thousands_are_looked_at(self, store: Store, rows: Rows) -> None:
        rows.indexes.update(range(1, 2500))
        do(store, HASH, "HSET", HASH, *(text for index in rows.indexes for text in (f"{index}:committed", "x")))
        rows.push(0)
        assert (complete(store) or b"").isdigit()

        do(store, HASH, "HDEL", HASH, "2400:committed")
        let_go(store)
        rows.push(0)
        assert b"?" in (complete(store) or b"")

    def test_a_wrong_version_says_nothing(self, store: Store, rows: Rows) -> None:
        pushed = push(store, 0)

        assert not store.commit(at(0), replace(pushed, version="0" * 32).version, rows.listed)
        assert (complete(store), rows.listings) == (None, 0)
