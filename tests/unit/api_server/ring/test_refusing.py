"""Every refusal of the ring leaves an audit row, a line in the log and a count, with the caller."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.api_server.requests import rest_body
from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.model import NOT_MAPPED
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
    messages_of,
    nothing,
    scope_of,
)

#: What the ring cannot read as one read or one write of an XCom that can exist.
QUERIES = (
    "map_index=-1&map_index=-1",
    "map_index=0&map_index=-1",
    "map_index=+0",
    "map_index=%2B0",
    "map_index=01",
    "map_index=",
    "map_index=x",
    "map_index=-2",
    "map_index=-2147483649",
    "map_index=2147483648",
    "map_index=4294967295",
    "map_index=9999999999",
    f"map_index={10**40}",
)
LONG = {
    "dag_id": f"/execution/xcoms/{'d' * 251}/r/t/k",
    "run_id": f"/execution/xcoms/d/{'r' * 251}/t/k",
    "task_id": f"/execution/xcoms/d/r/{'t' * 251}/k",
    "key": f"/execution/xcoms/d/r/t/{'k' * 513}",
}
PATHS = ("/execution/xcoms", "/execution/xcoms/", "/execution/xcoms/sales/run_1/extract", "/execution/xcoms//r/t/k")
METHODS = ("PUT", "PATCH", "TRACE", "BREW", "post", "delete", "POST ")
UNREADABLE = [
    *[(method, f"{XCOM}?{query}") for method in ("POST", "DELETE") for query in QUERIES],
    *[(method, path) for method in ("POST", "DELETE") for path in (*LONG.values(), *PATHS)],
    *[(method, XCOM) for method in METHODS],
    *[(method, path) for method in ("PUT", "PATCH") for path in PATHS],
]
FROM_ANYBODY = {"owner": OWNER, "stranger": STRANGER, "finished": FINISHED, "earlier": EARLIER, "gone": GONE}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, Any]]:
    """What Airflow's own Stats are given."""
    found: list[tuple[str, int, Any]] = []
    incr = lambda name, count=1, rate=1, *, tags=None: found.append((name, count, tags))  # noqa: E731
    monkeypatch.setattr(audit._server_stats(), "incr", incr, raising=False)
    return found


def ask(world: World, method: str, url: str, person: Person | None) -> int:
    """Ask past httpx, which would change methods and paths."""
    path, _, query = url.partition("?")
    headers = [(b"authorization", f"Bearer {person.ti_id}".encode())] if person else []
    scope = {**scope_of(path, method=method, headers=headers), "query_string": query.encode()}
    return int(messages_of(world.app, scope)[0]["status"])


def extra(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row["extra"])
    return found


