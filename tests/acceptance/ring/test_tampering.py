"""Rows that somebody made or changed: UI and REST users, and any task where there was no ring, can write rows."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from devtools.worlds.api_plan import EARLIER_RUN, at
from devtools.worlds.api_world import World
from devtools.worlds.sealed import Keys, Pushed, seal
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.formats.reference import MARK, parse_stored
from tests.acceptance.ring.conftest import Asker
from tests.acceptance.ring.outcomes import (
    CLAIMED,
    DENIED,
    FORBIDDEN,
    FORGED,
    OPENED,
    UNKNOWN_KEY,
    UNUSABLE,
    WRITTEN,
    outcome,
    seals,
)

Body = dict[str, Any]
ROUTES = ("", "/slice", "/item/0")
READERS = ("owner", "consumer", "stranger")


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def pushed(world: World) -> Pushed:
    return world.push(at("extract", "mine"), ["load"])


@pytest.fixture(scope="module")
def other(world: World) -> Pushed:
    return world.push(at("extract", "other"), ["report"])


@pytest.fixture(params=[2, 3], ids=["format 2", "format 3"])
def form(request: pytest.FixtureRequest) -> int:
    """The format of the row. Rows of both are in databases."""
    return int(request.param)


def row_of(pushed: Pushed, form: int) -> Body:
    return copy.deepcopy(replace(pushed.reference, format=form).to_json())


def changed(pushed: Pushed, change: Callable[[Body], None], form: int) -> Body:
    value = row_of(pushed, form)
    change(value[MARK]["reference"])
    return value


def add_consumer(body: Body) -> None:
    _change_rule(body, lambda rule: rule["consumers"].append("report"))


def drop_same_run(body: Body) -> None:
    _change_rule(body, lambda rule: rule.update(same_run=True))


def _change_rule(body: Body, change: Callable[[Body], None]) -> None:
    rule = body["seal"]["acl"]
    if isinstance(rule, dict):  # format 3
        change(rule)
        return
    parsed = json.loads(rule)
    change(parsed)
    body["seal"]["acl"] = json.dumps(parsed, separators=(",", ":"), sort_keys=True)


def of_another_dag(body: Body) -> None:
    _change_id(body, "dag_id", "other")


def of_another_task(body: Body) -> None:
    _change_id(body, "task_id", "report")


def of_another_run(body: Body) -> None:
    _change_id(body, "run_id", EARLIER_RUN)


def of_another_key(body: Body) -> None:
    _change_id(body, "key", "other")


def of_another_index(body: Body) -> None:
    _change_id(body, "map_index", 0)


def of_another_version(body: Body) -> None:
    _change_version(body, "0" * 32)


def _change_id(body: Body, name: str, value: Any) -> None:
    if "to" not in body:
        body["coordinate"][name] = value
        return
    coordinate, rest = body["to"].split(" ", 1)
    ids = dict(zip(("dag_id", "run_id", "task_id", "key", "map_index"), coordinate.split("/"), strict=False))
    body["to"] = "/".join(map(str, (ids | {name: value}).values())) + " " + rest


def _change_version(body: Body, version: str) -> None:
    if "to" not in body:
        body["version"] = version
        return
    coordinate, _, rest = body["to"].split(" ", 2)
    body["to"] = f"{coordinate} {encoded(bytes.fromhex(version))} {rest}"


def random_key(body: Body) -> None:
    body["seal"]["key"] = encoded(bytes(range(80)))


def zero_key(body: Body) -> None:
    body["seal"]["key"] = encoded(bytes(80))


def flipped_bit(body: Body) -> None:
    raw = bytearray(base64.urlsafe_b64decode(body["seal"]["key"] + "=="))
    raw[-1] ^= 1
    body["seal"]["key"] = encoded(bytes(raw))


FORGERIES = (
    add_consumer,
    drop_same_run,
    of_another_dag,
    of_another_task,
    of_another_run,
    of_another_key,
    of_another_index,
    of_another_version,
    random_key,
    zero_key,
    flipped_bit,
)


@pytest.mark.parametrize("caller", READERS)
@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_changed_reference_opens_for_nobody(
    ask: Asker, world: World, pushed: Pushed, forge: Callable[[Body], None], caller: str, form: int
) -> None:
    coordinate = at("extract", "forged")
    forged = changed(pushed, forge, form)
    assert forged != row_of(pushed, form)
    world.put_row(coordinate, forged)

    assert [outcome(ask.xcom(caller, "GET", coordinate, route=route)) for route in ROUTES] == [FORGED] * 3


def swapped_key(body: Body, other: Pushed) -> None:
    body["seal"]["key"] = _seal_of(other, body)["key"]


def swapped_acl(body: Body, other: Pushed) -> None:
    body["seal"]["acl"] = _seal_of(other, body)["acl"]


def swapped_seal(body: Body, other: Pushed) -> None:
    body["seal"] = _seal_of(other, body)


def swapped_version(body: Body, other: Pushed) -> None:
    _change_version(body, other.reference.version)


def _seal_of(other: Pushed, body: Body) -> Any:
    return row_of(other, body["v"])[MARK]["reference"]["seal"]


@pytest.mark.parametrize("caller", READERS)
@pytest.mark.parametrize("swap", [swapped_key, swapped_acl, swapped_seal, swapped_version], ids=lambda it: it.__name__)
def test_parts_of_two_references_do_not_make_one(
    ask: Asker,
    world: World,
    pushed: Pushed,
    other: Pushed,
    swap: Callable[[Body, Pushed], None],
    caller: str,
    form: int,
) -> None:
    coordinate = at("extract", "swapped")
    world.put_row(coordinate, changed(pushed, lambda body: swap(body, other), form))

    assert outcome(ask.xcom(caller, "GET", coordinate)) == FORGED


def remove(*names: str) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        for name in names[:-1]:
            body = body[name]
        del body[names[-1]]

    return change


def put(value: Any, *names: str) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        for name in names[:-1]:
            body = body[name]
        body[names[-1]] = value

    return change


#: What is a reference in looks only. Among them the forms that only the ring's answers have.
LOOK_ALIKES: dict[str, Callable[[Body], None]] = {
    "opened": lambda body: body.update(seal={**without_key(body), "data_key": encoded(bytes(32))}),
    "opened and sealed": put(encoded(bytes(32)), "seal", "data_key"),
    "refused": put({"reason": "denied", "by": None}, "seal", "refused"),
    "refused for no reason": put(None, "seal", "refused"),
    "key cut": lambda body: body["seal"].update(key=body["seal"]["key"][:-4]),
    "key cut within a byte": lambda body: body["seal"].update(key=body["seal"]["key"][:-1]),
    "key longer": lambda body: body["seal"].update(key=body["seal"]["key"] + "AAAA"),
    "key padded": lambda body: body["seal"].update(key=body["seal"]["key"] + "="),
    "key of another alphabet": put("+" * 107, "seal", "key"),
    "key empty": put("", "seal", "key"),
    "key no text": put(7, "seal", "key"),
    "no key": remove("seal", "key"),
    "no acl": remove("seal", "acl"),
    "no key id": remove("seal", "key_id"),
    "seal null": put(None, "seal"),
    "seal a list": put([], "seal"),
    "seal empty": put({}, "seal"),
    "another format": put(4, "v"),
    "more": put(1, "more"),
}
LOOK_ALIKES_OF_FORMAT: dict[int, dict[str, Callable[[Body], None]]] = {
    2: {
        "no coordinate": remove("coordinate"),
        "coordinate cut": remove("coordinate", "map_index"),
        "map_index a bool": put(True, "coordinate", "map_index"),
        "version cut": put("0" * 31, "version"),
    },
    3: {
        "no coordinate": remove("to"),
        "coordinate cut": lambda body: body.update(to=body["to"].split("/", 1)[1]),
        "map_index a bool": lambda body: _change_id(body, "map_index", True),
        "version cut": lambda body: body.update(to=body["to"].replace(" ", " A", 1)),
    },
}


def without_key(body: Body) -> Body:
    return {name: value for name, value in body["seal"].items() if name != "key"}


@pytest.mark.parametrize("caller", READERS)
@pytest.mark.parametrize("name", [*LOOK_ALIKES, *LOOK_ALIKES_OF_FORMAT[2]])
def test_what_only_looks_like_a_reference_reaches_nobody(
    ask: Asker, world: World, pushed: Pushed, name: str, caller: str, form: int
) -> None:
    coordinate = at("extract", "look-alike")
    world.put_row(coordinate, changed(pushed, (LOOK_ALIKES | LOOK_ALIKES_OF_FORMAT[form])[name], form))

    assert [outcome(ask.xcom(caller, "GET", coordinate, route=route)) for route in ROUTES] == [UNUSABLE] * 3


@pytest.mark.parametrize("value", [{MARK: None}, {MARK: {}}, {MARK: []}, {MARK: "x"}, {MARK: {"unusable": True}}])
def test_a_bare_mark_reaches_nobody(ask: Asker, world: World, value: Any) -> None:
    coordinate = at("extract", "mark")
    world.put_row(coordinate, value)

    answer = ask.xcom("consumer", "GET", coordinate)

    assert answer.json()["value"] == {MARK: {"v": 1, "unusable": True}}


def test_a_reference_within_another_value_is_just_that_value(ask: Asker, world: World, pushed: Pushed) -> None:
    coordinate = at("extract", "nested")
    nested = {"inner": pushed.reference.to_json()}
    world.put_row(coordinate, nested)

    assert ask.xcom("consumer", "GET", coordinate).json()["value"] == nested


class TestAReferencePastedIntoAnotherRow:
    """Copying is open to whoever can write a row; a reference counts only in the rows of its own task and run."""

    @pytest.mark.parametrize(
        "coordinate",
        [
            at("report", "copy"),
            at("load", "copy", dag_id="other"),
            at("parts", "copy", map_index=0),
            at("load", "copy"),
        ],
        ids=str,
    )
    def test_it_opens_for_nobody(self, ask: Asker, world: World, pushed: Pushed, coordinate: Any) -> None:
        world.put_row(coordinate, pushed.reference.to_json())

        found = {caller: outcome(ask.xcom(caller, "GET", coordinate)) for caller in (*READERS, "namesake")}

        assert set(found.values()) == {FORGED}

    def test_under_another_key_of_its_task_it_opens_for_those_of_its_own_rule(
        self, ask: Asker, world: World, pushed: Pushed
    ) -> None:
        """Airflow's client does not quote keys, so the row of a key like `a?b` has another."""
        coordinate = at("extract", "copy")
        world.put_row(coordinate, pushed.reference.to_json())

        found = {caller: outcome(ask.xcom(caller, "GET", coordinate)) for caller in (*READERS, "namesake")}

        assert found == {"owner": OPENED, "consumer": OPENED, "stranger": DENIED, "namesake": DENIED}

    def test_a_task_that_pastes_it_itself_is_refused(self, ask: Asker, world: World, pushed: Pushed) -> None:
        coordinate = at("report", "pasted")

        assert outcome(ask.xcom("stranger", "POST", coordinate, json=pushed.reference.to_json())) == FORBIDDEN
        assert world.row(coordinate) is None

    def test_one_that_a_task_makes_up_for_itself_does_not_count_either(
        self, ask: Asker, world: World, pushed: Pushed
    ) -> None:
        """Anybody can seal a key of their own choice to a public key: for somebody else's coordinate, too."""
        made_up = seal(pushed.reference.coordinate, ["report"], keys=world.keys)
        coordinate = at("report", "made-up")
        world.put_row(coordinate, made_up.reference.to_json())

        assert outcome(ask.xcom("stranger", "GET", coordinate)) == FORGED


