"""What the overview says of memory, from a real Redis, as several users, and within its bounds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.pages.overview import memory
from exclusive_redis_xcom.pages.overview.memory import MemoryRead, MemoryReader
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import ACL, API_PASSWORD, API_USER, TTL, Start, admin, open_store, value


def reader(url: str) -> MemoryReader:
    return MemoryReader(lambda: open_store(url, deadline=0.5, read=0.5))


def last(of: MemoryReader) -> MemoryRead:
    *_, found = of.states()
    return found


def fill(store: Store, *, dags: int = 3, keys: int = 4, size: int = 1000) -> None:
    for dag in range(dags):
        for key in range(keys):
            store.push(Push(value(Coordinate(f"dag{dag}", "run", "task", f"k{key}"), size=size), acl=ACL, ttl=TTL))


def test_it_sums_by_dag(any_redis: RedisServer) -> None:
    with open_store(any_redis.url) as store:
        fill(store)
        far = value(Coordinate("late", "run", "task", "key"), size=5000)
        store.push(Push(far.spilled_to("an object"), acl=ACL, ttl=timedelta(days=3)))
        for index in range(10):
            mapped = value(Coordinate("mapped", "run", "task", "key", index), size=700)
            store.push(Push(mapped.spilled_to(f"object {index}"), acl=ACL, ttl=TTL, own_acl=ACL))

    found = last(reader(any_redis.url))

    assert (found.xcoms, found.without_ttl, found.is_whole, found.problem) == (14, 0, True, None)
    assert {dag_id: (each.xcoms, each.values) for dag_id, each in found.by_dag.items()} == {
        "dag0": (4, 4),
        "dag1": (4, 4),
        "dag2": (4, 4),
        "late": (1, 1),
        "mapped": (1, 10),
    }
    assert 4000 < found.by_dag["dag0"].bytes_in_redis == found.by_dag["dag0"].expiring < 8000
    assert (found.by_dag["late"].bytes_elsewhere, found.by_dag["late"].expiring) == (5000, 0)
    assert found.by_dag["mapped"].bytes_elsewhere == 7000  # four results are looked at, and ten are meant


def test_an_xcom_without_a_ttl_is_noticed(start_redis: Start) -> None:
    server = start_redis()
    with open_store(server.url) as store, admin(server) as raw:
        fill(store, dags=1, keys=2)
        name = redis_names.hash_name("xcom-test", Coordinate("dag0", "run", "task", "k0"))
        assert raw.persist(name)

        assert (last(reader(server.url)).without_ttl, last(reader(server.url)).xcoms) == (1, 2)

        raw.expire(name, 60)


def test_each_refresh_goes_on_where_the_last_one_ended(any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_XCOMS_A_REFRESH", 5)
    with open_store(any_redis.url) as store:
        fill(store)
    of = reader(any_redis.url)

    seen = [last(of) for _ in range(4)]

    assert [(found.xcoms, found.is_whole) for found in seen] == [(5, False), (10, False), (12, True), (12, True)]
    assert sum(each.xcoms for each in seen[1].by_dag.values()) == 10


def test_the_last_whole_pass_is_shown_until_the_next_one_has_ended(
    any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(any_redis.url) as store:
        fill(store)
        of = reader(any_redis.url)
        whole = last(of)
        fill(store, dags=6)
        monkeypatch.setattr(memory, "_XCOMS_A_REFRESH", 20)

        assert last(of) == whole
        assert (last(of).xcoms, last(of).is_whole) == (24, True)


def test_no_pass_looks_at_more_than_the_most(any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_XCOMS", 7)
    with open_store(any_redis.url) as store:
        fill(store)

    found = last(reader(any_redis.url))

    assert (found.xcoms, found.is_whole) == (7, False)


def test_dags_that_tasks_made_up_do_not_take_the_servers_memory(
    any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_MOST_DAGS", 2)
    with open_store(any_redis.url) as store:
        fill(store, dags=5)

    found = last(reader(any_redis.url))

    assert (len(found.by_dag), found.xcoms) == (2, 20)


@pytest.mark.parametrize("server", ["redis_on_path", "redis_62"])
def test_the_restricted_user_of_api_servers_lacks_rights(request: pytest.FixtureRequest, server: str) -> None:
    url = request.getfixturevalue(server).url

    found = last(reader(url.replace("://", f"://{API_USER}:{API_PASSWORD}@")))

    assert (found.problem, found.by_dag) == ("rights", {})


def test_what_was_known_is_shown_when_redis_is_down(start_redis: Start) -> None:
    server = start_redis()
    with open_store(server.url) as store:
        fill(store)
    of = reader(server.url)
    before = last(of)
    server.stop()

    found = last(of)

    assert found.problem == "unreachable"
    assert (found.by_dag, found.xcoms, found.is_whole) == (before.by_dag, 12, True)
    assert last(reader(server.url)).by_dag == {}


def test_the_variable_names_another_user(any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(any_redis.url, prefix="exclusive_redis_xcom") as store:
        fill(store, dags=1)
    monkeypatch.setenv("EXCLUSIVE_XCOM_REDIS_URL", any_redis.url)

    assert last(MemoryReader()).by_dag["dag0"].xcoms == 4


def test_a_url_that_cannot_be_used_is_no_error_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXCLUSIVE_XCOM_REDIS_URL", "http://user:canary-password@host")

    assert last(MemoryReader()).problem == "unreachable"
