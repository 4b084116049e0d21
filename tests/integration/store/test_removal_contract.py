"""A store removes several values or whole hashes in the same way on every kind of Redis."""

from __future__ import annotations

from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import ACL, TTL, at, push_pairs, value


class TestPurgeMany:
    def test_values_of_many_xcoms_are_removed_and_counted(self, store: Store) -> None:
        for index in range(3):
            for key in "abc":
                store.push(Push(value(at(index, key=key)), acl=ACL, ttl=TTL, own_acl=ACL))
        gone = [at(1, key="a"), at(2, key="a"), at(0, key="b"), at(1, key="a"), at(9, key="c"), at(0, key="never")]

        assert store.purge_many(gone) == 3

        left = [(index, key) for index in range(3) for key in "abc" if store.fetch(at(index, key=key)).envelope]
        assert left == [(0, "a"), (0, "c"), (1, "b"), (1, "c"), (2, "b"), (2, "c")]

    def test_more_than_one_batch_holds_is_removed(self, store: Store) -> None:
        pairs = push_pairs(store, *range(300))

        assert store.purge_many([coordinate for coordinate, _ in pairs]) == 300
        assert not store.fetch(at(0)).found

    def test_removing_nothing_is_no_error(self, store: Store) -> None:
        assert store.purge_many([]) == 0


class TestDiscard:
    def test_a_hash_goes_with_all_its_map_indexes(self, removing_store: Store) -> None:
        store = removing_store
        push_pairs(store, 0, 1, 2)
        store.push(Push(value(at(key="other")), acl=ACL, ttl=TTL))

        assert store.discard([at(1)]) == 1

        assert not store.fetch(at(0)).found
        assert store.fetch(at(key="other")).found

    def test_many_hashes_go_and_are_counted(self, removing_store: Store) -> None:
        store = removing_store
        for number in range(300):
            store.push(Push(value(at(key=f"k{number}")), acl=ACL, ttl=TTL))
        gone = [at(index, key=f"k{number}") for number in range(300) for index in (-1, 0)]

        assert store.discard([*gone, at(key="never")]) == 300
        assert not any(stored.found for stored in store.fetch_many(gone))

    def test_discarding_nothing_is_no_error(self, removing_store: Store) -> None:
        assert removing_store.discard([]) == 0


class TestFree:
    """It is for API servers with either of the two users, so the workers' user frees, too."""

    def test_a_hash_goes_with_all_its_map_indexes(self, store: Store) -> None:
        push_pairs(store, *range(300))
        store.push(Push(value(at(key="large"), size=3_000_000), acl=ACL, ttl=TTL))
        store.push(Push(value(at(key="other")), acl=ACL, ttl=TTL))

        assert store.free([at(1), at(key="large"), at(key="never")]) == 2

        assert not store.fetch(at(0)).found
        assert not store.fetch(at(key="large")).found
        assert store.fetch(at(key="other")).found

    def test_many_hashes_go_and_are_counted(self, store: Store) -> None:
        for number in range(300):
            store.push(Push(value(at(key=f"k{number}")), acl=ACL, ttl=TTL))
        gone = [at(key=f"k{number}") for number in range(300)]

        assert store.free([*gone, at(key="never")]) == 300
        assert not any(stored.found for stored in store.fetch_many(gone))

    def test_freeing_nothing_is_no_error(self, store: Store) -> None:
        assert store.free([]) == 0
