"""The server around the ring: other settings, a database or Redis that does not answer, tasks that end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest

from devtools.airflow_stack import wait_until
from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.api_caller import xcom_path
from devtools.worlds.api_plan import at
from devtools.worlds.api_world import CORE, World
from tests.acceptance.ring.conftest import Asker
from tests.acceptance.ring.outcomes import (
    DENIED,
    FORBIDDEN,
    NO_TASK,
    NOT_RUNNING,
    OPENED,
    REMOVED,
    UNDECIDED,
    WRITTEN,
    outcome,
)

#: Who may read is not the question here.
CONSUMERS = ["*"]


class TestAServerBelowAPath:
    """`[api] base_url` with a path; and "all admins", under which Airflow gives every request a second token."""

    @pytest.fixture(scope="class")
    @staticmethod
    def ask(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
        env = {f"{OURS}SEAL_PRIVATE_KEYS": world.keys.private, f"{CORE}SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}
        with world.serve(tmp_path_factory.mktemp("below"), env, base_path="/airflow") as caller:
            yield Asker(caller, (world.keys.id,))

    def test_reads(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "below")
        world.push(coordinate, ["load"])

        for route in ("", "/slice", "/item/0"):
            found = [outcome(ask.xcom(caller, "GET", coordinate, route=route)) for caller in ("consumer", "stranger")]
            assert found == [OPENED, DENIED]

    def test_writes(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "written below")

        assert outcome(ask.xcom("stranger", "POST", coordinate, json=1)) == FORBIDDEN
        assert outcome(ask.xcom("owner", "POST", coordinate, json=1)) == WRITTEN
        assert outcome(ask.xcom("stranger", "DELETE", coordinate)) == FORBIDDEN
        assert outcome(ask.xcom("owner", "DELETE", coordinate)) == REMOVED

    def test_who_has_no_token_of_a_task_is_no_task(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "below, for all")
        world.push(coordinate, CONSUMERS)

        assert outcome(ask.xcom(None, "GET", coordinate)) == NO_TASK
        assert outcome(ask.xcom(None, "POST", coordinate, json=1)) in (NO_TASK, FORBIDDEN)

    def test_nothing_is_behind_the_path_without_the_prefix(self, ask: Asker, world: World) -> None:
        """Served or not, it is behind the ring."""
        coordinate = at("extract", "no prefix")
        world.push(coordinate, ["load"])
        for prefix in ("/..", "/../airflow", "//", "/execution/.."):
            answer = ask.call("stranger", "GET", prefix + xcom_path(coordinate))
            assert "data_key" not in answer.text


class TestAServerWithABadKey:
    def test_it_answers_500_to_all_and_shows_no_key(
        self, world: World, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        keys = world.keys.private[:-1]
        home = tmp_path_factory.mktemp("bad-key")

        with world.serve(home, {f"{OURS}SEAL_PRIVATE_KEYS": keys}, healthy=False) as caller:
            answers = [
                caller.call("owner", "GET", "/execution/health"),
                caller.call("ui", "GET", "/api/v2/version"),
                caller.call(None, "GET", "/"),
                caller.xcom("owner", "POST", at("extract", "unringed"), json=1),
            ]

        assert [answer.status_code for answer in answers] == [500] * 4
        assert world.row(at("extract", "unringed")) is None
        log = (home / "stack-logs" / "api-server.log").read_text()
        assert "seal_private_keys" in log
        assert keys not in log


class TestADatabaseThatDoesNotAnswer:
    def test_nothing_is_opened_or_written_for_who_is_not_known(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "no database")
        world.push(coordinate, CONSUMERS)

        with world.table_gone("task_instance"):
            read = ask.xcom("spare 0", "GET", coordinate)
            written = ask.xcom("owner", "POST", coordinate, json=1)
            removed = ask.xcom("owner", "DELETE", coordinate)

        assert [outcome(answer) for answer in (read, written, removed)] == [UNDECIDED] * 3
        assert outcome(ask.xcom("spare 0", "GET", coordinate)) == OPENED
        assert outcome(ask.xcom("owner", "POST", coordinate, json=1)) == WRITTEN

    def test_the_answer_tells_nothing_of_the_database(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "quiet")
        world.push(coordinate, CONSUMERS)

        with world.table_gone("task_instance"):
            answer = ask.xcom("spare 1", "GET", coordinate)

        assert answer.status_code == 503
        assert not any(word in answer.text.lower() for word in ("sqlite", "task_instance", "select", "data_key"))

    def test_a_refusal_stands_when_it_cannot_be_put_on_record(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "no log")
        world.push(coordinate, ["load"])

        with world.table_gone("log"):
            found = outcome(ask.xcom("stranger", "GET", coordinate))

        assert found == DENIED


@contextlib.contextmanager
def standing_still(server: RedisServer) -> Iterator[None]:
    """A Redis that answers nobody for a while."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


