"""A task instance writes and removes its own XComs while it runs; everybody else is stopped before Airflow."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from exclusive_redis_xcom.model import Principal
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
)

METHODS = pytest.mark.parametrize("method", ["POST", "DELETE"])
OWN = {CONSUMER: "load", STRANGER: "report", FINISHED: "load"}


def own(person: Person) -> str:
    at = person.principal
    return f"/execution/xcoms/{at.dag_id}/{at.run_id}/{at.task_id}/key"


@METHODS
class TestWhoMay:
    def test_the_running_owner_may(self, method: str) -> None:
        world = World(Airflow({"message": "done"}))

        assert world.ask(method, own(OWNER), OWNER).json() == {"message": "done"}
        assert world.rows == []

    @pytest.mark.parametrize("person", [CONSUMER, STRANGER, FINISHED, EARLIER, GONE])
    def test_nobody_else_may_and_airflow_never_hears_of_it(self, method: str, person: Person) -> None:
        world = World(Airflow())

        answer = world.ask(method, XCOM, person)

        assert answer.status_code == 403
        assert answer.json()["detail"]["reason"] == "access_denied"
        assert world.airflow.calls == 0
        assert world.events == ["xcom_write_denied"]

    @pytest.mark.parametrize("state", ["success", "failed", "up_for_retry", "deferred", "queued", "restarting", None])
    def test_the_owner_may_not_unless_it_runs(self, method: str, state: str | None) -> None:
        world = World(Airflow())
        world.people[OWNER.ti_id] = replace(OWNER, state=state)  # type: ignore[arg-type]

        answer = world.ask(method, own(OWNER), OWNER)

        assert answer.status_code == 403
        assert answer.json()["detail"]["message"].splitlines()[1] == (
            f"The task instance is not running, its state is {state or 'none'}."
        )

    def test_an_earlier_try_may_not_and_is_called_one(self, method: str) -> None:
        world = World(Airflow())
        wanted = "push" if method == "POST" else "remove"

        answer = world.ask(method, own(EARLIER), EARLIER)

        assert answer.json()["detail"]["message"].splitlines() == [
            f"A try of load that is over may not {wanted} 'key' of load.",
            "Try 1, which the token is for, is over.",
            "Write XComs while the task runs: callbacks on success, on failure and on retry may run after it.",
            "XCom 'key' of task 'load' in DAG 'sales', run 'run_1'. Asked by task 'load' of DAG 'sales' (run 'run_1').",
        ]

    def test_whoever_airflow_does_not_know_is_called_so(self, method: str) -> None:
        wanted = "push" if method == "POST" else "remove"

        answer = World(Airflow()).ask(method, XCOM, GONE)

        assert answer.json()["detail"]["message"].splitlines() == [
            f"A task instance that Airflow does not know may not {wanted} 'token' of extract.",
            "Airflow knows no task instance with the token's id.",
            "Write XComs while the task runs: callbacks on success, on failure and on retry may run after it.",
            "XCom 'token' of task 'extract' in DAG 'sales', run 'run_1'.",
        ]

    @pytest.mark.parametrize("state", ["running", "success", "up_for_retry"])
    def test_the_links_that_airflow_pushes_after_the_end_may_be_pushed_and_not_removed(
        self, method: str, state: str
    ) -> None:
        world = World(Airflow())
        world.people[OWNER.ti_id] = replace(OWNER, state=state)
        allowed = method == "POST" or state == "running"

        answer = world.ask(method, own(OWNER).replace("/key", "/_link_TheLink"), OWNER)

        assert answer.status_code == (200 if allowed else 403)

    @pytest.mark.parametrize("state", ["running", "success", "failed"])
    def test_links_of_an_earlier_try_may_not(self, method: str, state: str) -> None:
        world = World(Airflow())
        world.people[EARLIER.ti_id] = replace(EARLIER, state=state)

        answer = world.ask(method, own(EARLIER).replace("/key", "/_link_TheLink"), EARLIER)

        assert (answer.status_code, world.airflow.calls) == (403, 0)
        assert answer.json()["detail"]["message"].startswith("A try of load that is over may not ")

    def test_links_of_others_may_not(self, method: str) -> None:
        world = World(Airflow())

        assert world.ask(method, own(OWNER).replace("/key", "/_link_TheLink"), STRANGER).status_code == 403
        assert world.ask(method, own(GONE).replace("/key", "/_link_TheLink"), GONE).status_code == 403

    @pytest.mark.parametrize(
        "other",
        [
            Principal("sales2", "extract", "run_1", -1),
            Principal("sales", "extract2", "run_1", -1),
            Principal("sales", "extract", "run_2", -1),
            Principal("sales", "extract", "run_1", 0),
        ],
    )
    def test_nearly_the_owner_is_not_the_owner(self, method: str, other: Principal) -> None:
        world = World(Airflow())
        world.people[OWNER.ti_id] = replace(OWNER, principal=other)

        assert world.ask(method, XCOM, OWNER).status_code == 403

    def test_the_map_index_counts(self, method: str) -> None:
        world = World(Airflow())
        world.people[OWNER.ti_id] = replace(OWNER, principal=replace(OWNER.principal, map_index=3))

        def status(query: str) -> int:
            return world.ask(method, XCOM + query, OWNER).status_code

        assert [status(query) for query in ("?map_index=3", "?map_index=2", "", "?map_index=-1")] == [
            200,
            403,
            403,
            403,
        ]

    @pytest.mark.parametrize(
        "query",
        [
            "map_index=-1&map_index=-1",
            "map_index=-1&map_index=0",
            "map%5Findex=0&map_index=-1",
            "map_index=",
            "map_index=%20-1",
            "map_index=-01",
            "map_index=-1.0",
            "map_index=+1",
            "map_index=null",
            "map_index=%D9%A1",
            "map_index=1_0",
        ],
    )
    def test_an_ambiguous_map_index_is_refused(self, method: str, query: str) -> None:
        world = World(Airflow())

        assert world.ask(method, f"{XCOM}?{query}", OWNER).status_code == 403
        assert world.airflow.calls == 0

    @pytest.mark.parametrize("query", ["MAP_INDEX=5", "xmap_index=5", "mapped_length=2&dag_result=true"])
    def test_other_parameters_are_airflows(self, method: str, query: str) -> None:
        assert World(Airflow()).ask(method, f"{XCOM}?{query}", OWNER).status_code == 200

    def test_each_write_asks_the_database(self, method: str) -> None:
        world = World(Airflow())

        world.ask_all([(method, XCOM, OWNER, {})] * 2)

        assert len(world.looked_up) == 2

    def test_a_database_that_fails_is_no_refusal(self, method: str, caplog: pytest.LogCaptureFixture) -> None:
        world = World(Airflow())
        world.look_up_error = RuntimeError("down")

        answer = world.ask(method, XCOM, OWNER)

        assert (answer.status_code, world.airflow.calls) == (503, 0)
        assert answer.json()["detail"] == {
            "reason": "cannot_decide",
            "message": "exclusive-redis-xcom could not decide about this request.",
        }
        assert "The ring could not decide about a request: RuntimeError" in caplog.messages

    def test_keys_that_cannot_be_had_are_no_refusal(self, method: str) -> None:
        async def broken(token: str, required: object) -> dict[str, object]:
            raise OSError("no route to the key server")

        world = World(Airflow(), validate=broken)

        assert world.ask(method, XCOM, OWNER).status_code == 503


@METHODS
class TestWithoutAToken:
    """Airflow answers in its own words, and cannot be made to see an identity that the ring did not see."""

    def authorization(self, world: World) -> list[bytes]:
        (scope,) = world.airflow.scopes
        return [value for name, value in scope["headers"] if name == b"authorization"]

    def test_none_stays_none(self, method: str) -> None:
        world = World(Airflow({"detail": "Missing auth token"}, status=401))

        assert world.ask(method, XCOM).status_code == 401
        assert self.authorization(world) == []

    @pytest.mark.parametrize(
        "values",
        [
            ["Bearer nonsense"],
            ["Basic abc"],
            [f"Bearer {OWNER.ti_id}:workload"],
            ["Bearer nonsense", f"Bearer {OWNER.ti_id}"],
            [f"{OWNER.ti_id}"],
            [""],
        ],
    )
    def test_what_is_not_a_valid_token_never_reaches_airflow(self, method: str, values: list[str]) -> None:
        world = World(Airflow({"detail": "Invalid auth token"}, status=403))

        world.ask(method, XCOM, headers=[("Authorization", value) for value in values])

        assert self.authorization(world) == [b"Bearer none"]
        assert world.looked_up == []


@METHODS
class TestTwoTokens:
    """Airflow reads the first; its simple auth manager adds one of its own when all are admins."""

    def ask(self, method: str, *people: Person) -> World:
        world = World(Airflow())
        world.ask(method, XCOM, headers=[("Authorization", f"Bearer {person.ti_id}") for person in people])
        return world

    def test_the_first_counts_and_is_all_that_airflow_sees(self, method: str) -> None:
        (scope,) = self.ask(method, OWNER, STRANGER).airflow.scopes

        assert [value for name, value in scope["headers"] if name.lower() == b"authorization"] == [
            f"Bearer {OWNER.ti_id}".encode()
        ]

    def test_the_second_helps_nobody(self, method: str) -> None:
        assert self.ask(method, STRANGER, OWNER).airflow.scopes == []


def test_the_record_says_what_was_tried() -> None:
    world = World(Airflow())

    world.ask("DELETE", XCOM, STRANGER)

    (row,) = world.rows
    extra = json.loads(row["extra"])
    assert (row["owner"], row["task_id"]) == ("sales/report", "extract")
    assert (extra["action"], extra["key"], extra["try_number"]) == ("remove", "token", 1)
    (row,) = world.asker_rows
    assert (row["owner"], row["task_id"], row["try_number"]) == ("sales/report", "report", 1)


def test_a_refusal_stands_without_its_row() -> None:
    world = World(Airflow())
    world.row_error = RuntimeError("locked")

    assert world.ask("POST", XCOM, STRANGER).status_code == 403


def test_the_refusal_is_one_that_airflows_client_can_read() -> None:
    answer = World(Airflow()).ask("POST", XCOM, STRANGER)

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["detail"]["message"].splitlines() == [
        "report may not push 'token' of extract.",
        "A task instance may write and remove only its own XComs.",
        "Return or xcom_push the value in the task instance that owns it.",
        "XCom 'token' of task 'extract' in DAG 'sales', run 'run_1'. Asked by task 'report' of DAG 'sales' (run "
        "'run_1').",
    ]
