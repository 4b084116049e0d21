"""Each line of the demo's table says no when what it claims is not so."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import fakeredis
import pytest

from devtools.airflow_stack import AirflowStack
from devtools.demo import __main__ as demo
from devtools.demo import observations
from devtools.demo.observations import Loot
from devtools.worlds.sealed import Keys, as_the_ring_stores, seal
from exclusive_redis_xcom import codec
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.crypto import SealPublicKey
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import Reference, parse
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.task.encryption import encrypt_payload

TOKEN = "0123456789abcdef" * 2
DIGEST = sha256(TOKEN.encode()).hexdigest()
OTHER = sha256(b"another token").hexdigest()
PREFIX = "demo"
NAME = f"{PREFIX}:hostile_task:run:extract:token"
KEYS = Keys.generate()
AT = Coordinate("hostile_task", "run", "extract", "token")
DENIED = {"event": "xcom_denied", "owner": "hostile_task/intruder"}
WRITE = {"event": "xcom_write_denied", "owner": "hostile_task/intruder"}
REFERENCE = seal(AT, ["load"], keys=KEYS).reference.to_json()


class TestTheConsumerIsServed:
    def test_yes(self) -> None:
        assert observations.consumer_served({"load": "success"}, DIGEST, DIGEST).holds

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
        assert not observations.consumer_served({"load": state}, pushed, pulled).holds


class TestThePullIsRefused:
    REFUSAL = "1. pull refused: intruder may not pull 'token' of extract: only load may."

    def test_yes_with_the_text_of_its_error_alone(self) -> None:
        observation = observations.pull_refused(f"x\n{self.REFUSAL} level=info logger=task.stdout\ny")

        assert observation.holds
        assert observation.seen == "intruder may not pull 'token' of extract: only load may."

    @pytest.mark.parametrize("log", ["", "1. THE PULL GAVE a token", "1. pull refused: Redis is away"])
    def test_no(self, log: str) -> None:
        assert not observations.pull_refused(log).holds


class TestTheOverwriteIsRefused:
    REFUSAL = "3. overwrite refused: {'status_code': 403, 'detail': {'reason': 'access_denied'}}"

    def test_yes(self) -> None:
        assert observations.overwrite_refused(self.REFUSAL, [REFERENCE]).holds

    @pytest.mark.parametrize(
        ("log", "rows"),
        [
            ("3. OVERWROTE the token", [REFERENCE]),
            ("3. overwrite refused: {'status_code': 503}", [REFERENCE]),
            (REFUSAL, ["planted"]),
            (REFUSAL, []),
            (REFUSAL, [REFERENCE, REFERENCE]),
        ],
    )
    def test_no(self, log: str, rows: list[Any]) -> None:
        assert not observations.overwrite_refused(log, rows).holds


class TestTheLootIsSealed:
    @pytest.fixture
    def pushed(self) -> tuple[Reference, bytes]:
        """The reference and the value of the token, as a push writes them."""
        encoded = codec.encode(TOKEN, compression="off", max_bytes=1000)
        facts: dict[str, Any] = {
            "codec": encoded.codec,
            "compression": encoded.compression,
            "decoded_size": encoded.decoded_size,
        }
        reference = seal(AT, ["load"], keys=KEYS).reference
        envelope = Envelope(AT, reference.version, pushed_at=reference.pushed_at, payload=encoded.payload, **facts)
        assert reference.seal is not None
        acl = Acl.loads(reference.seal.acl)
        settings = replace(load_settings(), enforcement="server", seal_public_key=SealPublicKey.parse(KEYS.public))
        encrypted = encrypt_payload(envelope, acl, settings)
        return replace(reference, seal=encrypted.seal), encrypted.envelope.pack()

    @pytest.fixture(params=[2, 3], ids=["format 2", "format 3"])
    def row(self, pushed: tuple[Reference, bytes], request: pytest.FixtureRequest) -> Any:
        """What Airflow's database holds. The ring wraps the key with `format = 3` alone."""
        row = pushed[0].to_json()
        return as_the_ring_stores(row, KEYS.private) if request.param == 3 else row

    @pytest.fixture
    def loot(self, row: Any, pushed: tuple[Reference, bytes]) -> Loot:
        """What the ring and Redis give to the intruder."""
        return Loot(parse(row).refused("denied").to_json(), pushed[1], "PATH=/bin")

    def test_yes(self, loot: Loot, row: Any) -> None:
        observation = observations.loot_is_sealed(loot, [row], DIGEST, KEYS.private)

        assert observation.holds
        assert observation.seen.endswith("of value. Only the private key of the API server opens them.")

    def test_no_without_loot(self, row: Any) -> None:
        assert not observations.loot_is_sealed(None, [row], DIGEST, KEYS.private).holds

    def test_no_with_loot_that_is_not_the_token(self, loot: Loot, row: Any) -> None:
        assert not observations.loot_is_sealed(loot, [row], OTHER, KEYS.private).holds
        assert not observations.loot_is_sealed(replace(loot, value=b"x"), [row], DIGEST, KEYS.private).holds
        assert not observations.loot_is_sealed(replace(loot, row="x"), [row], DIGEST, KEYS.private).holds

    def test_no_with_another_row_in_the_database(self, loot: Loot, row: Any) -> None:
        for rows in ([], [row, row], [REFERENCE], ["planted"]):
            assert not observations.loot_is_sealed(loot, rows, DIGEST, KEYS.private).holds

    @pytest.mark.parametrize("part", ["row", "value", "settings"])
    def test_no_with_the_token_in_the_open(self, loot: Loot, row: Any, part: str) -> None:
        leak: Any = {"row": {"x": TOKEN}, "value": loot.value + TOKEN.encode(), "settings": f"TOKEN={TOKEN}"}[part]

        observation = observations.loot_is_sealed(replace(loot, **{part: leak}), [row], DIGEST, KEYS.private)

        assert not observation.holds
        assert TOKEN not in observation.seen

    def test_no_with_the_private_key_in_the_intruder_s_hands(self, loot: Loot, row: Any) -> None:
        leaked = replace(loot, settings=f"KEY={KEYS.private}")

        assert not observations.loot_is_sealed(leaked, [row], DIGEST, KEYS.private).holds


