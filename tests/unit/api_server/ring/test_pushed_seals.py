"""What a task pushes: its seal is checked and wrapped, and no task can hand in what only the ring makes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.limits import MAX_ACL_BYTES, MAX_RESOLVED_CONSUMERS
from exclusive_redis_xcom.api_server.requests.rest_body import read_body
from exclusive_redis_xcom.api_server.requests.threads import SMALL_BYTES
from exclusive_redis_xcom.crypto import SealPrivateKeys, SealPublicKey, generate_seal_keys, wrap_aad, wrap_key
from exclusive_redis_xcom.crypto.opening import open_for, wrap_seal
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.formats.reference import MARK, Reference, parse, parse_stored
from exclusive_redis_xcom.formats.seal import Seal
from tests.unit.api_server.ringed import CONSUMER, EARLIER, OWNER, XCOM, Airflow, Person, World, reason, value
from tests.unit.sealed_reference import (
    AT,
    DATA_KEY,
    EXTRACT,
    LOAD,
    PRIVATE,
    PRIVATE_TEXT,
    acl_in_force,
    moved,
    sealed_reference,
)

WRAPPED = wrap_seal(sealed_reference(), PRIVATE)
WHERE = "XCom 'token' of task 'extract' in DAG 'sales', run 'run_1'. Asked by task 'extract' of DAG 'sales' (run "
LINK = XCOM.replace("/token", "/_link_TheLink")
BACKEND = "Return the value, or xcom_push it: the XCom backend then writes the reference."


@dataclass
class Database(Airflow):
    """Airflow, which keeps the bodies that reach it."""

    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            self.bodies.append(await read_body(receive))
        await super().__call__(scope, receive, send)


def push(pushed: Any, person: Person = OWNER, url: str = XCOM, **changes: Any) -> tuple[Any, Any]:
    """Return the world after a push, and the answer. Bytes are pushed as they are, all else as JSON."""
    world: Any = World(Database({"message": "done"}), **changes)
    kwargs: dict[str, Any] = {"content": pushed} if isinstance(pushed, bytes) else {"json": pushed}
    kwargs["headers"] = {**person.headers, "Content-Type": "application/json"}
    return world, world.ask("POST", url, None, **kwargs)


def stored(world: Any) -> Reference:
    (body,) = world.airflow.bodies
    return parse_stored(json.loads(body))


class TestWhatReachesTheDatabase:
    def test_the_data_key_is_wrapped_and_opens_for_the_consumer_alone(self) -> None:
        world, answer = push(sealed_reference().to_json())

        assert answer.json() == {"message": "done"}
        found = stored(world)
        assert found.seal is not None
        assert (found.seal.sealed_key, found.seal.data_key, found.seal.refused) == (None, None, None)
        assert found == replace(sealed_reference(), seal=found.seal)
        assert open_for(found, LOAD, PRIVATE).data_key == DATA_KEY
        assert open_for(found, None, PRIVATE).refused == seal.NOT_RUNNING
        assert world.rows == []

    def test_the_length_of_the_body_is_told_anew(self) -> None:
        world, _ = push(sealed_reference().to_json())

        (scope,) = world.airflow.scopes
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        assert lengths == [str(len(world.airflow.bodies[0])).encode()]

    def test_each_push_is_wrapped_with_a_nonce_of_its_own(self) -> None:
        pushed = sealed_reference().to_json()

        assert stored(push(pushed)[0]).seal != stored(push(pushed)[0]).seal

    def test_nothing_is_wrapped_while_earlier_builds_read_rows(self) -> None:
        pushed = sealed_reference().to_json()

        world, _ = push(pushed, format=2)

        assert [json.loads(body) for body in world.airflow.bodies] == [pushed]

    def test_it_is_wrapped_under_the_key_that_the_push_sealed_to(self) -> None:
        newer_text = generate_seal_keys()[1]
        both = SealPrivateKeys.parse(f"{newer_text} {PRIVATE_TEXT}")

        world, _ = push(sealed_reference().to_json(), seal_private_keys=both)

        assert open_for(stored(world), LOAD, PRIVATE).data_key == DATA_KEY

    def test_a_seal_to_a_key_that_is_not_here_stays_as_it_is(self) -> None:
        public = SealPublicKey.parse(generate_seal_keys()[0])
        pushed = sealed_reference(public=public).to_json()

        world, answer = push(pushed)

        assert (answer.status_code, [json.loads(body) for body in world.airflow.bodies]) == (200, [pushed])

    @pytest.mark.parametrize("mode", ["enforce", "report"])
    def test_the_mode_changes_nothing(self, mode: str) -> None:
        assert stored(push(sealed_reference().to_json(), mode=mode)[0]).seal is not None
        assert push(WRAPPED.to_json(), mode=mode)[1].status_code == 403

    def test_an_operators_link_is_wrapped_after_the_task_is_over(self) -> None:
        world: Any = World(Database({"message": "done"}))
        world.people[OWNER.ti_id] = replace(OWNER, state="success")

        assert world.ask("POST", LINK, OWNER, json=sealed_reference().to_json()).status_code == 200
        assert open_for(stored(world), LOAD, PRIVATE).data_key == DATA_KEY

    def test_the_coordinate_of_a_task_instance_must_be_the_callers(self) -> None:
        own = _sealed_for(ti_id=OWNER.ti_id)
        others = _sealed_for(ti_id=CONSUMER.ti_id)

        assert open_for(stored(push(own.to_json())[0]), EXTRACT, PRIVATE).data_key == DATA_KEY
        assert push(others.to_json())[1].status_code == 403

    @pytest.mark.parametrize(
        "body",
        [
            b'"text"',
            b"17",
            b"[1, 2]",
            b"null",
            b"",
            b"{",
            b"\xff",
            b'{"a": "b\\n"}',
            b'{"nested": {"exclusive_redis_xcom": {}}}',
            b'["exclusive_redis_xcom"]',
            b'"{\\"a\\": 1}"',
            b'"exclusive_redis_xcom"',
        ],
    )
    def test_what_is_no_reference_goes_on_unchanged(self, body: bytes) -> None:
        assert push(body)[0].airflow.bodies == [body]

    def test_an_unsealed_reference_goes_on_unchanged(self) -> None:
        pushed = replace(sealed_reference(), seal=None).to_json()

        world, _ = push(pushed, seal="restricted")

        assert [json.loads(body) for body in world.airflow.bodies] == [pushed]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
    def test_a_reference_is_wrapped_in_every_encoding_of_json(self, encoding: str) -> None:
        text = json.dumps(sealed_reference().to_json())

        assert stored(push(text.encode(encoding))[0]).seal is not None

    def test_a_reference_whose_mark_is_escaped_is_wrapped(self) -> None:
        text = json.dumps(sealed_reference().to_json()).replace('"exclusive', '"\\u0065xclusive')

        found = stored(push(text.encode())[0]).seal

        assert found is not None
        assert found.wrapped_key is not None

    @pytest.mark.parametrize("format_", [2, 3])
    def test_the_largest_rule_is_wrapped_off_the_event_loop(self, format_: int) -> None:
        rule = acl_in_force().rules[0]
        consumers = tuple(f"{'ü' * 16}{number:04}" for number in range(MAX_RESOLVED_CONSUMERS))
        acl = Acl(AT.dag_id, (replace(rule, consumers=consumers),), "nobody").dumps()
        assert MAX_ACL_BYTES * 0.95 < len(acl) <= MAX_ACL_BYTES
        pushed = replace(_sealed_for(acl), format=format_).to_json()
        assert len(json.dumps(pushed)) > SMALL_BYTES

        found = stored(push(pushed)[0]).seal

        assert found is not None
        assert found.acl == acl


def _sealed_for(acl: bytes | None = None, **coordinate: Any) -> Reference:
    from exclusive_redis_xcom.crypto import seal_info, seal_key
    from tests.unit.sealed_reference import PUBLIC, VERSION

    at = replace(AT, **coordinate)
    acl = acl or acl_in_force().dumps()
    sealed_key = seal_key(DATA_KEY, PUBLIC, seal_info(at, VERSION, acl))
    return replace(sealed_reference(), coordinate=at, seal=Seal(PUBLIC.key_id, acl, sealed_key=sealed_key))


def _flipped_key() -> Reference:
    pushed = sealed_reference()
    assert pushed.seal is not None
    assert pushed.seal.sealed_key is not None
    sealed_key = bytes([pushed.seal.sealed_key[0] ^ 1]) + pushed.seal.sealed_key[1:]
    return replace(pushed, seal=replace(pushed.seal, sealed_key=sealed_key))


def _wider_rule() -> Reference:
    pushed = sealed_reference()
    assert pushed.seal is not None
    return replace(pushed, seal=replace(pushed.seal, acl=acl_in_force(("load", "report")).dumps()))


def _wrapped_by_itself() -> Reference:
    """What a task would make that had got hold of the wrapping key."""
    pushed = sealed_reference()
    assert pushed.seal is not None
    wrapped = wrap_key(DATA_KEY, pushed.seal.key_id, PRIVATE, wrap_aad(AT, pushed.version, pushed.seal.acl))
    return pushed.wrapped(wrapped)


def _too_long() -> dict[str, Any]:
    long = sealed_reference().to_json()
    long[MARK]["reference"]["seal"]["acl"]["consumers"] = [""] * 2_000_000
    return long


MALFORMED = (
    "The reference is malformed, or a release newer than the API server's wrote it.",
    f"{BACKEND} Upgrade API servers before workers.",
)
FOREIGN = ("The reference is to an XCom of another task instance.", BACKEND)
NOT_A_PUSHS = ("Its seal has a form that only API servers write.", BACKEND)
FORGED = ("Its seal was not made for this reference.", BACKEND)

REFUSED: dict[str, tuple[Any, tuple[str, str]]] = {
    "a copied wrapped seal": (WRAPPED.to_json(), NOT_A_PUSHS),
    "a wrapped seal of its own": (_wrapped_by_itself().to_json(), NOT_A_PUSHS),
    "an opened seal": (sealed_reference().opened(DATA_KEY).to_json(), NOT_A_PUSHS),
    "a refused seal": (sealed_reference().refused(seal.DENIED).to_json(), NOT_A_PUSHS),
    "another DAG's reference": (_sealed_for(dag_id="other").to_json(), FOREIGN),
    "another run's reference": (_sealed_for(run_id="run_2").to_json(), FOREIGN),
    "another task's reference": (_sealed_for(task_id="report").to_json(), FOREIGN),
    "another instance's reference": (_sealed_for(map_index=3).to_json(), FOREIGN),
    "another task's wrapped seal": (moved(WRAPPED, task_id="report").to_json(), FOREIGN),
    "a changed key": (_flipped_key().to_json(), FORGED),
    "a changed rule": (_wider_rule().to_json(), FORGED),
    "another version": (replace(sealed_reference(), version="f" * 32).to_json(), FORGED),
    "another XCom key": (moved(sealed_reference(), key="other").to_json(), FORGED),
    "a rule that is none": (_sealed_for(acl=b"{}").to_json(), FORGED),
    "JSON text of a reference": (json.dumps(WRAPPED.to_json()), MALFORMED),
    "JSON text twice": (json.dumps(json.dumps(sealed_reference().to_json())), MALFORMED),
    "a further key": ({**WRAPPED.to_json(), "more": 1}, MALFORMED),
    "an unknown format": ({MARK: {"reference": {"v": 99}}}, MALFORMED),
    "an empty reference": ({MARK: {}}, MALFORMED),
    "a reference longer than any": (_too_long(), MALFORMED),
    "nesting without end": (b'{"exclusive_redis_xcom": ' + b"[" * 200_000, MALFORMED),
}


@pytest.mark.parametrize("changes", [{}, {"format": 2}, {"mode": "report"}], ids=["3", "2", "report"])
@pytest.mark.parametrize(("pushed", "said"), REFUSED.values(), ids=REFUSED)
def test_what_no_push_writes_is_refused_and_recorded(
    pushed: Any, said: tuple[str, str], changes: dict[str, Any]
) -> None:
    world, answer = push(pushed, **changes)

    assert (answer.status_code, world.airflow.calls) == (403, 0)
    assert answer.json()["detail"]["reason"] == "access_denied"
    assert answer.json()["detail"]["message"].splitlines() == [
        "extract may not push this reference as 'token' of extract.",
        *said,
        f"{WHERE}'run_1').",
    ]
    (row,) = world.rows
    assert (row["event"], row["dag_id"], row["task_id"]) == ("xcom_write_denied", "sales", "extract")
    extra = json.loads(row["extra"])
    assert (extra["action"], extra["why"]) == ("push", said[0][0].lower() + said[0][1:-1])


def test_no_refusal_shows_a_key() -> None:
    opened = sealed_reference().opened(DATA_KEY).to_json()
    key = opened[MARK]["reference"]["seal"]["data_key"]

    world, answer = push(opened)

    assert key not in answer.text
    assert key not in json.dumps(world.rows)


@pytest.mark.parametrize("person", [CONSUMER, EARLIER])
def test_who_pushes_is_asked_first(person: Person) -> None:
    _, answer = push(WRAPPED.to_json(), person)

    assert "this reference" not in answer.json()["detail"]["message"]


class TestPulls:
    """A wrapped row is read like a sealed one, and no answer holds a wrapped key."""

    def test_the_consumer_gets_the_data_key(self) -> None:
        world = World(Airflow(value(WRAPPED.to_json())))

        answer = parse(world.ask("GET", XCOM, CONSUMER).json()["value"])

        assert answer == sealed_reference().opened(DATA_KEY)

    def test_everybody_else_gets_a_reason_and_no_key_that_opens(self) -> None:
        world = World(Airflow(value(WRAPPED.to_json())))

        answer = world.ask("GET", XCOM, EARLIER).json()["value"]

        assert reason(answer) == seal.NOT_RUNNING
        found = parse(answer).seal
        assert found is not None
        assert (found.wrapped_key, found.data_key, found.sealed_key) == (None, None, seal.NO_KEY)

    def test_a_moved_row_is_forged_for_all(self) -> None:
        world = World(Airflow(value(moved(WRAPPED, key="other").to_json())))

        assert reason(world.ask("GET", XCOM, CONSUMER).json()["value"]) == seal.FORGED

    def test_an_older_version_of_ones_own_opens_the_older_value_alone(self) -> None:
        """A producer may push an older reference again. Its data key and rule stay those of the older value."""
        older = sealed_reference()
        world, _ = push(older.to_json())

        again = stored(world)

        assert (again.version, again.seal and again.seal.acl) == (older.version, older.seal and older.seal.acl)
