"""A slice that this package's own reader asks for: one text if all is opened, else what Airflow's answer becomes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from devtools.worlds.sealed import Keys, seal
from exclusive_redis_xcom.crypto import seal_info, seal_key
from exclusive_redis_xcom.crypto.opening import wrap_seal
from exclusive_redis_xcom.formats.opened_slice import OPENED
from exclusive_redis_xcom.formats.reference import MARK, Reference, expanded, parse
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.ringed import CONSUMER, FINISHED, GONE, STRANGER, XCOM, Airflow, Person, World, reason
from tests.unit.sealed_reference import (
    AT,
    DATA_KEY,
    PRIVATE,
    PRIVATE_TEXT,
    PUBLIC,
    PUBLIC_TEXT,
    VERSION,
    acl_in_force,
    sealed_reference,
)

SLICE = f"{XCOM}/slice?start=4&stop=2004&step=0"
AHEAD = SLICE.replace("step=0", "step=1")
COUNT = 30
KEYS = Keys(PUBLIC_TEXT, PRIVATE_TEXT)


def stored(map_index: int, task_id: str = AT.task_id, **changes: Any) -> Any:
    """Return a row of this key as the ring stores it."""
    at, acl = replace(AT, task_id=task_id, map_index=map_index), acl_in_force().dumps()
    sealed = Seal(PUBLIC.key_id, acl, sealed_key=seal_key(DATA_KEY, PUBLIC, seal_info(at, VERSION, acl)))
    return wrap_seal(replace(sealed_reference(), coordinate=at, seal=sealed, **changes), PRIVATE).to_json()


ROWS = [stored(i) for i in range(COUNT)]


class Rows:
    """Airflow, which answers any number of rows, and its table, which is read past it."""

    def __init__(self, rows: Sequence[Any], fails: Exception | None = None) -> None:
        self.rows, self.fails = rows, fails
        self.asked: list[tuple[Coordinate, int, int]] = []
        self.airflow = Airflow(self._answer())
        self.queries: list[bytes] = []

    def _answer(self) -> bytes:
        return json.dumps(self.rows).encode()

    def texts(self, row: Coordinate, start: int, stop: int) -> list[str]:
        self.asked.append((row, start, stop))
        if self.fails:
            raise self.fails
        return [json.dumps(row) for row in self.rows]

    def world(self, **changes: Any) -> World:
        return World(self.airflow, texts=self.texts, audit="all", **changes)


def ask(rows: Rows, url: str = SLICE, person: Person = CONSUMER, **changes: Any) -> tuple[World, Any]:
    world = rows.world(**changes)
    answer = world.ask("GET", url, person)
    assert answer.status_code == 200
    return world, answer.json()


def indexes(rows: Sequence[Reference]) -> list[int]:
    assert all(type(row) is Reference and row.seal is not None and row.seal.data_key == DATA_KEY for row in rows)
    return [row.coordinate.map_index for row in rows]


@pytest.mark.parametrize("url", [SLICE, AHEAD])
def test_all_results_are_one_text(url: str) -> None:
    rows = Rows(ROWS)

    world, answer = ask(rows, url)

    assert len(answer) == 1
    assert indexes(expanded(answer)) == list(range(COUNT))
    assert [scope["query_string"] for scope in rows.airflow.scopes] == [b"start=4&stop=5"]
    assert rows.asked == [(replace(AT, map_index=-1), 4, 2004)]
    assert len(world.looked_up) == 1


def test_one_record_says_how_many_were_granted() -> None:
    world, _ = ask(Rows(ROWS))

    assert world.events == ["xcom_granted"]
    assert json.loads(world.rows[0]["extra"])["values"] == COUNT


def test_a_strict_audit_comes_first() -> None:
    world = Rows(ROWS).world(audit_strict=True)
    world.row_error = RuntimeError("no database")

    assert world.ask("GET", SLICE, CONSUMER).status_code == 503


@pytest.mark.parametrize(
    "url",
    [
        f"{XCOM}/slice",
        SLICE.replace("&step=0", ""),
        SLICE.replace("step=0", "step=2"),
        SLICE.replace("step=0", "step=-1"),
        SLICE + "&step=0",
    ],
)
def test_other_readers_get_each_value(url: str) -> None:
    rows = Rows(ROWS)

    _, answer = ask(rows, url)

    assert indexes([parse(row) for row in answer]) == list(range(COUNT))
    assert (rows.asked, rows.airflow.calls) == ([], 1)


@pytest.mark.parametrize(
    "url",
    [
        SLICE.replace("start=4", "start=-4"),
        SLICE.replace("start=4", "start=04"),
        SLICE.replace("stop=2004", "stop=99999"),
        SLICE.replace("start=4&", ""),
        SLICE + "&include_prior_dates=true",
    ],
)
def test_the_reader_gets_one_text_of_airflows_answer_where_its_slice_is_unusual(url: str) -> None:
    rows = Rows(ROWS)

    _, answer = ask(rows, url)

    assert indexes(expanded(answer)) == list(range(COUNT))
    assert (rows.asked, rows.airflow.calls) == ([], 1)


@pytest.mark.parametrize("setting", [2, 3])
def test_workers_of_an_earlier_build_may_ask_where_format_is_2(setting: int) -> None:
    rows = Rows(ROWS)

    _, answer = ask(rows, format=setting)

    assert len(answer) == (COUNT if setting == 2 else 1)
    assert [scope["query_string"][-1:] for scope in rows.airflow.scopes] == [b"0" if setting == 2 else b"5"]


OTHERS: dict[str, Any] = {
    "a plain value": "plain",
    "none": None,
    "another object": {MARK: 1, "and": 2},
    "a malformed reference": {MARK: {"v": 3}},
    "an opened reference": {MARK: sealed_reference().opened_text(DATA_KEY)},
    "a slice": {MARK: {OPENED: "x"}},
    "an earlier format": stored(5, format=2),
    "a task that is not mapped": stored(-1),
    "no seal": replace(sealed_reference(), seal=None).to_json(),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_one_other_row_makes_airflow_answer(other: Any) -> None:
    rows = Rows([*ROWS, other])

    world, answer = ask(rows)

    assert answer == World(Airflow([*ROWS, other])).ask("GET", f"{XCOM}/slice", CONSUMER).json()
    assert (len(answer), rows.airflow.calls) == (COUNT + 1, 2)
    assert world.events.count("xcom_granted") == 1


def test_a_row_of_another_task_is_refused() -> None:
    _, answer = ask(Rows([*ROWS, stored(1, task_id="other")]))

    assert len(answer) == COUNT + 1
    assert reason(answer[-1]) == "forged"


@pytest.mark.parametrize(("person", "why"), [(STRANGER, "denied"), (FINISHED, "not_running"), (GONE, "not_running")])
def test_who_may_not_read_gets_no_key(person: Person, why: str) -> None:
    world, answer = ask(Rows(ROWS), person=person)

    assert [reason(row) for row in answer] == [why] * COUNT
    assert world.events == ["xcom_denied"]


def test_who_ends_before_the_rows_are_read_gets_no_key() -> None:
    rows = Rows(ROWS)

    def ended(row: Coordinate, start: int, stop: int) -> list[str]:
        world.people[CONSUMER.ti_id] = replace(CONSUMER, state="success")
        return rows.texts(row, start, stop)

    world = World(rows.airflow, texts=ended)

    assert [reason(row) for row in world.ask("GET", SLICE, CONSUMER).json()] == ["not_running"] * COUNT


def test_mode_report_opens_and_records() -> None:
    world, answer = ask(Rows(ROWS), person=STRANGER, mode="report")

    assert indexes(expanded(answer)) == list(range(COUNT))
    assert world.events == ["xcom_would_be_denied"]


def test_no_row_and_a_plain_first_row_are_airflows_to_answer() -> None:
    for rows in ([], ["plain"]):
        table = Rows(rows)

        assert ask(table)[1] == rows
        assert table.asked == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_airflows_refusal_is_passed_on(status: int) -> None:
    rows = Rows(ROWS)
    rows.airflow.status = status

    assert rows.world().ask("GET", SLICE, CONSUMER).status_code == status
    assert (rows.asked, rows.airflow.calls) == ([], 1)


def test_a_table_that_cannot_be_read_is_airflows_to_read(caplog: pytest.LogCaptureFixture) -> None:
    _, answer = ask(Rows(ROWS, fails=RuntimeError("secret")))

    assert indexes(expanded(answer)) == list(range(COUNT))
    assert "secret" not in caplog.text


@pytest.mark.parametrize("first", ["plain", {"a": 1, MARK: "x"}, [ROWS[0]], {MARK: {"v": 3}}, None])
def test_the_table_is_read_if_the_first_row_has_a_wrapped_key(first: Any) -> None:
    rows = Rows([first, *ROWS])

    ask(rows)

    assert rows.asked == []


def test_more_than_one_answer_may_hold_is_refused_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("releasing", "rewritable_answer"):
        monkeypatch.setattr(f"exclusive_redis_xcom.api_server.ring.{module}.MAX_ANSWER_BYTES", 5000)

    class Whole(Airflow):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            self.body = ROWS[:1] if scope["query_string"] == b"start=4&stop=5" else ROWS
            await super().__call__(scope, receive, send)

    rows = Rows(ROWS)
    rows.airflow = Whole()

    answers = [rows.world().ask("GET", url, CONSUMER) for url in (SLICE, f"{XCOM}/slice")]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert rows.asked != []


def test_read_once_values_are_claimed_by_a_slice_that_the_task_wants(store: Store) -> None:
    rows = [
        seal(replace(AT, map_index=i), ["load"], keys=KEYS, store=store, once=True).reference.to_json()
        for i in range(3)
    ]
    ahead, wanted = (Rows(rows).world(store=lambda: store).ask("GET", url, CONSUMER) for url in (AHEAD, SLICE))

    assert [reason(row) for row in ahead.json()] == ["withheld"] * 3
    assert [row.coordinate.map_index for row in expanded(wanted.json())] == [0, 1, 2]