class TestTheDatabaseHoldsAReference:
    @pytest.fixture
    def airflow(self, tmp_path: Path) -> Iterator[AirflowStack]:
        """A stack that was never started, with a database of its own."""
        with contextlib.closing(AirflowStack(tmp_path, tmp_path / "dags", components=())) as stack:
            with contextlib.closing(sqlite3.connect(tmp_path / "airflow.db")) as database:
                database.execute("CREATE TABLE xcom (value)")
            yield stack

    def test_yes(self, airflow: AirflowStack) -> None:
        assert observations.reference_only(airflow, [REFERENCE], DIGEST).holds

    @pytest.mark.parametrize("rows", [[], ["plain"], [[]], [REFERENCE] * 2, [{"other": 1}]])
    def test_no_without_exactly_one_reference(self, airflow: AirflowStack, rows: list[Any]) -> None:
        assert not observations.reference_only(airflow, rows, DIGEST).holds

    def test_no_without_a_token_to_look_for(self, airflow: AirflowStack) -> None:
        assert not observations.reference_only(airflow, [REFERENCE], None).holds

    def test_no_with_the_token_in_another_row(self, airflow: AirflowStack) -> None:
        with contextlib.closing(sqlite3.connect(airflow.home / "airflow.db")) as database, database:
            database.execute("INSERT INTO xcom VALUES (?)", (f'"a{TOKEN}b"',))

        observation = observations.reference_only(airflow, [REFERENCE], DIGEST)

        assert not observation.holds
        assert TOKEN not in observation.seen

    def test_no_with_the_token_in_the_database_s_journal(self, airflow: AirflowStack) -> None:
        (airflow.home / "airflow.db-wal").write_bytes(b"\0" + TOKEN.encode() + b"\0")

        assert not observations.reference_only(airflow, [REFERENCE], DIGEST).holds


class TestRedisHoldsItSealedAndEveryHashExpires:
    @pytest.fixture
    def connection(self) -> Iterator[Any]:
        with fakeredis.FakeRedis() as connection:
            yield connection

    @staticmethod
    def observe(connection: Any, digest: str | None = DIGEST) -> list[bool]:
        return [observation.holds for observation in observations.in_redis(connection, PREFIX, digest)]

    def test_yes(self, connection: Any) -> None:
        connection.hset(NAME, "-1", b"sealed")
        connection.expire(NAME, 60)

        assert self.observe(connection) == [True, True]

    def test_no_without_any_key(self, connection: Any) -> None:
        assert self.observe(connection) == [False, False]

    @pytest.mark.parametrize("name", [NAME, NAME.replace("token", "other")])
    def test_no_with_the_token_in_the_open(self, connection: Any, name: str) -> None:
        connection.hset(NAME, "acl", "{}")
        connection.hset(name, "-1", f"header{TOKEN}".encode())
        connection.expire(NAME, 60)
        connection.expire(name, 60)

        assert self.observe(connection) == [False, True]

    def test_no_without_a_token_to_look_for(self, connection: Any) -> None:
        connection.hset(NAME, "-1", b"sealed")
        connection.expire(NAME, 60)

        assert self.observe(connection, None) == [False, True]

    def test_no_with_two_hashes(self, connection: Any) -> None:
        for name in (NAME, NAME.replace("extract", "other")):
            connection.hset(name, "-1", b"sealed")
            connection.expire(name, 60)

        assert self.observe(connection) == [False, True]

    @pytest.mark.parametrize("name", [NAME, NAME.replace("token", "return_value")])
    def test_no_with_a_hash_that_never_expires(self, connection: Any, name: str) -> None:
        connection.hset(NAME, "-1", b"sealed")
        connection.expire(NAME, 60)
        connection.hset(name, "acl", "{}")
        connection.persist(name)

        assert self.observe(connection) == [True, False]

    def test_keys_of_others_do_not_count(self, connection: Any) -> None:
        connection.hset(NAME.replace(PREFIX, "somebody"), "-1", b"sealed")

        assert self.observe(connection) == [False, False]


class TestTheRefusalsAreAudited:
    def test_yes(self) -> None:
        assert observations.audited([DENIED, WRITE, {"event": "trigger", "owner": "admin"}]).holds

    @pytest.mark.parametrize("entries", [[], [DENIED], [WRITE], [DENIED, {**WRITE, "owner": "hostile_task/load"}]])
    def test_no(self, entries: list[dict[str, str]]) -> None:
        assert not observations.audited(entries).holds


def test_the_table_shows_no_for_what_did_not_hold() -> None:
    held = observations.Observation("one", True, "seen")
    table = demo.table([held, replace(held, holds=False)])

    assert list(table.columns[0].cells) == ["[green]yes[/]", "[red]NO[/]"]
