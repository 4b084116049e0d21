"""What an earlier revision wrote is pulled today, and what is written today is what it wrote.

`recorded/NAME.json` holds every byte that revision NAME left in Airflow's rows, in Redis and in object storage for the
XComs of `recorded/cases.py`. Only real ones were pushed: `recorded/record.py` says how.
"""

from __future__ import annotations

import copy
import os
import re
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
import redis

from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.rows import Rows, rows_in_memory
from devtools.worlds.running_task import executing
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied, XComAlreadyClaimed
from exclusive_redis_xcom.cli import main as exclusive_xcom
from exclusive_redis_xcom.crypto import SealPrivateKeys
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats import shared_rules
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.process import identity
from tests.integration.recorded.cases import (
    CASES,
    DAG_ID,
    ENCRYPTION_KEY,
    PREFIX,
    RUN_ID,
    SEAL_PRIVATE_KEY,
    SEAL_PUBLIC_KEY,
    SETTINGS,
    Case,
    make_dag,
)
from tests.integration.recorded.record import HERE, SERVER_ID, Configure, Recording, configuring, load, record
from tests.integration.support import open_store
from tests.unit.api_server.ringed import OWNER, Airflow, Person, World
from tests.unit.codec.conftest import OPTION, forget_patterns

RECORDINGS = sorted(HERE.glob("*.json"))
#: The recordings in the formats that are written today, by the setting `format`.
WRITTEN = {2: HERE / "9d258fe.json", 3: HERE / "faaeff4.json"}
STARTED = datetime(2026, 1, 1, tzinfo=timezone.utc)  # before all pushes
SERVERS = f"{PREFIX}:!servers"
AIRFLOWS_OWN = "skipmixin_key"
MASKING = "MaskSecret"  # a message of the first pull in a process
CONSUMERS = ("load", "report")


def cases(wanted: Callable[[Case], bool]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [*filter(wanted, CASES)], ids=lambda case: case.name[:40])


@pytest.fixture(params=RECORDINGS, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Recording:
    return load(request.param.read_text())


@pytest.fixture
def raw(any_redis: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(any_redis.url) as client:
        yield client


@pytest.fixture
def objects(tmp_path: Path) -> Path:
    return tmp_path / "xcoms"


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    monkeypatch.setenv(OPTION, "airflow.* tests.integration.recorded.*")
    forget_patterns()
    yield configuring(monkeypatch.setenv)
    monkeypatch.undo()
    forget_patterns()
    start_afresh()


@pytest.fixture
def rows(
    recording: Recording, any_redis: RedisServer, raw: redis.Redis, objects: Path, configure: Configure
) -> Iterator[Rows]:
    """Airflow's rows, Redis and object storage as the recording tells, and settings under which all can be read."""
    restore(recording, raw, objects)
    configure(
        **SETTINGS
        | {"redis_url": any_redis.url, "retry_deadline": "1", "spill_path": f"file://{objects}"}
        | {"encryption_keys": ENCRYPTION_KEY, "allow_plaintext_read": "True"}
    )
    with rows_in_memory() as in_memory:
        for case in CASES:
            in_memory.values[DAG_ID, RUN_ID, case.task_id, case.key, case.map_index] = recording["rows"][case.name]
        yield in_memory


@pytest.fixture(scope="module")
def dag() -> Any:
    """One for all tests: none changes it."""
    return make_dag()


def restore(recording: Recording, raw: redis.Redis, objects: Path) -> None:
    """As it was recorded, but for the TTL, and for the beat of the API server, which is now."""
    with raw.pipeline(transaction=False) as pipeline:
        for name, fields in recording["redis"].items():
            pipeline.hset(name, mapping=fields)
            pipeline.expire(name, 3600)
        pipeline.execute()
    server, _, ahead = recording["redis"][SERVERS][b"servers"].split(b" ")
    raw.hset(SERVERS, "servers", b"%b %d %b" % (server, time.time() * 1000, ahead))
    for name, data in recording["objects"].items():
        path = objects / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def pull(dag: Any, case: Case, reader: str, *, run_id: str = RUN_ID, started: datetime | None = None) -> Any:
    with executing(dag.get_task(reader), run_id=run_id, run_started=started):
        return ExclusiveRedisXCom.get_one(**case.address)


def assert_same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected, strict=True)
    elif isinstance(expected, pd.DataFrame):
        # Names of columns have another dtype in pandas 3, which made the recording, than in pandas 2.
        pd.testing.assert_frame_equal(found, expected, check_column_type=False)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected)
    elif hasattr(expected, "equals"):  # of pyarrow and polars
        assert found.equals(expected)
    else:
        assert found == expected


