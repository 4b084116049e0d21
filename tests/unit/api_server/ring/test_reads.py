"""What a task instance gets for its GET: opened, refused or untouched; never a 404, never a value left out."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from exclusive_redis_xcom.crypto import SealPublicKey, generate_seal_keys, seal_info, seal_key
from exclusive_redis_xcom.formats import reference
from exclusive_redis_xcom.formats.reference import MARK, parse
from exclusive_redis_xcom.formats.seal import Seal
from tests.unit.api_server.ringed import (
    CONSUMER,
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
from tests.unit.sealed_reference import AT, DATA_KEY, PUBLIC, VERSION, acl_in_force, sealed_reference

SEALED = sealed_reference().to_json()
OTHER_PUBLIC = SealPublicKey.parse(generate_seal_keys()[0])


class TestTheThreeShapes:
    @pytest.mark.parametrize(
        ("route", "body", "where"),
        [
            ("", value(SEALED), lambda answer: answer["value"]),
            ("/slice", [1, SEALED, None], lambda answer: answer[1]),
            ("/item/0", SEALED, lambda answer: answer),
        ],
    )
    def test_a_consumer_gets_the_data_key(self, route: str, body: Any, where: Any) -> None:
        answer = World(Airflow(body)).ask("GET", XCOM + route, CONSUMER)

        assert answer.status_code == 200
        seal = parse(where(answer.json())).seal
        assert seal is not None
        assert seal.data_key == DATA_KEY

    @pytest.mark.parametrize("setting", [2, 3])
    @pytest.mark.parametrize("of_row", [1, 2, 3])
    def test_a_row_of_an_earlier_format_is_answered_in_it_because_an_earlier_worker_may_ask(
        self, of_row: int, setting: int
    ) -> None:
        stored = replace(sealed_reference(), format=of_row)

        answer = World(Airflow(value(stored.to_json())), format=setting).ask("GET", XCOM, CONSUMER).json()["value"]

        opened = stored.opened(DATA_KEY)
        assert answer == ({MARK: opened.opened_text(DATA_KEY)} if (of_row, setting) == (3, 3) else opened.to_json())

    def test_the_rest_of_the_answer_stays_as_it_is(self) -> None:
        plain = {"deep": [1, 2.5, "ü", None, {"exclusive_redis_xcom": 1, "x": 2}]}

        answer = World(Airflow([plain, SEALED, "x"])).ask("GET", XCOM + "/slice", CONSUMER).json()

        assert [answer[0], answer[2]] == [plain, "x"]
        assert World(Airflow(value(SEALED))).ask("GET", XCOM, CONSUMER).json()["key"] == "token"

    @pytest.mark.parametrize("body", [value("plain"), value(None), value({MARK: 1, "and": 2}), value([SEALED])])
    def test_an_answer_without_a_reference_is_passed_on_to_the_byte(self, body: Any) -> None:
        sent = b" " + json.dumps(body).encode()

        world = World(Airflow(sent))

        assert world.ask("GET", XCOM, STRANGER).content == sent
        assert world.looked_up == []

    def test_a_reference_without_a_seal_is_not_the_rings_matter(self) -> None:
        unsealed = replace(sealed_reference(), seal=None).to_json()
        world = World(Airflow(value(unsealed)))

        assert world.ask("GET", XCOM, STRANGER).json() == value(unsealed)
        assert world.looked_up == []

    @pytest.mark.parametrize(
        "below", ["sales/run_1/extract/another_key", "sales/an_earlier_run/extract/token?include_prior_dates=true"]
    )
    def test_the_url_lets_nobody_in(self, below: str) -> None:
        url = f"/execution/xcoms/{below}"

        assert reason(World(Airflow(value(SEALED))).ask("GET", url, STRANGER).json()["value"]) == "denied"
        assert reason(World(Airflow(value(SEALED))).ask("GET", url, CONSUMER).json()["value"]) is None

    @pytest.mark.parametrize("row", ["other/run_1/extract", "sales/run_2/extract", "sales/run_1/report"])
    @pytest.mark.parametrize("person", [CONSUMER, OWNER, STRANGER])
    def test_a_reference_in_a_row_of_another_task_or_run_stays_shut_for_all(self, person: Person, row: str) -> None:
        world = World(Airflow(value(SEALED)))

        assert reason(world.ask("GET", f"/execution/xcoms/{row}/token", person).json()["value"]) == "forged"
        assert world.events == ["xcom_denied"]

    @pytest.mark.parametrize("chunks", [1, 2, 7])
    def test_the_length_is_that_of_the_new_answer(self, chunks: int) -> None:
        answer = World(Airflow([SEALED] * 5, chunks=chunks)).ask("GET", XCOM + "/slice", CONSUMER)

        assert answer.headers.get_list("content-length") == [str(len(answer.content))]
        assert [parse(element).seal.data_key for element in answer.json()] == [DATA_KEY] * 5  # type: ignore[union-attr]


class TestRefusals:
    @pytest.mark.parametrize(
        ("person", "expected"),
        [(STRANGER, "denied"), (FINISHED, "not_running"), (GONE, "not_running")],
    )
    def test_who_may_not_read_gets_the_seal_and_the_reason(self, person: Person, expected: str) -> None:
        world = World(Airflow(value(SEALED)))

        answer = world.ask("GET", XCOM, person)

        assert answer.status_code == 200
        assert reason(answer.json()["value"]) == expected
        assert parse(answer.json()["value"]).seal.sealed_key == parse(SEALED).seal.sealed_key  # type: ignore[union-attr]
        assert world.events == ["xcom_denied"]

    def test_a_token_of_another_scope_is_nobodys(self) -> None:
        headers = {"Authorization": f"Bearer {CONSUMER.ti_id}:workload"}

        answer = World(Airflow(value(SEALED))).ask("GET", XCOM, headers=headers)

        assert reason(answer.json()["value"]) == "not_running"

    @pytest.mark.parametrize("headers", [[], [("Authorization", "Bearer x")], [("Authorization", "Basic x")]])
    def test_without_a_valid_token_nothing_is_opened_whatever_airflow_says(self, headers: Any) -> None:
        answer = World(Airflow(value(SEALED))).ask("GET", XCOM, headers=headers)

        assert reason(answer.json()["value"]) == "not_running"

    def test_of_two_tokens_the_first_counts_as_for_airflow(self) -> None:
        two = [("Authorization", f"Bearer {person.ti_id}") for person in (STRANGER, CONSUMER)]

        first, second = (
            World(Airflow(value(SEALED))).ask("GET", XCOM, headers=headers).json()["value"]
            for headers in (two, two[::-1])
        )

        assert (reason(first), reason(second)) == ("denied", None)

    def test_each_element_of_a_slice_is_judged_by_itself(self) -> None:
        other = sealed_reference(("report",)).to_json()

        answer = World(Airflow([SEALED, other, SEALED])).ask("GET", XCOM + "/slice", CONSUMER).json()

        assert [reason(element) for element in answer] == [None, "denied", None]

    def test_a_seal_to_another_key_is_told(self) -> None:
        body = value(sealed_reference(public=OTHER_PUBLIC).to_json())

        answer = World(Airflow(body)).ask("GET", XCOM, CONSUMER)

        assert reason(answer.json()["value"]) == "unknown_key"

    @pytest.mark.parametrize(
        "change",
        [
            {"version": "f" * 32},
            {"coordinate": replace(AT, key="other")},
            {"coordinate": replace(AT, map_index=0)},
            {"seal": replace(sealed_reference().seal, acl=acl_in_force(("report",)).dumps())},  # type: ignore[type-var]
        ],
    )
    def test_a_changed_reference_is_forged(self, change: dict[str, Any]) -> None:
        forged = replace(sealed_reference(), **change).to_json()

        answer = World(Airflow(value(forged))).ask("GET", XCOM, CONSUMER)

        assert reason(answer.json()["value"]) == "forged"

    @pytest.mark.parametrize(
        "row",
        [
            {MARK: {}},
            {MARK: None},
            {MARK: {**SEALED[MARK], "reference": {**SEALED[MARK]["reference"], "seal": {}}}},
            sealed_reference().opened(bytes(32)).to_json(),
            sealed_reference().refused("denied").to_json(),
        ],
        ids=["empty", "null", "no seal in it", "an open key in the database", "a refusal in the database"],
    )
    def test_a_row_that_only_looks_like_a_reference_is_taken_away(self, row: Any) -> None:
        world = World(Airflow([row, SEALED]))

        answer = world.ask("GET", XCOM + "/slice", CONSUMER).json()

        assert answer[0] == reference.unusable()
        assert reason(answer[1]) is None
        assert "xcom_denied" in world.events


class TestOverLimits:
    """Rules that no push writes, sealed by a task that wants the API server to work long."""

    def sealed(self, consumers: list[str]) -> Any:
        acl = json.dumps({**json.loads(acl_in_force().dumps()), "consumers": consumers}, separators=(",", ":")).encode()
        key = seal_key(DATA_KEY, PUBLIC, seal_info(AT, VERSION, acl))
        return replace(sealed_reference(), seal=Seal(PUBLIC.key_id, acl, sealed_key=key)).to_json()

    @pytest.mark.parametrize(
        "consumers",
        [[f"*{n:06}*" for n in range(85_000)], [f"t{n:06}" for n in range(85_000)], ["*x" * 500_000, "load"]],
        ids=["patterns", "names", "a long pattern"],
    )
    def test_they_open_for_nobody_soon_and_that_is_on_record(self, consumers: list[str]) -> None:
        world = World(Airflow(value(self.sealed([*consumers, "load"]))))
        started = time.process_time()

        answer = world.ask("GET", XCOM, CONSUMER).json()["value"]

        assert time.process_time() - started < 1.0
        assert reason(answer) == "forged"
        assert [(row["event"], json.loads(row["extra"])["why"]) for row in world.rows] == [
            ("xcom_denied", "the rule in the seal is not one that exclusive-redis-xcom writes")
        ]

    def test_as_many_as_a_rule_may_have_are_compared_soon(self) -> None:
        consumers = [*(f"t{number:06}" for number in range(8999)), *(f"*{n:03}*{n:03}*" for n in range(1000)), "load"]
        world = World(Airflow(value(self.sealed(consumers))))
        started = time.process_time()

        assert reason(world.ask("GET", XCOM, CONSUMER).json()["value"]) is None

        assert time.process_time() - started < 1.0


class TestReportMode:
    def test_the_refused_is_opened_and_on_record(self) -> None:
        world = World(Airflow(value(SEALED)), mode="report")

        answer = world.ask("GET", XCOM, STRANGER).json()["value"]

        assert parse(answer).seal.data_key == DATA_KEY  # type: ignore[union-attr]
        assert world.events == ["xcom_would_be_denied"]

    def test_who_does_not_run_gets_nothing_all_the_same(self) -> None:
        answer = World(Airflow(value(SEALED)), mode="report").ask("GET", XCOM, FINISHED).json()["value"]

        assert reason(answer) == "not_running"
