"""`show --value` on a real Redis, with Airflow's own tables: what is shown, what is not, and what goes on record."""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import socket
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import redis
import yaml
from sqlalchemy import Engine, insert

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.acl import Acl, Rule
from exclusive_redis_xcom.cli.program import main
from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.crypto import generate_encryption_key, generate_seal_keys
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate
from exclusive_redis_xcom.preview.preview import _DAMAGED, TOO_LARGE
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.store import Push
from exclusive_redis_xcom.task import spill
from exclusive_redis_xcom.task.encryption import encrypt_payload
from exclusive_redis_xcom.task.new_reference import new_reference
from tests.integration.support import Start, open_store
from tests.unit.api_server.tables import log_rows, unconstrained

Run = Callable[..., tuple[int, str, str]]
Pushing = Callable[..., Reference]

AT = Coordinate("sales", "r1", "extract", "token")
NAME = "sales/extract:token"
PREFIX = "exclusive_redis_xcom"
SECTION = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"
RULE_LINE = "Run r1: readers are 'load', by xcom_acl['extract']['token'] at sales.py:4."
NO_ROW_LINE = "Airflow's database has no row of this XCom. So no task can pull it."
WHO = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"


@pytest.fixture(scope="module")
def tables() -> Engine:
    """Airflow's tables, in the database of this test run's own AIRFLOW_HOME."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from sqlalchemy.orm import configure_mappers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's models on a newer SQLAlchemy
        import_all_models()
        configure_mappers()
    engine: Engine = settings.engine
    Base.metadata.create_all(engine)
    return engine


@pytest.fixture
def engine(tables: Engine) -> Iterator[Engine]:
    yield tables
    with unconstrained(tables) as connection:
        for table in ("log", "xcom"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - constants


@pytest.fixture
def server(start_redis: Start, configure: Callable[..., None]) -> RedisServer:
    started = start_redis()
    configure(redis_url=started.url)
    return started


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def set_options(**options: str) -> None:
        for name, text in options.items():
            monkeypatch.setenv(f"{SECTION}{name.upper()}", text)
        load_settings.cache_clear()

    yield set_options
    load_settings.cache_clear()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def ran(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(("show", *arguments, "--value"))
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return ran


@pytest.fixture
def pushing(server: RedisServer, engine: Engine) -> Pushing:
    """Push as a task does, and write the row as Airflow does."""

    def pushed(value: Any, at: Coordinate = AT, *, once: bool = False, row: bool = True, **changes: Any) -> Reference:
        settings = load_settings()
        encoded = encode(value, compression="auto", max_bytes=10**8)
        source = f"xcom_acl['{at.task_id}']['{at.key}'] at sales.py:4"
        acl = Acl(at.dag_id, (Rule(at.task_id, at.key, ("load",), source, once=once, exact=True),), "nobody")
        plain = Envelope(
            at,
            secrets.token_hex(16),
            encoded.codec,
            encoded.compression,
            encoded.decoded_size,
            changes.pop("pushed_at", datetime.now(timezone.utc)),
            encoded.payload,
        )
        encrypted = encrypt_payload(replace(plain, **changes), acl, settings)
        own_acl = None if at.map_index == NOT_MAPPED else acl.dumps()
        push = Push(encrypted.envelope, acl=acl.dumps(), ttl=timedelta(hours=5), own_acl=own_acl, once=once)
        with open_store(server.url, prefix=PREFIX) as store:
            if settings.spill_path is None:
                pushed_at = store.push(push)
            else:
                pushed_at = spill.push(store, settings.spill_path, 0, push)
        reference = new_reference(
            value,
            plain,
            type_name=encoded.type_name,
            acl=acl,
            encrypted=encrypted,
            pushed_at=pushed_at,
            ttl=timedelta(hours=5),
            settings=settings,
        )
        if row:
            write_row(engine, at, reference.to_json())
        return reference

    return pushed


def write_row(engine: Engine, at: Coordinate, value: Any) -> None:
    from airflow.models.xcom import XComModel

    ids = {"dag_id": at.dag_id, "run_id": at.run_id, "task_id": at.task_id, "key": at.key, "map_index": at.map_index}
    row = {**ids, "dag_run_id": crc32(at.run_id.encode()), "value": value}
    with unconstrained(engine) as connection:
        connection.execute(insert(XComModel.__table__).values(**row, timestamp=datetime.now(timezone.utc)))


def shown_value(run: Run, *arguments: str) -> dict[str, Any]:
    status, out, err = run(NAME, *arguments, "-o", "json")
    assert status == 0, err
    ((held,),) = [each["held"] for each in json.loads(out)["xcoms"]]
    found: dict[str, Any] = held["value"]
    return found


def refused(run: Run, *arguments: str) -> str:
    """Return the sentence that says why the value is not shown."""
    status, out, err = run(NAME, *arguments, "-o", "json")
    assert status == 1
    ((held,),) = [each["held"] for each in json.loads(out)["xcoms"]]
    value = held["value"]
    assert (value["kind"], value["text"], value["rows"]) == ("hidden", "", [])
    assert err.endswith(f"{value['reason']}\n")
    found: str = value["reason"]
    return found


def reads_of(server: RedisServer) -> int:
    with redis.Redis(port=server.port) as admin:
        return int(admin.info("commandstats").get("cmdstat_hmget", {}).get("calls", 0))


def test_a_value_is_shown_below_the_table(pushing: Pushing, run: Run) -> None:
    pushing({"token": "s3cret\x1b[2J", "n": [1, 2]})

    status, out, err = run(NAME)

    assert status == 0
    assert out.splitlines()[2:] == ["", "dict, 2 items", "{'token': 's3cret\\x1b[2J', 'n': [1, 2]}"]
    assert err == f"{RULE_LINE}\n"


def test_every_form_carries_the_value(pushing: Pushing, run: Run) -> None:
    pd = pytest.importorskip("pandas")
    pushing(pd.DataFrame({"[red]a": ["x\ty"], "b": [2]}))

    expected = [["0", "x\\ty", "2"]]
    assert shown_value(run)["rows"] == expected
    _, out, _ = run(NAME, "-o", "yaml")
    assert yaml.safe_load(out)["xcoms"][0]["held"][0]["value"]["rows"] == expected
    _, out, _ = run(NAME, "-o", "plain")
    (line,) = out.splitlines()
    assert line.split("\t")[-3:] == [
        "pandas.DataFrame",
        "1 row x 2 columns",
        r"\t[red]a\tb\n0\tx\\\\ty\t2",
    ]
    _, out, _ = run(NAME)
    assert [line.split() for line in out.splitlines()[3:]] == [
        ["pandas.DataFrame,", "1", "row", "x", "2", "columns"],
        ["[red]a", "b"],
        ["0", "x\\ty", "2"],
    ]


def test_a_line_in_the_audit_log_says_who_asked_for_what(pushing: Pushing, run: Run, engine: Engine) -> None:
    pushing("s3cret")

    assert run(NAME)[0] == 0

    ((event, owner, dag_id, run_id, task_id, map_index, extra),) = log_rows(
        engine, "event", "owner", "dag_id", "run_id", "task_id", "map_index", "extra"
    )
    assert (event, owner) == ("xcom_revealed", WHO)
    assert (dag_id, run_id, task_id, map_index) == ("sales", "r1", "extract", -1)
    assert json.loads(extra) == {
        "who": WHO,
        "what": "XCom 'token' of task 'extract' in DAG 'sales', run 'r1'",
        "key": "token",
        "why": "exclusive-xcom show --value",
    }


def test_without_the_line_in_the_audit_log_nothing_is_read(
    pushing: Pushing, run: Run, server: RedisServer, engine: Engine
) -> None:
    pushing("s3cret")
    before = reads_of(server)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE log RENAME TO elsewhere")
    try:
        status, out, err = run(NAME)
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO log")

    assert (status, out) == (2, "")
    assert err.splitlines() == [
        "Airflow's audit log cannot be written (OperationalError), so nothing is shown.",
        "A value is shown only after a line in the audit log says who asked.",
        "Run the command where [database] sql_alchemy_conn is set, and check it with `airflow db check`.",
    ]
    assert reads_of(server) == before
    assert run(NAME)[0] == 0
    assert reads_of(server) == before + 1


@pytest.mark.parametrize("claimed", [True, False])
def test_a_read_once_value_is_never_read(
    pushing: Pushing, run: Run, server: RedisServer, engine: Engine, claimed: bool
) -> None:
    reference = pushing("s3cret", once=True)
    if claimed:
        with open_store(server.url, prefix=PREFIX) as store:
            store.claim([(AT, reference.version)], '["sales","load","r1",-1]')
    before = reads_of(server)

    assert refused(run) == (
        "The value may be read once, by a task that its rule names. It is never shown here, claimed or not: this "
        "command claims nothing."
    )

    assert reads_of(server) == before
    assert log_rows(engine, "event") == []
    with open_store(server.url, prefix=PREFIX) as store:
        (claim,) = store.claim([(AT, reference.version)], '["sales","load","r1",-1]')
    assert claim.status == "granted"


def test_a_value_of_a_mapped_task_that_may_be_read_once_is_never_shown(pushing: Pushing, run: Run) -> None:
    pushing("first", replace(AT, map_index=0), once=True)
    pushing("second", replace(AT, map_index=1))  # its rule is now the one of the hash

    assert refused(run, "--map-index", "0").startswith("The value may be read once")
    assert shown_value(run, "--map-index", "1")["text"] == "second"


def test_the_newest_value_is_shown_unless_another_is_named(pushing: Pushing, run: Run) -> None:
    for number in range(3):
        moment = datetime(2026, 1, 1 + number, tzinfo=timezone.utc)
        pushing(f"value {number}", replace(AT, map_index=number), pushed_at=moment)
    pushing("older run", replace(AT, run_id="r0"), pushed_at=datetime(2025, 1, 1, tzinfo=timezone.utc))

    status, out, err = run(NAME)
    assert (status, out.splitlines()[-1]) == (0, "value 2")
    assert err.splitlines()[1] == (
        "Shown is the newest of 4 values: run r1, map index 2. Name another with --run and --map-index."
    )
    assert shown_value(run, "--map-index", "0")["text"] == "value 0"
    assert shown_value(run, "--run", "r0")["text"] == "older run"
    assert run(NAME, "--map-index", "7")[::2] == (
        1,
        f"Redis holds no XCom of '{NAME}' at map index 7. It has expired, was never pushed there, or the name is "
        "wrong.\n",
    )


def test_a_late_map_index_is_found(pushing: Pushing, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(130):
        pushing(number, replace(AT, map_index=number), row=False)

    assert {shown_value(run, "--map-index", str(number))["text"] for number in (0, 77, 129)} == {"0", "77", "129"}
    capsys.readouterr()
    assert main(["show", NAME, "--map-index", "129", "-o", "plain"]) == 0
    printed = capsys.readouterr()
    assert [line.split("\t")[1] for line in printed.out.splitlines()] == ["129"]
    assert printed.err.splitlines()[1] == "Run r1: 129 more values are not shown."


def test_an_encrypted_value_is_shown_where_its_key_is(
    pushing: Pushing, run: Run, configure: Callable[..., None]
) -> None:
    configure(encryption_keys=generate_encryption_key())
    pushing("s3cret")

    assert shown_value(run)["text"] == "s3cret"

    configure(encryption_keys=generate_encryption_key())
    assert refused(run).startswith("[exclusive_redis_xcom] encryption_keys lacks the key of a value here.\n")


def test_a_plain_value_is_not_shown_where_values_are_encrypted(
    pushing: Pushing, run: Run, configure: Callable[..., None]
) -> None:
    pushing("forged")
    configure(encryption_keys=generate_encryption_key())

    assert refused(run).partition("\n")[0] == ("'token' of extract is not encrypted in Redis, as it must be here.")


def test_a_sealed_value_is_shown_where_the_private_key_is(
    pushing: Pushing, run: Run, configure: Callable[..., None], engine: Engine
) -> None:
    (public, private), (_, other) = generate_seal_keys(), generate_seal_keys()
    configure(enforcement="server", seal_public_key=public)
    pushing("s3cret")

    assert refused(run) == (
        "The value is sealed to the API server's key, and this process has no seal_private_keys. Run the command with "
        "an API server's settings."
    )
    configure(seal_private_keys=private)
    assert shown_value(run)["text"] == "s3cret"
    configure(seal_public_key="", seal_private_keys=other)
    assert refused(run) == (
        "The value is sealed to a key that is not among the seal_private_keys of this process. Run the command with "
        "the settings of an API server that has the key."
    )
    with unconstrained(engine) as connection:
        connection.exec_driver_sql("DELETE FROM xcom")
    assert refused(run) == (
        "The value is sealed, and Airflow's database has no row with its sealed key. So nobody can open the value."
    )


def test_rows_that_do_not_belong_to_the_value(pushing: Pushing, run: Run, engine: Engine) -> None:
    def with_row(value: Any) -> None:
        with unconstrained(engine) as connection:
            connection.exec_driver_sql("DELETE FROM xcom")
        write_row(engine, AT, value)

    older, reference = pushing("older", row=False), pushing("s3cret")

    with_row("a plain value")
    assert refused(run).startswith("The row in Airflow's database holds a value that this package did not write.")
    with_row(older.to_json())
    assert refused(run).startswith("The row in Airflow's database refers to another push than the one that Redis")
    with_row(replace(reference, coordinate=replace(AT, key="other")).to_json())
    assert refused(run).startswith("The row in Airflow's database names another XCom: it was copied or forged.")
    with_row({"exclusive_redis_xcom": {"forged": 1}})
    assert refused(run).startswith("This XCom row was edited or forged: its reference is malformed.\n")
    with_row(json.dumps(reference.to_json()))  # as Airflow 3.1 stores an edited value
    assert shown_value(run)["text"] == "s3cret"
    with unconstrained(engine) as connection:
        connection.exec_driver_sql("DELETE FROM xcom")
    assert shown_value(run)["text"] == "s3cret"
    assert run(NAME)[2].splitlines() == [RULE_LINE, NO_ROW_LINE]


def test_bytes_that_do_not_belong_there(pushing: Pushing, run: Run, server: RedisServer) -> None:
    pushing("s3cret")
    other = replace(AT, key="other")
    pushing("of another", other)
    name = f"{PREFIX}:sales:r1:extract"
    with redis.Redis(port=server.port) as admin:
        admin.hset(f"{name}:token", "-1", admin.hget(f"{name}:other", "-1") or b"")
        unreadable = "The head of the value cannot be read: it is damaged, or is that of another XCom"
        assert refused(run).startswith(unreadable)
        admin.hset(f"{name}:token", "-1", b"something else")
        assert refused(run).startswith(unreadable)
        admin.hset(f"{name}:token", "acl", b"{}")
        assert refused(run).startswith("The rule that Redis holds beside the value cannot be read.")
    pushing("s3cret", row=False, codec="msgpack")
    assert refused(run).startswith("The row in Airflow's database refers to another push")


def test_bytes_of_another_codec_are_damaged(pushing: Pushing, run: Run) -> None:
    pushing("s3cret", row=False, codec="slabs")

    assert refused(run) == _DAMAGED


def test_large_values_are_not_read(pushing: Pushing, run: Run, server: RedisServer, engine: Engine) -> None:
    pushing(os.urandom(1024 * 1024 + 1))
    before = reads_of(server)

    assert refused(run) == TOO_LARGE

    assert (reads_of(server), log_rows(engine, "event")) == (before, [])


def test_a_value_in_parts_is_shown(pushing: Pushing, run: Run, configure: Callable[..., None]) -> None:
    configure(encryption_keys=generate_encryption_key())
    pushing(os.urandom(1024 * 1024))  # with its nonce, it is too large for one field

    assert shown_value(run)["summary"] == "1048576 bytes"


def test_a_value_in_object_storage_is_shown(
    pushing: Pushing, run: Run, configure: Callable[..., None], tmp_path: Path
) -> None:
    configure(spill_path=f"file://{tmp_path}/xcoms")
    pushing("s3cret")

    assert shown_value(run)["text"] == "s3cret"

    for file in (tmp_path / "xcoms").rglob("*"):
        if file.is_file():
            file.unlink()
    assert refused(run).startswith("'token' of extract is no longer in object storage.\n")


def test_the_rights_of_the_docs_suffice_and_reading_needs_one_more(
    pushing: Pushing, run: Run, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/live-xcoms.md").read_text()
    (line,) = re.findall(r"^user (exclusive_redis_xcom_operator .*)$", page, re.MULTILINE)
    name, *rights = line.replace("change-me", "canary-0perator").split()
    monkeypatch.setenv("EXCLUSIVE_XCOM_REDIS_URL", server.url.replace("redis://", f"redis://{name}:canary-0perator@"))
    pushing("small")
    pushing(os.urandom(1024 * 1024), replace(AT, run_id="r2"))
    with redis.Redis(port=server.port) as admin:
        admin.execute_command("ACL", "SETUSER", name, *rights)

        assert shown_value(run, "--run", "r1")["text"] == "small"
        assert shown_value(run, "--run", "r2")["summary"] == "1048576 bytes"

        admin.execute_command("ACL", "SETUSER", name, "-hmget")
        assert main(["show", NAME]) == 0
        assert run(NAME)[0] == 2


def test_without_value_no_database_is_needed(
    pushing: Pushing, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    pushing("s3cret")

    assert main(["show", NAME]) == 0

    assert "s3cret" not in capsys.readouterr().out
    assert log_rows(engine, "event") == []