def ring(values: list[Any]) -> list[Any]:
    """What the API server's ring makes of an answer, for the task that runs at the moment."""
    principal = identity.current_principal()
    assert principal is not None
    with open_store(os.environ[f"{OURS}REDIS_URL"], prefix=PREFIX) as store:
        world = World(Airflow(values), seal_private_keys=SealPrivateKeys.parse(SEAL_PRIVATE_KEY), store=lambda: store)
        world.people[OWNER.ti_id] = Person(principal, OWNER.number)
        task_id = references.parse(values[0]).coordinate.task_id
        url = f"/execution/xcoms/{DAG_ID}/{quote(RUN_ID)}/{task_id}/any/slice"
        answer: list[Any] = world.ask("GET", url, OWNER).json()
    return answer


@pytest.fixture
def sealed_rows(rows: Rows, configure: Configure) -> Rows:
    configure(enforcement="server", seal_public_key=SEAL_PUBLIC_KEY)
    rows.answer = ring
    return rows


@pytest.fixture(scope="module", params=WRITTEN, ids="format = {}".format)
def generation(request: pytest.FixtureRequest) -> int:
    """The setting `format`."""
    return int(request.param)


@pytest.fixture(scope="module")
def today(generation: int, any_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """What this revision writes."""
    with redis.Redis.from_url(any_redis.url) as client:
        client.flushall()
    with pytest.MonkeyPatch.context() as patched:
        objects = tmp_path_factory.mktemp("xcoms")
        yield record(any_redis.url, objects, configuring(patched.setenv), generation=generation)
    start_afresh()


@pytest.fixture(scope="module")
def before(generation: int) -> Recording:
    return load(WRITTEN[generation].read_text())


class TestByRow:
    @cases(lambda case: case.group != "sealed" and not case.is_once)
    def test_who_may_gets_the_value(self, dag: Any, rows: Rows, case: Case) -> None:
        for reader in case.readers:
            assert_same(pull(dag, case, reader), case.value)

        assert "GetXCom" in rows.messages

    @cases(lambda case: case.group != "sealed" and case.readers != CONSUMERS)
    def test_who_may_not_is_refused(self, dag: Any, rows: Rows, case: Case) -> None:
        for reader in {*CONSUMERS} - {*case.readers}:
            with pytest.raises(XComAccessDenied):
                pull(dag, case, reader)

    @cases(lambda case: case.key == "this_run")
    def test_a_rule_for_the_same_run_refuses_other_runs(self, dag: Any, rows: Rows, case: Case) -> None:
        with pytest.raises(XComAccessDenied):
            pull(dag, case, "load", run_id="another run")

    def test_all_results_of_a_mapped_task_come_in_order(self, dag: Any, rows: Rows) -> None:
        with executing(dag.get_task("load"), run_id=RUN_ID):
            found = ExclusiveRedisXCom.get_all(key="mapped", dag_id=DAG_ID, task_id="parts", run_id=RUN_ID)

        assert found == [{"part": 0}, {"part": 1}, {"part": 2}]

    @cases(lambda case: case.key == "once")
    def test_what_nobody_has_read_is_read_once(self, dag: Any, rows: Rows, case: Case) -> None:
        assert pull(dag, case, "report") == case.value
        assert pull(dag, case, "report") == case.value
        with pytest.raises(XComAlreadyClaimed, match="task 'report' of DAG 'recorded'"):
            pull(dag, case, "load")

    @cases(lambda case: case.claimed_by is not None)
    def test_what_was_claimed_stays_the_claimer_s(self, dag: Any, rows: Rows, case: Case) -> None:
        assert pull(dag, case, "load") == case.value
        with pytest.raises(XComAlreadyClaimed, match="task 'load' of DAG 'recorded'"):
            pull(dag, case, "report")


class TestDirectly:
    @cases(lambda case: case.is_committed and case.key != AIRFLOWS_OWN and not case.is_once)
    def test_redis_alone_answers_who_may(self, dag: Any, rows: Rows, case: Case) -> None:
        for reader in case.readers:
            assert_same(pull(dag, case, reader, started=STARTED), case.value)

        assert {*rows.messages} <= {MASKING}

    @cases(lambda case: case.is_committed and case.readers != CONSUMERS)
    def test_who_may_not_is_refused(self, dag: Any, rows: Rows, case: Case) -> None:
        for reader in {*CONSUMERS} - {*case.readers}:
            with pytest.raises(XComAccessDenied):
                pull(dag, case, reader, started=STARTED)

    @pytest.mark.parametrize("key", ["mapped", "encrypted"])
    def test_redis_alone_knows_all_results_of_a_mapped_task(self, dag: Any, rows: Rows, key: str) -> None:
        with executing(dag.get_task("load"), run_id=RUN_ID, run_started=STARTED):
            found = ExclusiveRedisXCom.get_all(key=key, dag_id=DAG_ID, task_id="parts", run_id=RUN_ID)

        assert found == [case.value for case in CASES if (case.task_id, case.key) == ("parts", key)]
        assert {*rows.messages} <= {MASKING}

    @cases(lambda case: case.key in ("pending", "once", "claimed"))
    def test_what_was_not_committed_or_may_be_read_once_is_not_for_it(self, dag: Any, rows: Rows, case: Case) -> None:
        assert_same(pull(dag, case, "load", started=STARTED), case.value)

        assert "GetXCom" in rows.messages

    def test_an_api_server_beats_on_without_a_gap(
        self, any_redis: RedisServer, raw: redis.Redis, rows: Rows, recording: Recording
    ) -> None:
        with open_store(any_redis.url, prefix=PREFIX) as store:
            store.beat(SERVER_ID, missed=False)  # over a new connection, which may mean another Redis
            raw.hset(SERVERS, "epoch", recording["redis"][SERVERS][b"epoch"])
            store.beat(SERVER_ID, missed=False)

        assert raw.hget(SERVERS, "epoch") == recording["redis"][SERVERS][b"epoch"]


class TestSealed:
    @cases(lambda case: case.group == "sealed" and not case.is_once)
    def test_the_ring_opens_it_for_who_may(self, dag: Any, sealed_rows: Rows, case: Case) -> None:
        for reader in case.readers:
            assert_same(pull(dag, case, reader), case.value)

    @cases(lambda case: case.group == "sealed" and not case.is_once)
    def test_the_ring_opens_it_for_no_other_dag(self, sealed_rows: Rows, case: Case) -> None:
        another = make_dag()
        another.dag_id = "another"

        with pytest.raises(XComAccessDenied):
            pull(another, case, "load")

    @cases(lambda case: case.group == "sealed" and case.is_once)
    def test_the_ring_opens_it_once(self, dag: Any, sealed_rows: Rows, case: Case) -> None:
        assert pull(dag, case, "load") == case.value
        with pytest.raises(XComAlreadyClaimed):
            pull(dag, case, "report")


class TestObjects:
    def test_gc_finds_whose_they_are(self, raw: redis.Redis, rows: Rows, objects: Path, recording: Recording) -> None:
        kept, gone = sorted(recording["objects"])[:-1], sorted(recording["objects"])[-1]
        (owner,) = [name for name, fields in recording["redis"].items() if gone.encode() in fields.values()]
        raw.delete(owner)
        for name in recording["objects"]:
            os.utime(objects / name, (0, 0))

        assert exclusive_xcom(["gc"]) == 0

        assert sorted(os.fspath(path.relative_to(objects)) for path in objects.rglob("*") if path.is_file()) == kept


class TestWrittenToday:
    """Each byte is that of the recording in the same formats, but for what no two pushes share."""

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name[:40])
    def test_rows_and_hashes(self, today: Recording, before: Recording, case: Case) -> None:
        assert masked(today, case) == masked(before, case)

    def test_the_api_servers_hash(self, today: Recording, before: Recording) -> None:
        def shape(recording: Recording) -> dict[bytes, bytes]:
            return {name: re.sub(rb"(^| )-?\d+\b", rb"\1#", text) for name, text in recording["redis"][SERVERS].items()}

        assert shape(today) == shape(before) == {b"epoch": b"#", b"servers": b"%b # #;" % SERVER_ID.encode()}

    def test_nothing_else(self, today: Recording, before: Recording) -> None:
        assert today["redis"].keys() == before["redis"].keys()
        assert len(today["objects"]) == len(before["objects"])