class TestWrapped:
    """What the ring makes of a push, on a real API server and in its database."""

    def test_a_push_is_wrapped_and_opens_for_its_consumer_alone(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "wrapped")
        pushed = seal(coordinate, ["load"], keys=world.keys, store=world.store)

        assert outcome(ask.xcom("owner", "POST", coordinate, json=pushed.reference.to_json())) == WRITTEN

        stored = parse_stored(world.row(coordinate)).seal
        assert stored is not None
        assert (stored.sealed_key, stored.wrapped_key is None) == (None, False)
        assert outcome(ask.xcom("consumer", "GET", coordinate)) == OPENED
        assert outcome(ask.xcom("stranger", "GET", coordinate)) == DENIED

    def test_a_copied_row_is_refused_as_a_push_of_its_own_task(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "copied-back")
        pushed = seal(coordinate, ["load"], keys=world.keys, store=world.store)
        ask.xcom("owner", "POST", coordinate, json=pushed.reference.to_json())
        row = world.row(coordinate)

        for body in (row, json.dumps(row), {**row, "more": 1}):
            assert outcome(ask.xcom("owner", "POST", coordinate, json=body)) == FORBIDDEN
        assert world.row(coordinate) == row

    def test_a_forged_seal_never_reaches_the_database(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "forged-push")
        pushed = seal(at("extract", "another"), ["load"], keys=world.keys)
        forged = replace(pushed.reference, coordinate=coordinate).to_json()

        answer = ask.xcom("owner", "POST", coordinate, json=forged)

        assert answer.json()["detail"]["message"].splitlines()[:2] == [
            "extract may not push this reference as 'forged-push' of extract.",
            "Its seal was not made for this reference.",
        ]
        assert world.row(coordinate) is None