class TestARedisThatDoesNotAnswer:
    def test_what_is_read_once_is_not_released_and_stays_for_whoever_asked(
        self, ask: Asker, world: World, redis_server: RedisServer
    ) -> None:
        coordinate = at("extract", "no redis")
        world.push(coordinate, CONSUMERS, once=True)

        with standing_still(redis_server):
            answer = ask.xcom("consumer", "GET", coordinate)

        assert outcome(answer) == UNDECIDED
        assert answer.elapsed.total_seconds() < 4  # Airflow's client gives up at 5
        # Redis may run a claim that it had received when it stood still. Then it is the claim of the same asker.
        assert outcome(ask.xcom("consumer", "GET", coordinate)) == OPENED

    def test_all_other_reads_need_no_redis(self, ask: Asker, world: World, redis_server: RedisServer) -> None:
        coordinate = at("extract", "without redis")
        world.push(coordinate, ["load"])

        with standing_still(redis_server):
            assert outcome(ask.xcom("consumer", "GET", coordinate)) == OPENED
            assert outcome(ask.xcom("stranger", "GET", coordinate)) == DENIED


class TestATaskThatEnds:
    def test_its_token_is_worth_nothing_from_then_on(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "ended")
        world.push(coordinate, CONSUMERS)
        own = at("load", "own", map_index=1002)
        assert outcome(ask.xcom("spare 2", "GET", coordinate)) == OPENED
        assert outcome(ask.xcom("spare 2", "POST", own, json=1)) == WRITTEN

        end = {"state": "success", "end_date": datetime.now(timezone.utc).isoformat()}
        ended = ask.call("spare 2", "PATCH", f"/execution/task-instances/{world.ids['spare 2']}/state", json=end)

        assert ended.status_code == 204, ended.text
        assert outcome(ask.xcom("spare 2", "GET", coordinate)) == NOT_RUNNING
        assert outcome(ask.xcom("spare 2", "POST", own, json=2)) == FORBIDDEN

    def test_one_that_waits_for_its_retry_reads_nothing(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "retry")
        world.push(coordinate, CONSUMERS)
        world.set_state("spare 3", "up_for_retry")

        assert outcome(ask.xcom("spare 3", "GET", coordinate)) == NOT_RUNNING

    @pytest.mark.parametrize("state", ["deferred", "restarting", "failed", "removed", None])
    def test_so_in_every_state_but_running(self, ask: Asker, world: World, state: str | None) -> None:
        coordinate = at("extract", "any state")
        world.push(coordinate, CONSUMERS)
        name = f"spare {4 + ['deferred', 'restarting', 'failed', 'removed', None].index(state)}"
        world.set_state(name, state)

        assert outcome(ask.xcom(name, "GET", coordinate)) == NOT_RUNNING
        assert outcome(ask.xcom(name, "POST", at("load", "x", map_index=1000 + int(name[6:])), json=1)) == FORBIDDEN


class TestTwoTokensInOneRequest:
    """Airflow takes the first. What the ring makes of it, it must not open what Airflow would not."""

    @pytest.mark.parametrize("names", [("stranger", "consumer"), ("ui", "consumer"), ("expired", "consumer")])
    def test_the_second_is_not_the_callers(self, ask: Asker, world: World, names: tuple[str, str]) -> None:
        coordinate = at("extract", "two tokens")
        world.push(coordinate, ["load"])
        headers = [("authorization", f"Bearer {world.tokens[name]}") for name in names]

        answer = httpx.get(f"{ask.caller.url}{xcom_path(coordinate)}", headers=headers, trust_env=False)

        assert outcome(answer) != OPENED
        assert "data_key" not in answer.text


class TestTheAuditLog:
    def records(self, world: World, key: str, count: int) -> list[dict[str, Any]]:
        """The rows about a key, when there are so many: they are written after the answer is sent."""

        def written() -> list[dict[str, Any]]:
            query = "SELECT * FROM log WHERE event LIKE 'xcom_%' AND extra LIKE ? ORDER BY id"
            rows = world.airflow.rows(query, f'%"{key}"%')
            return rows if len(rows) >= count else []

        return [{**row, **json.loads(row["extra"])} for row in wait_until(written, 10, lambda: f"no {count} records")]

    def test_a_refusal_says_who_what_and_why_and_shows_no_key(self, ask: Asker, world: World) -> None:
        pushed = world.push(at("extract", "audited"), ["load"])
        ask.xcom("stranger", "GET", pushed.reference.coordinate)

        record, under_asker = self.records(world, "audited", 2)

        assert (record["event"], record["dag_id"], record["task_id"], record["run_id"]) == (
            "xcom_denied",
            "sales",
            "extract",
            "run-1",
        )
        assert "'report'" in record["who"]
        assert "'load'" in record["why"]
        assert (under_asker["event"], under_asker["dag_id"], under_asker["task_id"], under_asker["try_number"]) == (
            "xcom_denied",
            "sales",
            "report",
            1,
        )
        seal = pushed.reference.to_json()["exclusive_redis_xcom"]["reference"]["seal"]
        assert seal["key"] not in record["extra"] + under_asker["extra"]

    def test_refused_writes_and_claims_are_there_and_granted_pulls_are_not(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "recorded")
        world.push(coordinate, ["load"], once=True)
        ask.xcom("stranger", "POST", coordinate, json="canary")
        ask.xcom("consumer", "GET", coordinate)
        ask.xcom("other run", "GET", coordinate)
        ask.xcom("owner", "GET", coordinate)

        records = self.records(world, "recorded", 5)

        of_producer = [record["event"] for record in records if record.get("under") != "asker"]
        assert of_producer == ["xcom_write_denied", "xcom_claimed", "xcom_claim_denied"]
        assert not any("canary" in record["extra"] for record in records)
