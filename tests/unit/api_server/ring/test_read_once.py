"""Values that may be read once: the first reader claims the value, and nobody else gets it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devtools.worlds.sealed import Keys, seal
from exclusive_redis_xcom.crypto import SealPublicKey, seal_info, seal_key
from exclusive_redis_xcom.formats.reference import MARK, parse
from exclusive_redis_xcom.formats.seal import Refused, Seal
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.ringed import (
    CONSUMER,
    FINISHED,
    OWNER,
    STRANGER,
    XCOM,
    Airflow,
    World,
    reason,
    value,
)
from tests.unit.sealed_reference import AT, DATA_KEY, PRIVATE_TEXT, PUBLIC_TEXT, acl_in_force, sealed_reference

KEYS = Keys(PUBLIC_TEXT, PRIVATE_TEXT)


class TestReadOnce:
    def push(self, store: Store | None, key: str = "token", map_index: int = NOT_MAPPED) -> Any:
        at = replace(AT, key=key, map_index=map_index)
        return seal(at, ["load", "report"], keys=KEYS, store=store, once=True).reference.to_json()

    def test_the_first_gets_it_and_may_come_again(self, store: Store) -> None:
        world = World(Airflow(value(self.push(store))), store=lambda: store)

        answers = world.ask_all([("GET", XCOM, CONSUMER, {})] * 2)

        assert [reason(answer.json()["value"]) for answer in answers] == [None, None]
        assert world.events == ["xcom_claimed"] * 2

    def test_the_second_is_told_who_has_it(self, store: Store) -> None:
        world = World(Airflow(value(self.push(store))), store=lambda: store)

        _, answer = world.ask_all([("GET", XCOM, CONSUMER, {}), ("GET", XCOM, STRANGER, {})])

        refused = parse(answer.json()["value"]).seal.refused  # type: ignore[union-attr]
        assert refused == Refused("claimed", "task 'load' of DAG 'sales' (run 'run_1')")
        assert world.events == ["xcom_claimed", "xcom_claim_denied"]

    @pytest.mark.parametrize("mode", ["enforce", "report"])
    def test_what_is_read_ahead_is_not_claimed(self, store: Store, mode: str) -> None:
        open_to_both = seal(replace(AT, map_index=0), ["load", "report"], keys=KEYS, store=store).reference.to_json()
        rows = [open_to_both, self.push(store, map_index=1)]
        world = World(Airflow(rows), store=lambda: store, mode=mode)

        ahead = world.ask("GET", f"{XCOM}/slice?start=0&stop=2&step=1", CONSUMER).json()
        events = list(world.events)
        asked_for = world.ask("GET", f"{XCOM}/slice?start=0&stop=2", STRANGER).json()

        assert [reason(row) for row in ahead] == [None, "withheld"]
        assert [reason(row) for row in asked_for] == [None, None]
        assert "xcom_claimed" not in events
        assert "xcom_would_be_denied" not in events
        assert "xcom_claimed" in world.events

    def test_the_producing_instance_reads_without_claiming(self, store: Store) -> None:
        world = World(Airflow(value(self.push(store))), store=lambda: store)

        answers = world.ask_all([("GET", XCOM, person, {}) for person in (OWNER, CONSUMER)])

        assert [reason(answer.json()["value"]) for answer in answers] == [None, None]

    def test_who_may_not_read_claims_nothing(self, store: Store) -> None:
        world = World(Airflow(value(self.push(store))), store=lambda: store)

        answers = world.ask_all([("GET", XCOM, person, {}) for person in (FINISHED, STRANGER)])

        assert [reason(answer.json()["value"]) for answer in answers] == ["not_running", None]

    def test_a_reference_that_a_task_makes_up_and_puts_into_its_own_row_spends_nothing(self, store: Store) -> None:
        stored = parse(self.push(store))
        acl = acl_in_force({"consumers": ["report"], "once": True}).dumps()
        sealed_key = seal_key(DATA_KEY, SealPublicKey.parse(PUBLIC_TEXT), seal_info(AT, stored.version, acl))
        made_up = replace(stored, seal=Seal(KEYS.id, acl, sealed_key=sealed_key))
        own_row = "/execution/xcoms/sales/run_1/report/anything"

        refused = World(Airflow(value(made_up.to_json())), store=lambda: store).ask("GET", own_row, STRANGER)
        served = World(Airflow(value(stored.to_json())), store=lambda: store).ask("GET", XCOM, CONSUMER)

        assert reason(refused.json()["value"]) == "forged"
        assert reason(served.json()["value"]) is None

    @pytest.mark.parametrize("beside", [sealed_reference(("nobody_else",)).to_json(), {MARK: {}}])
    def test_where_another_value_of_the_answer_is_refused_nothing_is_claimed(self, store: Store, beside: Any) -> None:
        stored = self.push(store)
        world = World(Airflow([stored, beside]), store=lambda: store)

        first = world.ask("GET", XCOM + "/slice", CONSUMER).json()
        world.airflow.body = [stored]
        second = world.ask("GET", XCOM + "/slice", STRANGER).json()

        assert reason(first[0]) == "withheld"
        assert parse(second[0]).seal.data_key is not None  # type: ignore[union-attr]

    def test_a_slice_with_one_taken_claims_none_of_the_others(self, store: Store) -> None:
        parts = [self.push(store, map_index=index) for index in range(3)]
        world = World(Airflow(parts[1]), store=lambda: store)
        world.ask("GET", XCOM + "/item/1", CONSUMER)

        world.airflow.body = parts
        answer = world.ask("GET", XCOM + "/slice", STRANGER).json()
        world.airflow.body = [parts[0], parts[2]]
        later = world.ask("GET", XCOM + "/slice", CONSUMER).json()

        assert [reason(part) for part in answer] == ["withheld", "claimed", "withheld"]
        assert all(parse(part).seal.data_key for part in later)  # type: ignore[union-attr]

    def test_a_value_that_redis_lost_stays_sealed_and_says_so(self, store: Store) -> None:
        world = World(Airflow(value(self.push(None))), store=lambda: store)

        assert reason(world.ask("GET", XCOM, CONSUMER).json()["value"]) == "gone"
        assert world.events == []

    def test_without_redis_it_cannot_be_decided(self) -> None:
        world = World(Airflow(value(self.push(None))))

        answer = world.ask("GET", XCOM, CONSUMER)

        assert answer.status_code == 503
        assert "data_key" not in answer.text

    def test_report_mode_opens_what_is_taken_and_spends_no_claim_of_the_refused(self, store: Store) -> None:
        at_most_load = seal(AT, ["load"], keys=KEYS, store=store, once=True).reference.to_json()
        world = World(Airflow(value(at_most_load)), store=lambda: store, mode="report")

        world.ask_all([("GET", XCOM, person, {}) for person in (STRANGER, CONSUMER)])

        assert world.events == ["xcom_would_be_denied", "xcom_claimed"]
