"""What a worker's login reads of Celery's broker, on real Redis servers, with the names that kombu gives its keys."""

from __future__ import annotations

import pytest
import redis as driver

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.cli.doctor import celery_broker
from exclusive_redis_xcom.health.finding import Finding
from tests.integration.support import Start
from tests.unit.cli.doctor.patients import only, sealed_visit, visit

BROKER = "AIRFLOW__CELERY__BROKER_URL"
TRANSPORT = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__"
CANARY = "canary-p4ssword"
TOKEN = "canary-token"

#: What a worker of Celery needs. Only the keys differ between these users.
WORKER = f"on >{CANARY} resetchannels resetkeys &* -@all +@all -@dangerous -@admin"


@pytest.fixture(autouse=True)
def celery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")


@pytest.fixture
def broker(start_redis: Start) -> RedisServer:
    """A broker with messages in flight of two tenants, and logins."""
    server = start_redis(
        config={
            "user everything": f"{WORKER} ~*",
            "user sales": f"{WORKER} ~sales-*",
            "user sharing": f"{WORKER} ~unacked* ~default*",
            "user writing": f"on >{CANARY} resetkeys ~* -@all +ping +select +hset +hdel +zadd +zrem +brpop +lpush",
        }
    )
    with driver.Redis(port=server.port) as client:
        for name in ("unacked", "sales-unacked"):
            client.hset(name, "tag", TOKEN)
            client.zadd(f"{name}_index", {"tag": 1})
            client.expire(name, 60)
            client.expire(f"{name}_index", 60)
    return server


def found(monkeypatch: pytest.MonkeyPatch, url: str, **transport: str) -> Finding:
    monkeypatch.setenv(BROKER, url)
    for name, value in transport.items():
        monkeypatch.setenv(TRANSPORT + name.upper(), value)
    finding = only(celery_broker.celery_broker(sealed_visit()))
    assert CANARY not in repr(finding)
    assert TOKEN not in repr(finding)
    return finding


def login(server: RedisServer, user: str) -> str:
    return f"redis://{user}:{CANARY}@127.0.0.1:{server.port}/0"


@pytest.mark.parametrize("user", ["everything", "sharing"])
def test_a_login_that_reads_the_messages_of_all_workers_fails(
    monkeypatch: pytest.MonkeyPatch, broker: RedisServer, user: str
) -> None:
    finding = found(monkeypatch, login(broker, user))

    assert (finding.result, finding.seen) == (
        "FAIL",
        f"127.0.0.1:{broker.port}, database 0: this worker's login reads messages of all workers there (unacked), "
        "tokens included",
    )
    assert "enforcement = server is no boundary between tasks whose workers share this broker" in finding.remedy


@pytest.mark.parametrize(
    "names",
    [
        {"global_keyprefix": "sales-"},
        {"unacked_key": "sales-unacked", "unacked_index_key": "sales-unacked_index"},
    ],
)
def test_a_login_that_reaches_its_own_tenant_s_messages_alone_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, broker: RedisServer, names: dict[str, str]
) -> None:
    finding = found(monkeypatch, login(broker, "sales"), **names)

    assert (finding.result, finding.seen) == (
        "warning",
        f"127.0.0.1:{broker.port}, database 0: this worker's login reads messages of its own tenant (sales-unacked), "
        "tokens included",
    )


def test_names_of_its_own_do_not_help_a_login_that_reads_all_keys(
    monkeypatch: pytest.MonkeyPatch, broker: RedisServer
) -> None:
    assert found(monkeypatch, login(broker, "everything"), global_keyprefix="sales-").result == "FAIL"


def test_a_login_that_cannot_read_messages_is_all_right(monkeypatch: pytest.MonkeyPatch, broker: RedisServer) -> None:
    assert found(monkeypatch, login(broker, "writing")).result == "ok"


def test_a_broker_without_messages_is_judged_alike(monkeypatch: pytest.MonkeyPatch, start_redis: Start) -> None:
    empty = start_redis()

    assert found(monkeypatch, empty.url).result == "FAIL"
    with driver.Redis(port=empty.port) as client:
        assert client.dbsize() == 0


def test_the_messages_stay_as_they_were(monkeypatch: pytest.MonkeyPatch, broker: RedisServer) -> None:
    with driver.Redis(port=broker.port) as client:
        before = {key: client.dump(key) for key in client.scan_iter()}
        found(monkeypatch, login(broker, "everything"))

        assert {key: client.dump(key) for key in client.scan_iter()} == before


@pytest.mark.parametrize("user", ["nobody", "everything"])
def test_a_broker_that_is_not_reached_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, broker: RedisServer, user: str
) -> None:
    url = login(broker, user)
    if user == "everything":
        broker.stop()

    finding = found(monkeypatch, url)

    assert finding.result == "warning"
    assert f"127.0.0.1:{broker.port}" in finding.seen


@pytest.mark.parametrize(
    ("url", "result"),
    [("amqp://u:canary-p4ssword@rabbit//", "ok"), ("sqs://canary-p4ssword@", "warning"), ("redis://h:x/0", "warning")],
)
def test_other_brokers_and_urls_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, url: str, result: str) -> None:
    assert found(monkeypatch, url).result == result


@pytest.mark.parametrize("url", [f"{CANARY}@broker:6379/0", f"redis:/u:{CANARY}@broker/0", f"{CANARY}!://broker"])
def test_a_url_without_a_scheme_is_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    finding = found(monkeypatch, url)

    assert (finding.result, finding.seen) == ("warning", "[celery] broker_url cannot be read (not shown)")


@pytest.mark.parametrize("login", ["[]", '"x"', "{"])
def test_a_login_for_sentinels_that_is_no_object_is_a_warning(monkeypatch: pytest.MonkeyPatch, login: str) -> None:
    finding = found(monkeypatch, "sentinel://127.0.0.1:1/0", master_name="mymaster", sentinel_kwargs=login)

    assert (finding.result, finding.seen) == ("warning", "[celery] broker_url cannot be read (not shown)")


def test_a_queue_of_another_type_does_not_hide_that_messages_can_be_read(
    monkeypatch: pytest.MonkeyPatch, broker: RedisServer
) -> None:
    with driver.Redis(port=broker.port) as client:
        client.set("default", "of another program", ex=60)

    assert found(monkeypatch, login(broker, "everything")).result == "FAIL"


def test_a_team_s_broker_is_looked_at_too(monkeypatch: pytest.MonkeyPatch, broker: RedisServer) -> None:
    monkeypatch.setenv(BROKER, "amqp://rabbit//")
    monkeypatch.setenv("AIRFLOW__SALES___CELERY__BROKER_URL", login(broker, "everything"))

    both = list(celery_broker.celery_broker(sealed_visit()))

    assert [finding.result for finding in both] == ["FAIL", "ok"]


def test_nothing_is_asked_where_it_does_not_matter(monkeypatch: pytest.MonkeyPatch, broker: RedisServer) -> None:
    monkeypatch.setenv(BROKER, login(broker, "everything"))

    assert only(celery_broker.celery_broker(visit())).result == "skipped"
    assert list(celery_broker.celery_broker(sealed_visit("api-server"))) == []
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor")
    assert only(celery_broker.celery_broker(sealed_visit())).seen == "no CeleryExecutor"
