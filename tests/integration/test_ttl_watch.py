"""The look at every key that the other tests rely on: it finds keys without a TTL, whatever becomes of the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import redis
from redis.crc import key_slot

from devtools.redis_server import RedisServer
from devtools.redis_sets import ClusterSet, SentinelSet, ask
from tests.integration.support import Start
from tests.integration.ttl_watch import TtlWatch

ROOT = Path(__file__).resolve().parents[2]

FORGETS_A_TTL = """
import redis

def test_that_forgets_a_ttl(start_redis):
    with redis.Redis(port=start_redis().port) as client:
        client.set("kept for ever", 1)
"""
FORGETS_NOTHING = FORGETS_A_TTL.replace("1)", "1, ex=60)")


@pytest.fixture
def server(start_redis: Start) -> RedisServer:
    return start_redis()


def write(server: RedisServer) -> None:
    with redis.Redis(port=server.port) as client:
        client.set("for ever", 1)
        client.set("for a minute", 1, ex=60)


def test_a_key_without_a_ttl_is_found_once_and_every_key_removed(server: RedisServer) -> None:
    watch = TtlWatch()
    with watch.over(server):
        write(server)

        assert watch.collect() == [b"for ever"]
        assert watch.collect() == []
        assert ask(server, "DBSIZE") == 0


def test_it_is_found_when_the_server_is_closed_before_anybody_asks() -> None:
    watch = TtlWatch()
    with RedisServer() as server, watch.over(server):
        write(server)

    assert watch.collect() == [b"for ever"]


def test_it_is_found_on_the_master_of_a_sentinel_set(sentinels: SentinelSet) -> None:
    watch = TtlWatch()
    master = next(node for node in (sentinels.master, sentinels.replica) if ask(node, "ROLE")[0] == "master")
    with watch.over(sentinels.master, sentinels.replica):
        write(master)
        ask(master, "WAIT", 1, 5000)

    assert set(watch.collect()) == {b"for ever"}


def test_it_is_found_on_any_node_of_a_cluster(cluster: ClusterSet) -> None:
    watch = TtlWatch()
    names = [b"a", b"b", b"c"]
    owners = [cluster.owner_of(key_slot(name)) for name in names]
    assert len({owner.port for owner in owners}) > 1
    with watch.over(*cluster.nodes):
        for name, owner in zip(names, owners, strict=True):
            ask(owner, "SET", name.decode(), 1)

    assert sorted(watch.collect()) == names


def test_a_server_that_its_test_has_stopped_is_no_error(server: RedisServer) -> None:
    watch = TtlWatch()
    with watch.over(server):
        server.stop()

        assert watch.collect() == []


@pytest.mark.parametrize(("source", "outcome"), [(FORGETS_A_TTL, 1), (FORGETS_NOTHING, 0)], ids=["without", "with"])
def test_a_test_that_leaves_a_key_without_a_ttl_does_not_pass(tmp_path: Path, source: str, outcome: int) -> None:
    (tmp_path / "test_one.py").write_text(source)
    plugins = ("-p", "tests.integration.conftest", "-p", "no:cacheprovider")

    command = [sys.executable, "-m", "pytest", "-q", *plugins, "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == outcome, done.stdout + done.stderr
    assert ("kept for ever" in done.stdout.partition("assert")[2]) == bool(outcome)