@pytest.mark.parametrize(("method", "url"), UNREADABLE)
class TestWhatCannotBeReadAsOneWrite:
    def test_it_is_refused_and_has_a_row_a_line_and_a_count_with_the_caller(
        self, method: str, url: str, counted: list[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        world = World(Airflow())

        assert (ask(world, method, url, STRANGER), world.airflow.calls) == (403, 0)

        rows = [*world.rows, *world.asker_rows]
        assert {row["event"] for row in rows} == {"xcom_write_denied"}
        assert len(world.rows) == 1
        assert {(row["owner"], extra(row)["who"]) for row in rows} == {("sales/report", str(STRANGER.principal))}
        assert {extra(row)["action"] for row in rows} == {{"POST": "push", "DELETE": "remove"}.get(method, method)}
        under_asker = rows[-1]
        assert (under_asker["dag_id"], under_asker["run_id"], under_asker["task_id"]) == ("sales", "run_1", "report")
        (line,) = [message for message in caplog.messages if message.startswith("xcom_write_denied: ")]
        assert f"who: {STRANGER.principal}, " in line
        assert counted == [("exclusive_redis_xcom.ring.write_refused", 1, {})]


@pytest.mark.parametrize("person", FROM_ANYBODY.values(), ids=FROM_ANYBODY)
def test_each_of_them_is_refused_and_on_record_whoever_asks(person: Person) -> None:
    known = person is not GONE
    owner = f"sales/{person.principal.task_id}" if known else "unknown"
    who = str(person.principal) if known else "a task instance that Airflow does not know"

    for method, url in UNREADABLE:
        world = World(Airflow())
        status = ask(world, method, url, person)

        found = (status, [(row["owner"], extra(row)["who"]) for row in world.rows])
        assert found == (403, [(owner, who)]), (method, url)


@pytest.mark.parametrize("query", QUERIES)
def test_the_row_lies_under_the_xcom_that_the_path_names(query: str) -> None:
    world = World(Airflow())

    ask(world, "POST", f"{XCOM}?{query}", STRANGER)

    (row,) = world.rows
    assert [row[name] for name in ("dag_id", "run_id", "task_id", "map_index")] == [
        *("sales", "run_1", "extract"),
        NOT_MAPPED,
    ]
    assert extra(row) == {
        "who": "task 'report' of DAG 'sales' (run 'run_1')",
        "state": "running",
        "try_number": 1,
        "action": "push",
        "what": "XCom 'token' of task 'extract' in DAG 'sales', run 'run_1'",
        "key": "token",
        "why": "map_index must be there at most once, as a plain whole number from -1 to 2147483647",
        "under": "producer",
    }


@pytest.mark.parametrize("name", LONG)
def test_an_id_that_is_too_long_is_cut_to_what_the_column_takes(name: str) -> None:
    world = World(Airflow())

    ask(world, "POST", LONG[name], STRANGER)

    (row,) = world.rows
    assert max(len(row[column]) for column in ("dag_id", "run_id", "task_id")) <= 250
    assert extra(row)["why"] == "an id is longer than any in Airflow's database"


def test_where_the_path_names_no_xcom_the_only_row_lies_under_the_task_that_asked() -> None:
    world = World(Airflow())

    ask(world, "POST", "/execution/xcoms/sales", STRANGER)

    (row,) = world.rows
    assert (row["dag_id"], row["task_id"], row["try_number"], world.asker_rows) == ("sales", "report", 1, [])
    assert extra(row)["what"] == "path '/execution/xcoms/sales'"
    assert "under" not in extra(row)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_an_unreadable_read_is_a_refused_pull_under_the_task_that_asked(method: str, counted: list[Any]) -> None:
    world = World(Airflow())

    assert ask(world, method, f"/execution/xcoms/{'made up' * 200}/r/t/k", STRANGER) == 403

    (row,) = world.rows
    assert (row["event"], row["task_id"]) == ("xcom_denied", "report")
    # The caller made the ids up: as tags they would be memory that nothing frees.
    assert counted == [("exclusive_redis_xcom.ring.refused", 1, {})]


class TestABodyThatIsTooLong:
    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    def test_its_refusal_is_on_record(self, monkeypatch: pytest.MonkeyPatch, counted: list[Any], method: str) -> None:
        monkeypatch.setattr(rest_body, "MAX_BODY", 10)
        world = World(Airflow())

        answer = world.ask(method, XCOM, STRANGER, content=b"x" * 11)

        assert (answer.status_code, world.airflow.calls) == (413, 0)
        assert answer.json() == {"detail": "The body is longer than 10 bytes."}
        (row,) = world.rows
        assert (row["event"], row["owner"], row["task_id"]) == ("xcom_write_denied", "sales/report", "extract")
        assert extra(row)["why"] == "The body is longer than 10 bytes."
        assert counted == [("exclusive_redis_xcom.ring.write_refused", 1, {})]


class TestWhoCannotBeNamed:
    @pytest.mark.parametrize("headers", [[], [("Authorization", "Bearer nonsense")]])
    def test_without_a_token_there_is_a_line_and_a_count_and_no_row(
        self, headers: list[tuple[str, str]], counted: list[Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Else everybody who reaches the server could fill Airflow's database."""
        world = World(Airflow())

        assert world.ask("PUT", XCOM, headers=headers).status_code == 403

        assert world.rows == []
        assert caplog.messages == [
            "xcom_write_denied: who: a caller without a valid token of a task, action: PUT, "
            "what: path '/execution/xcoms/sales/run_1/extract/token', "
            "why: no XCom route that this release of exclusive-redis-xcom knows fits this method and path"
        ]
        assert counted == [("exclusive_redis_xcom.ring.write_refused", 1, {})]

    def test_a_database_that_fails_does_not_turn_a_refusal_into_anything_else(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = World(Airflow())
        world.look_up_error = RuntimeError("postgresql://user:canary@host")

        assert world.ask("PUT", XCOM, STRANGER).status_code == 403

        (row,) = world.rows
        assert (row["owner"], extra(row)["who"]) == ("unknown", "a caller who could not be looked up")
        assert "The caller of a refused request could not be looked up: RuntimeError" in caplog.messages
        assert "canary" not in caplog.text

    def test_nor_do_keys_that_cannot_be_had(self) -> None:
        async def broken(token: str, required: object) -> dict[str, object]:
            raise OSError("no route to the key server")

        world = World(Airflow(), validate=broken)

        assert (world.ask("PUT", XCOM, STRANGER).status_code, world.rows) == (403, [])


@pytest.mark.parametrize(("method", "url"), [("POST", XCOM), ("PUT", XCOM), ("POST", f"{XCOM}?map_index=+0")])
def test_who_has_gone_away_before_the_answer_is_on_record(method: str, url: str) -> None:
    import asyncio

    world = World(Airflow())
    path, _, query = url.partition("?")
    headers = [(b"authorization", f"Bearer {STRANGER.ti_id}".encode())]
    scope = {**scope_of(path, method=method, headers=headers), "query_string": query.encode()}

    async def send(message: Any) -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(world.app(scope, nothing, send))

    assert world.events == ["xcom_write_denied"]


def test_a_record_shows_no_body_no_query_and_no_token(caplog: pytest.LogCaptureFixture) -> None:
    world = World(Airflow())

    with caplog.at_level(logging.DEBUG):
        world.ask("PUT", f"{XCOM}?secret=canary-1", STRANGER, content=b"canary-2")

    kept = json.dumps([world.rows, world.asker_rows]) + caplog.text
    assert not any(secret in kept for secret in ("canary-1", "canary-2", STRANGER.ti_id))


SEGMENT = st.one_of(
    st.sampled_from(
        ["", "sales", "run_1", "extract", "report", "token", "slice", "item", "0", "..", "%2F", "x" * 1001]
    ),
    st.text(max_size=6),
)
QUERY = st.lists(
    st.tuples(
        st.sampled_from(["map_index", "map%5Findex", "mapped_length", "include_prior_dates"]),
        st.one_of(st.sampled_from(["-1", "0", "+0", "2147483648", ""]), st.integers().map(str), st.text(max_size=3)),
    ),
    max_size=2,
)


@given(
    st.sampled_from(["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "BREW"]),
    st.lists(SEGMENT, max_size=6),
    QUERY,
    st.sampled_from([OWNER, CONSUMER, STRANGER, FINISHED, EARLIER, GONE]),
)
def test_each_request_reaches_airflow_or_is_on_record(
    method: str, segments: list[str], pairs: list[tuple[str, str]], person: Person
) -> None:
    world = World(Airflow({}))
    path = "/".join(["/execution/xcoms", *segments])
    query = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
    headers = [(b"authorization", f"Bearer {person.ti_id}".encode())]

    start, *_ = messages_of(world.app, {**scope_of(path, method=method, headers=headers), "query_string": query})

    expected = 0 if world.airflow.calls else 1
    assert (len(world.rows), start["status"] == 403) == (expected, bool(expected))