# The head of an envelope up to its texts. The test repeats it, so that the code cannot change it unnoticed.
FACTS = struct.Struct(">3sBI16sQQqqI")
COMPACT = struct.Struct(">3sBH16s16sqB")


def masked(recording: Recording, case: Case) -> dict[str, Any]:
    """All that a case left, but for its version, its times, and payloads and keys that are encrypted at random."""
    row = copy.deepcopy(recording["rows"][case.name])
    if case.key == AIRFLOWS_OWN:
        return {"row": row}
    version = references.parse(row).version
    row["exclusive_redis_xcom"] = shown = unfolded(row["exclusive_redis_xcom"])
    mask_row(shown, case)
    fields = the_hash(recording, case)
    at = Coordinate(DAG_ID, RUN_ID, case.task_id, case.key, case.map_index)
    rules = shared_rules.by_digest(fields.pop(b"acls", None), at)
    index = str(case.map_index).encode()
    return {
        "row": masked_text(repr(row).encode(), version),
        "head": masked_envelope(fields.pop(index), case, version, rules),
        "rules": sorted(masked_text(rule, version) for rule in rules.values()),
        "mark": masked_mark(fields.pop(index + b":committed", b""), case, version),
        "description": masked_description(fields.pop(index + b":described", b""), case, version),
        # What mapped results share tells of the whole key.
        "complete": re.sub(rb"\d+", b"#", fields.pop(b"complete", b"")).partition(b"?")[:2],
        "fields": {
            masked_text(name, version): masked_text(data, version)
            for name, data in fields.items()
            if case.map_index < 0 or name == b"acl" or name.startswith(index + b":")
        },
        "objects": {
            masked_text(name.encode(), version): masked_envelope(data, case, version)
            for name, data in recording["objects"].items()
            if version in name
        },
    }