class TestReplay:
    """An older reference of the same coordinate, put back."""

    def test_it_opens_the_older_value_by_the_older_rule(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "replayed")
        older = world.push(coordinate, ["report"])
        newer = world.push(coordinate, ["load"])

        world.put_row(coordinate, older.reference.to_json())
        (opened,) = seals(ask.xcom("stranger", "GET", coordinate))

        assert opened["data_key"] == encoded(older.data_key) != encoded(newer.data_key)
        assert outcome(ask.xcom("consumer", "GET", coordinate)) == DENIED

    def test_one_that_is_read_once_is_gone_with_its_value(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "replayed once")
        older = world.push(coordinate, ["load"], once=True)
        world.push(coordinate, ["load"], once=True)

        world.put_row(coordinate, older.reference.to_json())
        answer = ask.xcom("consumer", "GET", coordinate)

        assert "data_key" not in answer.text


class TestReadOnce:
    def test_the_first_gets_it_again_and_everybody_else_is_told_who(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "ticket")
        world.push(coordinate, ["load"], once=True)

        assert outcome(ask.xcom("stranger", "GET", coordinate)) == DENIED  # spends nothing
        assert outcome(ask.xcom("owner", "GET", coordinate)) == OPENED  # nor does this
        assert [outcome(ask.xcom("consumer", "GET", coordinate)) for _ in range(2)] == [OPENED] * 2
        late = ask.xcom("other run", "GET", coordinate)
        assert outcome(late) == CLAIMED
        (found,) = seals(late)
        assert "load" in found["refused"]["by"]

    @pytest.mark.parametrize("caller", ["finished", "queued", "earlier try", "workload", "expired", None])
    def test_who_may_not_read_does_not_spend_it(self, ask: Asker, world: World, caller: str | None) -> None:
        coordinate = at("extract", "unspent")
        world.push(coordinate, ["load", "done", "queued"], once=True)

        ask.xcom(caller, "GET", coordinate)

        assert outcome(ask.xcom("consumer", "GET", coordinate)) == OPENED

    def test_counting_does_not_spend_it(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "counted")
        world.push(coordinate, ["load"], once=True)

        ask.xcom("other run", "HEAD", coordinate)

        assert outcome(ask.xcom("consumer", "GET", coordinate)) == OPENED

    def test_a_slice_with_a_refused_element_spends_none(self, ask: Asker, world: World) -> None:
        for index in range(3):
            consumers = ["report"] if index == 1 else ["load"]
            world.push(at("parts", "tickets", map_index=index), consumers, once=True)

        refused = ask.xcom("consumer", "GET", at("parts", "tickets"), route="/slice")

        assert "data_key" not in refused.text
        late = ask.xcom("other run", "GET", at("parts", "tickets"), route="/item/0")
        assert outcome(late) == OPENED


