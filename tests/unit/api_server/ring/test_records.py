"""What goes on record for each thing that can become of a value, and what waits for its row."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from devtools.worlds.sealed import Keys, seal
from exclusive_redis_xcom.formats.reference import MARK, parse
from exclusive_redis_xcom.formats.seal import encode_key
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.ringed import (
    CONSUMER,
    EARLIER,
    FINISHED,
    GONE,
    OWNER,
    STRANGER,
    XCOM,
    Airflow,
    Person,
    World,
    reason,
    value,
)
from tests.unit.sealed_reference import AT, DATA_KEY, PRIVATE_TEXT, PUBLIC_TEXT, moved, sealed_reference

KEYS = Keys(PUBLIC_TEXT, PRIVATE_TEXT)
SEALED = sealed_reference().to_json()
FORGED = [replace(sealed_reference(), coordinate=replace(AT, key=key)).to_json() for key in "ab"]


def once(store: Store, key: str = "token") -> Any:
    """A value to be read once, by `load` or `report`."""
    return seal(replace(AT, key=key), ["load", "report"], keys=KEYS, store=store, once=True).reference.to_json()


def for_load(**at: Any) -> Any:
    return seal(replace(AT, **at), ["load"], keys=KEYS).reference.to_json()


def pulled(world: World, person: Person, *values: Any) -> list[Any]:
    """What becomes of the values of one slice."""
    world.airflow.body = list(values)
    answer = world.ask("GET", f"{XCOM}/slice", person)
    assert answer.status_code == 200
    elements: list[Any] = answer.json()
    return elements


def is_open(answer: Any) -> bool:
    found = parse(answer).seal
    return found is not None and found.data_key is not None


def extra(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["extra"])
    return found


class TestEachOutcome:
    """Who, what and why, and in the columns the XCom that it is about."""

    def ask(self, world: World, person: Person, *values: Any) -> dict[str, Any]:
        world.rows.clear()
        pulled(world, person, *values)
        (row,) = world.rows
        columns = [row[name] for name in ("dag_id", "run_id", "task_id", "map_index")]
        assert columns == [AT.dag_id, AT.run_id, AT.task_id, AT.map_index]
        said = extra(row)
        assert (said["what"], said["key"]) == (str(AT), "token")
        assert said["who"] == str(person.principal) or person is GONE
        return {"event": row["event"], "why": said["why"]}

    def test_granted(self) -> None:
        said = self.ask(World(Airflow(), audit="all"), CONSUMER, SEALED)

        assert said == {"event": "xcom_granted", "why": "xcom_acl['extract']['token'] allows 'load'"}

    def test_granted_to_the_producer(self) -> None:
        said = self.ask(World(Airflow(), audit="all"), OWNER, SEALED)

        assert said["event"] == "xcom_granted"
        assert "its own" in said["why"]

    @pytest.mark.parametrize(("mode", "event"), [("enforce", "xcom_denied"), ("report", "xcom_would_be_denied")])
    def test_denied_by_the_rule(self, mode: str, event: str) -> None:
        said = self.ask(World(Airflow(), mode=mode), STRANGER, SEALED)

        assert said == {"event": event, "why": "xcom_acl['extract']['token'] allows only 'load'"}

    @pytest.mark.parametrize(
        ("person", "why"),
        [
            (FINISHED, "the task instance is not running, its state is success"),
            (EARLIER, "try 1, which the token is for, is over"),
            (GONE, "Airflow knows no task instance with the token's id"),
        ],
    )
    def test_not_running(self, person: Person, why: str) -> None:
        said = self.ask(World(Airflow()), person, SEALED)

        assert said == {"event": "xcom_denied", "why": why}

    def test_claimed(self, store: Store) -> None:
        said = self.ask(World(Airflow(), store=lambda: store), CONSUMER, once(store))

        assert said["event"] == "xcom_claimed"
        assert "read once" in said["why"]

    @pytest.mark.parametrize(("mode", "event"), [("enforce", "xcom_claim_denied"), ("report", "xcom_would_be_denied")])
    def test_claimed_by_another(self, store: Store, mode: str, event: str) -> None:
        world = World(Airflow(), store=lambda: store, mode=mode)
        stored = once(store)
        self.ask(world, CONSUMER, stored)

        said = self.ask(world, STRANGER, stored)

        assert said == {"event": event, "why": f"read once, and claimed by {CONSUMER.principal}"}

    def test_a_row_that_only_looks_like_a_reference(self) -> None:
        world = World(Airflow())

        pulled(world, CONSUMER, {MARK: {}})

        (row,) = world.rows
        assert (row["event"], row["dag_id"], row["task_id"]) == ("xcom_denied", "sales", "extract")
        assert extra(row)["why"] == "the row holds a malformed reference: it was edited or forged"

    def test_a_forged_reference_is_on_record_under_the_row_it_lay_in(self) -> None:
        world = World(Airflow())

        pulled(world, CONSUMER, replace(sealed_reference(), coordinate=replace(AT, task_id="victim")).to_json())

        (row,) = world.rows
        assert (row["event"], row["task_id"]) == ("xcom_denied", "extract")
        assert "victim" not in str([row, world.asker_rows])


class TestReportModeAndClaims:
    def test_what_another_has_claimed_is_opened_all_the_same(self, store: Store) -> None:
        world, stored = World(Airflow(), store=lambda: store, mode="report"), once(store)
        pulled(world, CONSUMER, stored)

        assert is_open(pulled(world, STRANGER, stored)[0])

    def test_what_is_withheld_for_anothers_sake_is_opened_and_not_claimed(self, store: Store) -> None:
        world, stored = World(Airflow(), store=lambda: store, mode="report"), once(store)

        first = pulled(world, CONSUMER, stored, {MARK: {}})
        events = list(world.events)
        second = pulled(world, STRANGER, stored)

        assert (is_open(first[0]), is_open(second[0])) == (True, True)
        assert (sorted(events), world.events[-1]) == (["xcom_denied", "xcom_would_be_denied"], "xcom_claimed")
        why = {row["event"]: extra(row)["why"] for row in world.rows}["xcom_would_be_denied"]
        assert "read once, and another value of the" in why

    def test_what_redis_has_lost_is_not_opened(self, store: Store) -> None:
        world, stored = World(Airflow(), store=lambda: store, mode="report"), once(store)
        store.purge(AT)

        assert not is_open(pulled(world, CONSUMER, stored)[0])
        assert world.events == []


class TestManyValues:
    def test_the_same_of_one_xcom_is_one_row_with_the_first_map_indexes(self) -> None:
        world = World(Airflow())

        pulled(world, STRANGER, *(for_load(map_index=index) for index in range(25)))

        (row,) = world.rows
        assert (extra(row)["values"], extra(row)["map_indexes"]) == (25, list(range(20)))

    def test_two_of_one_xcom_are_counted_and_one_is_not(self) -> None:
        world = World(Airflow())

        pulled(world, STRANGER, SEALED, SEALED)
        pulled(world, STRANGER, SEALED)

        two, one = map(extra, world.rows)
        assert two["values"] == 2
        assert not one.keys() & {"values", "map_indexes"}

    def test_two_xcoms_refused_for_the_same_reason_are_two_rows(self) -> None:
        world = World(Airflow())

        pulled(world, STRANGER, for_load(key="a"), for_load(key="b"))

        assert [extra(row)["key"] for row in world.rows] == ["a", "b"]
        assert len({extra(row)["why"] for row in world.rows}) == 1

    def test_malformed_ones_beside_each_other_are_one_row(self) -> None:
        world = World(Airflow())

        pulled(world, CONSUMER, {MARK: {}}, {MARK: None})

        (row,) = world.rows
        assert extra(row)["values"] == 2


class TestRows:
    def test_grants_are_kept_only_where_all_is(self) -> None:
        for setting, expected in (("denied", []), ("all", ["xcom_granted"]), ("off", [])):
            world = World(Airflow(value(SEALED)), audit=setting)
            world.ask("GET", XCOM, CONSUMER)
            assert world.events == expected

    def test_a_row_says_who_what_and_why(self) -> None:
        world = World(Airflow(value(SEALED)))

        world.ask("GET", XCOM, STRANGER)

        (row,) = world.rows
        said = json.loads(row.pop("extra"))
        assert row == {
            **{"event": "xcom_denied", "owner": "sales/report"},
            **{"dag_id": "sales", "run_id": "run_1", "task_id": "extract", "map_index": NOT_MAPPED},
        }
        assert said == {
            "who": "task 'report' of DAG 'sales' (run 'run_1')",
            "state": "running",
            "try_number": 1,
            "why": "xcom_acl['extract']['token'] allows only 'load'",
            "what": str(AT),
            "key": "token",
            "under": "producer",
        }

    def test_a_refusal_has_a_row_under_the_task_that_asked_too_because_airflows_tab_looks_there(self) -> None:
        world = World(Airflow(value(SEALED)))

        world.ask("GET", XCOM, STRANGER)

        (row,), (other,) = world.asker_rows, world.rows
        assert extra(row) | {"under": "producer"} == extra(other)
        assert {name: value for name, value in row.items() if name != "extra"} == {
            **{"event": "xcom_denied", "owner": "sales/report"},
            **{"dag_id": "sales", "run_id": "run_1", "task_id": "report", "map_index": NOT_MAPPED, "try_number": 1},
        }

    def test_a_refused_producer_has_one_row_since_both_would_be_the_same(self) -> None:
        world = World(Airflow(value(SEALED)))
        world.people[OWNER.ti_id] = replace(OWNER, state="success")

        world.ask("GET", XCOM, OWNER)

        assert (world.events, world.asker_rows) == (["xcom_denied"], [])

    def test_the_row_of_an_earlier_try_says_which(self) -> None:
        world = World(Airflow(value(SEALED)))

        world.ask("GET", XCOM, EARLIER)

        (row,) = world.asker_rows
        assert (row["task_id"], row["try_number"], row["owner"]) == ("load", 1, "sales/load")

    def test_what_is_granted_or_claimed_has_one_row(self, store: Store) -> None:
        world = World(Airflow(), store=lambda: store, audit="all")

        pulled(world, CONSUMER, SEALED)
        pulled(world, CONSUMER, once(store))

        assert (world.events, world.asker_rows) == (["xcom_granted", "xcom_claimed"], [])

    def test_nobody_who_is_known_asked(self) -> None:
        world = World(Airflow(value(SEALED)))

        world.ask("GET", XCOM, GONE)

        assert (world.events, world.asker_rows) == (["xcom_denied"], [])

    def test_a_slice_is_one_row(self) -> None:
        body = [SEALED] * 30
        world = World(Airflow(body))

        world.ask("GET", XCOM + "/slice", STRANGER)

        (row,) = world.rows
        assert json.loads(row["extra"])["values"] == 30

    def test_a_record_holds_no_key(self, caplog: pytest.LogCaptureFixture) -> None:
        world = World(Airflow([SEALED, sealed_reference(("report",)).to_json()]), audit="all")

        with caplog.at_level(logging.DEBUG):
            answer = world.ask("GET", XCOM + "/slice", CONSUMER).json()

        kept = json.dumps([world.rows, world.asker_rows]) + caplog.text
        assert encode_key(DATA_KEY) in json.dumps(answer[0])
        assert encode_key(DATA_KEY) not in kept
        assert SEALED[MARK]["reference"]["seal"]["key"] not in kept

    def test_made_up_ids_fit_the_columns(self) -> None:
        world = World(Airflow())

        world.ask("POST", f"/execution/xcoms/d%00{'x' * 900}/r/t/k", CONSUMER)

        assert world.rows[0]["dag_id"].startswith("d?x")
        assert len(world.rows[0]["dag_id"]) == 250

    def test_a_forged_reference_is_on_record_under_the_row_it_lay_in(self) -> None:
        named = moved(sealed_reference(), dag_id="finance", task_id="salaries").to_json()
        world = World(Airflow([named] * 3))

        world.ask("GET", XCOM + "/slice", CONSUMER)

        assert [(row["dag_id"], row["task_id"]) for row in world.rows] == [("sales", "extract")]
        assert "finance" not in str([world.rows, world.asker_rows])

    def test_strict_keeps_the_value_until_its_row_is_written(self) -> None:
        world = World(Airflow(value(SEALED)), audit_strict=True)
        assert world.ask("GET", XCOM, CONSUMER).status_code == 200
        assert world.events == ["xcom_granted"]

        world.row_error = RuntimeError("locked")
        answer = world.ask("GET", XCOM, CONSUMER)

        assert answer.status_code == 503
        assert "data_key" not in answer.text

    @pytest.mark.parametrize("strict", [True, False])
    def test_a_refusal_stands_without_its_row(self, strict: bool) -> None:
        world = World(Airflow(value(SEALED)), audit_strict=strict)
        world.row_error = RuntimeError("locked")

        assert reason(world.ask("GET", XCOM, STRANGER).json()["value"]) == "denied"

    def test_a_grant_is_not_held_up_by_its_row(self) -> None:
        world = World(Airflow(value(SEALED)), audit="all")
        world.row_error = RuntimeError("locked")

        assert world.ask("GET", XCOM, CONSUMER).status_code == 200


class TestStrict:
    """With `audit_strict` nothing that was opened leaves the server before its row is written."""

    def world(self, store: Store, mode: str) -> World:
        return World(Airflow(), store=lambda: store, mode=mode, audit_strict=True)

    @pytest.mark.parametrize(
        ("mode", "person", "make"),
        [
            ("enforce", CONSUMER, lambda store: [SEALED]),
            ("enforce", CONSUMER, lambda store: [once(store)]),
            ("enforce", CONSUMER, lambda store: [*FORGED, SEALED]),
            ("report", STRANGER, lambda store: [SEALED]),
            ("report", CONSUMER, lambda store: [once(store), {MARK: {}}]),
        ],
        ids=["granted", "claimed", "granted beside refused", "would be denied", "would be withheld"],
    )
    def test_without_its_row_nothing_is_opened(
        self, store: Store, mode: str, person: Person, make: Callable[[Store], list[Any]]
    ) -> None:
        world = self.world(store, mode)
        world.airflow.body = make(store)
        world.row_error = RuntimeError("locked")

        answer = world.ask("GET", f"{XCOM}/slice", person)

        assert answer.status_code == 503
        assert answer.json()["detail"]["message"] == (
            "The decision could not be written to Airflow's audit log, and audit_strict is on."
        )

    def test_nor_what_another_has_claimed_under_report(self, store: Store) -> None:
        world, stored = self.world(store, "report"), once(store)
        pulled(world, CONSUMER, stored)
        world.row_error = RuntimeError("locked")

        assert world.ask("GET", f"{XCOM}/slice", STRANGER).status_code == 503

    def test_refusals_stand_without_their_rows(self, store: Store) -> None:
        world, stored = self.world(store, "enforce"), once(store)
        pulled(world, CONSUMER, stored)
        world.row_error = RuntimeError("locked")

        answers = pulled(world, STRANGER, stored, SEALED, *FORGED, {MARK: {}})

        assert not any(map(is_open, answers[:-1]))

    def test_a_row_is_written_once(self, store: Store) -> None:
        world = self.world(store, "enforce")

        pulled(world, CONSUMER, SEALED)

        assert world.events == ["xcom_granted"]
