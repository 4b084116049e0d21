"""What a task instance gets for its GET: opened, refused, untouched or 503; never a 404, never a value left out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import fakeredis
import pytest

from devtools.worlds.sealed import Keys, seal
from exclusive_redis_xcom.api_server.ring import held
from exclusive_redis_xcom.connection import RedisClient, RedisOptions, Timeouts
from exclusive_redis_xcom.connection.session import ServerSession
from exclusive_redis_xcom.crypto import SealPublicKey, generate_seal_keys, seal_info, seal_key
from exclusive_redis_xcom.formats import reference
from exclusive_redis_xcom.formats.reference import MARK, parse
from exclusive_redis_xcom.formats.seal import Refused, Seal
from exclusive_redis_xcom.model import NOT_MAPPED
from exclusive_redis_xcom.store import Store
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
    collector,
    nothing,
    scope_of,
)
from tests.unit.sealed import AT, DATA_KEY, PRIVATE_TEXT, PUBLIC_TEXT, acl_in_force, moved, sealed_reference

SEALED = sealed_reference().to_json()
KEYS = Keys(PUBLIC_TEXT, PRIVATE_TEXT)
OTHER_PUBLIC = SealPublicKey.parse(generate_seal_keys()[0])


def value(stored: Any) -> dict[str, Any]:
    return {"key": "token", "value": stored}


def reason(answer: Any) -> str | None:
    seal = parse(answer).seal
    return seal.refused.reason if seal and seal.refused else None


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
            {MARK: {**SEALED[MARK], "seal": {}}},
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


class TestReportMode:
    def test_the_refused_is_opened_and_on_record(self) -> None:
        world = World(Airflow(value(SEALED)), mode="report")

        answer = world.ask("GET", XCOM, STRANGER).json()["value"]

        assert parse(answer).seal.data_key == DATA_KEY  # type: ignore[union-attr]
        assert world.events == ["xcom_would_be_denied"]

    def test_who_does_not_run_gets_nothing_all_the_same(self) -> None:
        answer = World(Airflow(value(SEALED)), mode="report").ask("GET", XCOM, FINISHED).json()["value"]

        assert reason(answer) == "not_running"


class TestWhatIsNotForTheRing:
    @pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
    def test_an_answer_other_than_200_passes(self, status: int) -> None:
        world = World(Airflow({"detail": SEALED}, status=status))

        answer = world.ask("GET", XCOM, CONSUMER)

        assert (answer.status_code, answer.json()) == (status, {"detail": SEALED})
        assert world.looked_up == []

    def test_an_answer_other_than_json_passes_as_it_comes(self) -> None:
        body = b'{"exclusive_redis_xcom"' * 10
        answer = World(Airflow(body, content_type="text/html", chunks=3)).ask("GET", XCOM, CONSUMER)

        assert answer.content == body

    def test_counting_is_airflows(self) -> None:
        world = World(Airflow(b""))

        assert world.ask("HEAD", XCOM, STRANGER).status_code == 200
        assert world.airflow.calls == 1

    def test_what_airflow_raises_is_raised(self) -> None:
        with pytest.raises(KeyError, match="airflow's own"):
            World(Airflow(raises=KeyError("airflow's own"))).ask("GET", XCOM, CONSUMER)


class TestWhereItCannotDecide:
    @pytest.mark.parametrize(
        ("route", "body"),
        [
            ("", [SEALED]),
            ("", {"no value": SEALED}),
            ("/slice", value(SEALED)),
            ("", b'{"value": "exclusive_redis_xcom'),
            ("", b"[" * 100_000 + b'"exclusive_redis_xcom"'),
        ],
    )
    def test_an_answer_of_another_form_is_kept_back(self, route: str, body: Any) -> None:
        answer = World(Airflow(body)).ask("GET", XCOM + route, CONSUMER)

        assert answer.status_code == 503
        assert answer.json()["detail"]["reason"] == "cannot_decide"

    def test_a_database_that_fails_is_not_a_refusal_and_is_not_quoted(self, caplog: pytest.LogCaptureFixture) -> None:
        world = World(Airflow(value(SEALED)))
        world.look_up_error = RuntimeError("password=hunter2")

        answer = world.ask("GET", XCOM, CONSUMER)

        assert answer.status_code == 503
        assert "hunter2" not in answer.text + caplog.text
        assert "RuntimeError" in caplog.text

    def test_an_answer_that_is_too_long_is_kept_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(held, "MAX_ANSWER_BYTES", 1000)

        answer = World(Airflow([SEALED] * 9, chunks=9)).ask("GET", XCOM + "/slice", CONSUMER)

        assert answer.status_code == 503
        assert "1000 bytes" in answer.json()["detail"]["message"]


START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
BODY = {"type": "http.response.body", "body": json.dumps(value(SEALED)).encode()}
ERROR = {**START, "status": 500}


class TestStrangeAnswers:
    @pytest.mark.parametrize(
        "messages",
        [
            [],
            [START],
            [START, {**BODY, "more_body": True}],
            [BODY],
            [START, BODY, BODY],
            [START, ERROR, BODY],
            [START, {"type": "http.response.pathsend", "path": "/etc/passwd"}],
            [{"type": "http.response.debug"}, START, BODY],
        ],
    )
    def test_an_answer_that_is_none_is_kept_back_whole(self, messages: list[dict[str, Any]]) -> None:
        async def airflow(scope: Any, receive: Any, send: Any) -> None:
            for message in messages:
                await send(message)

        answer = World(airflow).ask("GET", XCOM, CONSUMER)  # type: ignore[arg-type]

        assert answer.status_code == 503
        assert "data_key" not in answer.text

    def test_what_airflow_raises_after_its_answer_began_sends_nothing_of_it(self) -> None:
        async def airflow(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            raise KeyError("airflow's own")

        sent: list[Any] = []
        with pytest.raises(KeyError):
            asyncio.run(World(airflow).app(scope_of(XCOM), nothing, collector(sent)))  # type: ignore[arg-type]
        assert sent == []


class TestOnRecord:
    def test_grants_are_kept_only_where_all_is(self) -> None:
        for setting, expected in (("denied", []), ("all", ["xcom_granted"]), ("off", [])):
            world = World(Airflow(value(SEALED)), audit=setting)
            world.ask("GET", XCOM, CONSUMER)
            assert world.events == expected

    def test_a_row_says_who_what_and_why(self) -> None:
        world = World(Airflow(value(SEALED)))

        world.ask("GET", XCOM, STRANGER)

        (row,) = world.rows
        extra = json.loads(row.pop("extra"))
        assert row == {
            **{"event": "xcom_denied", "owner": "sales/report"},
            **{"dag_id": "sales", "run_id": "run_1", "task_id": "extract", "map_index": NOT_MAPPED},
        }
        assert extra["who"] == "task 'report' of DAG 'sales' (run 'run_1')"
        assert extra["what"] == str(AT)
        assert "load" in extra["why"]

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

        kept = json.dumps(world.rows) + caplog.text
        assert answer[0][MARK]["seal"]["data_key"] not in kept
        assert SEALED[MARK]["seal"]["key"] not in kept

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
        assert "finance" not in str(world.rows)

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


class TestReadOnce:
    @pytest.fixture
    def store(self) -> Iterator[Store]:
        with fakeredis.FakeRedis() as fake:
            client = RedisClient(RedisOptions(), Timeouts(), open_session=lambda budget: ServerSession(fake, budget))
            yield Store(client, key_prefix="p")
            client.close()

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