class TestKeyRotation:
    def test_what_was_sealed_to_the_older_key_opens(self, ask: Asker, world: World) -> None:
        pushed = world.push(at("extract", "older"), ["load"], keys=world.older_keys)

        assert outcome(ask.xcom("consumer", "GET", pushed.reference.coordinate)) == OPENED
        assert outcome(ask.xcom("stranger", "GET", pushed.reference.coordinate)) == DENIED

    @pytest.mark.parametrize("caller", READERS)
    def test_what_was_sealed_to_a_key_that_is_gone_opens_for_nobody(
        self, ask: Asker, world: World, caller: str
    ) -> None:
        pushed = world.push(at("extract", "gone"), ["load"], keys=Keys.generate())

        assert outcome(ask.xcom(caller, "GET", pushed.reference.coordinate)) == UNKNOWN_KEY

    def test_a_seal_that_lies_about_its_key_is_forged(self, ask: Asker, world: World, form: int) -> None:
        pushed = world.push(at("extract", "lie"), ["load"], keys=world.older_keys)
        lie = changed(pushed, lambda body: body["seal"].update(key_id=world.keys.id), form)
        world.put_row(pushed.reference.coordinate, lie)

        assert outcome(ask.xcom("consumer", "GET", pushed.reference.coordinate)) == FORGED


def test_the_rule_in_redis_does_not_matter_to_the_ring(ask: Asker, world: World, redis_client: Any) -> None:
    pushed = world.push(at("extract", "edited"), ["load"])
    wide = seal(pushed.reference.coordinate, ["*"], keys=world.keys).reference.seal
    assert wide is not None
    assert Acl.loads(wide.acl).consumers == ("*",)
    redis_client.hset("exclusive_redis_xcom:sales:run-1:extract:edited", "acl", wide.acl)

    assert outcome(ask.xcom("stranger", "GET", pushed.reference.coordinate)) == DENIED