def unfolded(raw: Any) -> dict[str, Any]:
    """Return the parts of a reference with a wrapped key that is one text; of another the same."""
    if not isinstance(raw, str):
        return raw  # type: ignore[no-any-return]
    about, machine, rule = raw.split("\n")
    to, key_id, wrapped = machine.rsplit(" ", 2)
    return {"about": about, "reference": {"to": to, "seal": {"key_id": key_id, "acl": rule, "wrapped": wrapped}}}


def mask_row(shown: dict[str, Any], case: Case) -> None:
    """Mask what no two pushes share. Nobody but the test reads the text of format 3 in this way."""
    reference = shown["reference"]
    shown["about"] = "#" if case.is_library_s else re.sub(r"until .* UTC;", "until #;", shown["about"])
    if "details" in shown:
        details = shown["details"]
        span = datetime.fromisoformat(details["expires"]) - datetime.fromisoformat(reference["pushed_at"])
        details["expires"], reference["pushed_at"] = str(span), "#"
        if case.is_library_s:
            details |= {"size": "#", "type": "#"}
    else:
        path, version, pushed, ttl, size, *rest = reference["to"].split(" ")
        assert (len(version), len(pushed)) == (22, 13)
        reference["to"] = [path, ttl, *(["#", "#", *rest[1:]] if case.is_library_s else [size, *rest])]
    if "seal" in reference:
        name = "wrapped" if "wrapped" in reference["seal"] else "key"
        reference["seal"][name] = len(reference["seal"][name])


def the_hash(recording: Recording, case: Case) -> dict[bytes, bytes]:
    ids = (DAG_ID, RUN_ID, case.task_id, case.key)
    return dict(recording["redis"][":".join((PREFIX, *(quote(text, safe="") for text in ids)))])


def masked_envelope(data: bytes, case: Case, version: str, rules: Iterable[bytes] = ()) -> bytes:
    if data[3] == 4:
        return masked_compact(data, case, version, rules)
    facts = list(FACTS.unpack_from(data))
    length = facts[2]
    assert facts[3].hex() == version
    facts[3], facts[6] = bytes(16), 0  # version and time
    payload = data[length:]
    if case.is_library_s:
        facts[4] = facts[5] = 0
        payload = b"#"
    elif case.group in ("encrypted", "spilled and encrypted", "sealed"):
        payload = bytes(len(payload))
    return FACTS.pack(*facts) + masked_text(data[FACTS.size : length], version) + payload


def masked_compact(data: bytes, case: Case, version: str, rules: Iterable[bytes]) -> bytes:
    """Rules are masked by their digests, because these change with the lines at which rules stand."""
    magic, format_, length, of, place, _, flags = COMPACT.unpack_from(data)
    assert of.hex() == version
    head, payload = data[COMPACT.size : length], data[length:]
    if case.is_library_s:
        return COMPACT.pack(magic, format_, 0, bytes(16), place, 0, 0)  # sizes and description may differ
    for digest in rules:
        head = head.replace(digest, b"one rule")
    if case.group in ("encrypted", "spilled and encrypted", "sealed"):
        payload = bytes(len(payload))
    return COMPACT.pack(magic, format_, length, bytes(16), place, 0, flags) + head + payload


def masked_mark(text: bytes, case: Case, version: str) -> bytes:
    """Times are masked, but not how many there are."""
    if text[:1] == b"\x03":
        assert text[2:18].hex() == version
        return text[:2] + (b"" if case.is_library_s else text[18:22]) + bytes(len(text) - 22)
    mark = re.sub(rb"\b\d{13}\b", b"#", masked_text(text, version))
    return re.sub(rb" \d+ ", b" # ", mark) if case.is_library_s else mark


def masked_description(text: bytes, case: Case, version: str) -> bytes:
    """A release of a library may name its classes and dtypes anew."""
    return text and text[:2] + (b"#" if case.is_library_s else text[2:].replace(version[:8].encode(), b"v" * 8))


def masked_text(text: bytes, version: str) -> bytes:
    """Without the version, and without the place where a rule stands: it is for people, and lines move."""
    return re.sub(rb"( at |\x06)cases\.py(:\d+)?", b"", text.replace(version.encode(), b"v" * 32))
