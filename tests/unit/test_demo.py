"""Each line of the demo's table says no when what it claims is not so."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import fakeredis
import pytest

from devtools import demo
from devtools.airflow_stack import AirflowStack

TOKEN = "0123456789abcdef" * 2
DIGEST = sha256(TOKEN.encode()).hexdigest()
OTHER = sha256(b"another token").hexdigest()
RUN_ID = "run"
REFERENCE = json.dumps({"exclusive_redis_xcom": {"v": 1, "size": 35}})
PREFIX = "demo"
NAME = f"{PREFIX}:exclusive_token:run:extract:token"


class TestTheConsumerIsServed:
    def test_yes(self) -> None:
        assert demo.consumer_served({"load": "success"}, DIGEST, DIGEST).holds

    @pytest.mark.parametrize(
        ("state", "pushed", "pulled"),
        [
            ("failed", DIGEST, DIGEST),
            ("success", DIGEST, OTHER),
            ("success", DIGEST, None),
            ("success", None, DIGEST),
            ("success", None, None),
        ],
    )
    def test_no(self, state: str, pushed: str | None, pulled: str | None) -> None:
        assert not demo.consumer_served({"load": state}, pushed, pulled).holds


class TestTheStrangerIsRefused:
    def test_yes_with_the_text_of_its_error(self) -> None:
        observation = demo.stranger_refused({"report": "failed"}, "report may not", "XComAccessDenied: report may not")

        assert observation.holds
        assert "report may not" in observation.seen

    @pytest.mark.parametrize(
        ("state", "refusal", "log"),
        [
            ("success", "report may not", ""),
            ("failed", None, "KeyError: 'token'"),
            ("failed", "report may not", "This line is never reached."),
        ],
        ids=["it succeeded", "it failed for another reason", "it went on"],
    )
    def test_no(self, state: str, refusal: str | None, log: str) -> None:
        assert not demo.stranger_refused({"report": state}, refusal, log).holds

    def test_only_our_error_counts_as_a_refusal(self) -> None:
        assert demo.first(demo.REFUSAL, "x\nXComAccessDenied: it may not\ny") == "it may not"
        assert demo.first(demo.REFUSAL, "PermissionError: it may not") is None


class TestTheDatabaseHoldsAReference:
    @pytest.fixture
    def airflow(self, tmp_path: Path) -> Iterator[AirflowStack]:
        """A stack that was never started, with a database of its own."""
        with contextlib.closing(AirflowStack(tmp_path, tmp_path / "dags", components=())) as stack:
            with contextlib.closing(sqlite3.connect(tmp_path / "airflow.db")) as database:
                database.execute("CREATE TABLE xcom (dag_id, run_id, task_id, map_index, key, value)")
            yield stack

    @staticmethod
    def store(airflow: AirflowStack, *values: str, key: str = "token") -> None:
        with contextlib.closing(sqlite3.connect(airflow.home / "airflow.db")) as database, database:
            rows = [(demo.DAG_ID, RUN_ID, "extract", index, key, value) for index, value in enumerate(values)]
            database.executemany("INSERT INTO xcom VALUES (?, ?, ?, ?, ?, ?)", rows)

    def test_yes(self, airflow: AirflowStack) -> None:
        self.store(airflow, REFERENCE)

        assert demo.reference_only(airflow, RUN_ID, DIGEST).holds

    @pytest.mark.parametrize("rows", [[], ['"plain"'], ["[]"], [REFERENCE] * 2, ['{"other": 1}']])
    def test_no_without_exactly_one_reference(self, airflow: AirflowStack, rows: list[str]) -> None:
        self.store(airflow, *rows)

        assert not demo.reference_only(airflow, RUN_ID, DIGEST).holds

    def test_no_without_a_token_to_look_for(self, airflow: AirflowStack) -> None:
        self.store(airflow, REFERENCE)

        assert not demo.reference_only(airflow, RUN_ID, None).holds

    def test_no_with_the_token_in_another_row(self, airflow: AirflowStack) -> None:
        self.store(airflow, REFERENCE)
        self.store(airflow, f'"a{TOKEN}b"', key="other")

        observation = demo.reference_only(airflow, RUN_ID, DIGEST)

        assert not observation.holds
        assert TOKEN not in observation.seen

    def test_no_with_the_token_in_the_database_s_journal(self, airflow: AirflowStack) -> None:
        self.store(airflow, REFERENCE)
        (airflow.home / "airflow.db-wal").write_bytes(b"\0" + TOKEN.encode() + b"\0")

        # Not through SQLite, which would tidy the journal up.
        assert demo.holds_token((airflow.home / "airflow.db-wal").read_bytes(), DIGEST)
        assert not demo.holds_token((airflow.home / "airflow.db").read_bytes(), DIGEST)


class TestRedisHoldsTheTokenAndEveryHashExpires:
    @pytest.fixture
    def connection(self) -> Iterator[Any]:
        with fakeredis.FakeRedis() as connection:
            yield connection

    @staticmethod
    def observe(connection: Any, digest: str | None = DIGEST) -> list[bool]:
        return [observation.holds for observation in demo.in_redis(connection, PREFIX, digest)]

    def test_yes(self, connection: Any) -> None:
        connection.hset(NAME, "-1", f"header{TOKEN}".encode())
        connection.expire(NAME, 60)

        assert self.observe(connection) == [True, True]

    def test_no_without_any_key(self, connection: Any) -> None:
        assert self.observe(connection) == [False, False]

    def test_no_with_another_value(self, connection: Any) -> None:
        connection.hset(NAME, "-1", b"something else")
        connection.expire(NAME, 60)

        assert self.observe(connection) == [False, True]

    def test_no_without_a_token_to_look_for(self, connection: Any) -> None:
        connection.hset(NAME, "-1", TOKEN)
        connection.expire(NAME, 60)

        assert self.observe(connection, None) == [False, True]

    def test_no_with_two_hashes(self, connection: Any) -> None:
        for name in (NAME, NAME.replace("extract", "other")):
            connection.hset(name, "-1", TOKEN)
            connection.expire(name, 60)

        assert self.observe(connection) == [False, True]

    @pytest.mark.parametrize("name", [NAME, NAME.replace("token", "return_value")])
    def test_no_with_a_hash_that_never_expires(self, connection: Any, name: str) -> None:
        connection.hset(NAME, "-1", TOKEN)
        connection.expire(NAME, 60)
        connection.hset(name, "acl", "{}")
        connection.persist(name)

        assert self.observe(connection) == [True, False]

    def test_keys_of_others_do_not_count(self, connection: Any) -> None:
        connection.hset(NAME.replace(PREFIX, "somebody"), "-1", TOKEN)

        assert self.observe(connection) == [False, False]


def test_the_table_shows_no_for_what_did_not_hold() -> None:
    table = demo.table([demo.Observation("one", True, "seen"), demo.Observation("two", False, "not seen")])

    assert list(table.columns[0].cells) == ["[green]yes[/]", "[red]NO[/]"]
