"""Route x verb x caller, against the API server of the installed Airflow: who gets what.

Written from the issue, not from the ring: the callers are those of `devtools.worlds.api_plan`, the outcomes
those of `outcomes.py`. Every answer is also required to bear the ring's header (`conftest.Asker`).
"""

from __future__ import annotations

import pytest

from devtools.airflow_home import airflow_version
from devtools.worlds.api_plan import EARLIER_RUN, LATER_RUN, at
from devtools.worlds.api_world import World
from devtools.worlds.sealed import Pushed
from exclusive_redis_xcom.formats.seal import parse_seal
from tests.acceptance.ring.conftest import Asker
from tests.acceptance.ring.outcomes import (
    COUNTED,
    DENIED,
    FORBIDDEN,
    MISSING,
    NO_TASK,
    NOT_RUNNING,
    OPENED,
    REMOVED,
    WRITTEN,
    outcome,
    outcome_of_seal,
    seals,
)

VERSION = tuple(int(part) for part in airflow_version().split(".")[:2])

#: Airflow 3.1 knows no scopes: it lets every scope in, and the ring does not.
OTHER_SCOPE = NOT_RUNNING if VERSION < (3, 2) else NO_TASK

#: Caller -> a value for ["load", "done", "queued"], and the same with same_run.
READERS = {
    "owner": (OPENED, OPENED),
    "consumer": (OPENED, OPENED),
    "stranger": (DENIED, DENIED),
    "namesake": (DENIED, DENIED),
    "other run": (OPENED, DENIED),
    "earlier run's owner": (NOT_RUNNING, NOT_RUNNING),
    "earlier try": (NOT_RUNNING, NOT_RUNNING),
    "finished": (NOT_RUNNING, NOT_RUNNING),
    "queued": (NOT_RUNNING, NOT_RUNNING),
    "part 0": (DENIED, DENIED),
    "workload": (OTHER_SCOPE, OTHER_SCOPE),
    "unknown scope": (OTHER_SCOPE, OTHER_SCOPE),
    "ui": (NO_TASK, NO_TASK),
    "garbage": (NO_TASK, NO_TASK),
    "expired": (NO_TASK, NO_TASK),
    None: (NO_TASK, NO_TASK),
}

#: How Airflow's client asks for one value.
READ_ROUTES = {
    "value": ("", {}),
    "value of a map_index": ("", {"map_index": -1}),
    "value by offset": ("", {"offset": 0}),
    "value, prior dates": ("", {"include_prior_dates": "true"}),
    "slice": ("/slice", {}),
    "slice, bounded": ("/slice", {"start": 0, "stop": 1, "step": 1}),
    "slice, prior dates": ("/slice", {"include_prior_dates": "true"}),
    "item": ("/item/0", {}),
    "item from the end": ("/item/-1", {}),
}

CONSUMERS = ["load", "done", "queued"]


@pytest.fixture(scope="module")
def free(world: World) -> Pushed:
    return world.push(at("extract", "free"), CONSUMERS)


@pytest.fixture(scope="module")
def run_bound(world: World) -> Pushed:
    return world.push(at("extract", "run-bound"), CONSUMERS, same_run=True)


class TestReads:
    @pytest.mark.parametrize("route", READ_ROUTES)
    @pytest.mark.parametrize("caller", READERS)
    def test_each_route_gives_each_caller_what_the_table_says(
        self, ask: Asker, free: Pushed, run_bound: Pushed, caller: str | None, route: str
    ) -> None:
        path, params = READ_ROUTES[route]

        answers = [
            ask.xcom(caller, "GET", pushed.reference.coordinate, route=path, params=params)
            for pushed in (free, run_bound)
        ]

        assert tuple(map(outcome, answers)) == READERS[caller]

    @pytest.mark.parametrize("route", READ_ROUTES)
    def test_what_is_opened_is_the_data_key_of_the_push(self, ask: Asker, free: Pushed, route: str) -> None:
        path, params = READ_ROUTES[route]

        found = seals(ask.xcom("consumer", "GET", free.reference.coordinate, route=path, params=params))

        assert {parse_seal(seal).data_key for seal in found} == {free.data_key}

    def test_what_is_refused_is_the_seal_as_it_was_pushed(self, ask: Asker, free: Pushed) -> None:
        (seal,) = seals(ask.xcom("stranger", "GET", free.reference.coordinate))

        assert free.reference.seal is not None
        assert parse_seal(seal).sealed_key == free.reference.seal.sealed_key
        assert parse_seal(seal).data_key is None

    def test_the_row_stays_sealed_whoever_reads(self, ask: Asker, world: World, free: Pushed) -> None:
        ask.xcom("consumer", "GET", free.reference.coordinate)

        assert world.row(free.reference.coordinate) == free.reference.to_json()

    @pytest.mark.parametrize("caller", READERS)
    def test_a_count_is_no_secret_among_tasks(self, ask: Asker, free: Pushed, caller: str | None) -> None:
        expected = NO_TASK if READERS[caller][0] == NO_TASK else COUNTED

        assert outcome(ask.xcom(caller, "HEAD", free.reference.coordinate, params={})) == expected

    @pytest.mark.parametrize("caller", ["owner", "consumer", "stranger"])
    @pytest.mark.parametrize("route", ["", "/slice", "/item/0"])
    def test_what_is_not_ours_passes_unchanged(self, ask: Asker, world: World, caller: str, route: str) -> None:
        coordinate = at("extract", "plain")
        world.put_row(coordinate, {"plain": [1, None, "x"]})

        answer = ask.xcom(caller, "GET", coordinate, route=route)

        value = {"plain": [1, None, "x"]}
        assert answer.json() == {"": {"key": "plain", "value": value}, "/slice": [value]}.get(route, value)

    @pytest.mark.parametrize("caller", ["owner", "consumer", "stranger"])
    def test_what_is_not_there_is_missing_to_all(self, ask: Asker, caller: str) -> None:
        assert outcome(ask.xcom(caller, "GET", at("extract", "never pushed"))) == MISSING

    def test_prior_dates_are_judged_by_the_run_of_the_row(self, ask: Asker, world: World) -> None:
        world.push(at("extract", "history", run_id=EARLIER_RUN), ["load"])
        world.push(at("extract", "bound history", run_id=EARLIER_RUN), ["load"], same_run=True)
        prior = {"include_prior_dates": "true"}

        def read(caller: str, key: str, **more: str) -> str:
            return outcome(ask.xcom(caller, "GET", at("extract", key, run_id=LATER_RUN), params={**prior, **more}))

        assert [read("other run", key) for key in ("history", "bound history")] == [OPENED, DENIED]
        assert read("stranger", "history") == DENIED


@pytest.fixture(scope="module")
def parts(world: World) -> list[Pushed]:
    """The three results of a mapped task; the middle one is for another consumer."""
    return [world.push(at("parts", map_index=index), ["report" if index == 1 else "load"]) for index in range(3)]


class TestMappedTasks:
    @pytest.mark.parametrize(
        ("caller", "expected"),
        [
            ("consumer", [OPENED, DENIED, OPENED]),
            ("stranger", [DENIED, OPENED, DENIED]),
            ("part 0", [OPENED, OPENED, OPENED]),
            ("finished", [NOT_RUNNING] * 3),
        ],
    )
    @pytest.mark.parametrize("step", [1, -1])
    def test_each_element_of_a_slice_is_judged_and_none_is_left_out(
        self, ask: Asker, parts: list[Pushed], caller: str, expected: list[str], step: int
    ) -> None:
        answer = ask.xcom(caller, "GET", at("parts"), route="/slice", params={"step": step})

        assert [outcome_of_seal(seal) for seal in seals(answer)] == expected[::step]

    @pytest.mark.parametrize("index", [0, 1, 2])
    def test_an_item_is_judged_by_its_own_rule(self, ask: Asker, parts: list[Pushed], index: int) -> None:
        answer = ask.xcom("consumer", "GET", at("parts"), route=f"/item/{index}")

        assert outcome(answer) == (DENIED if index == 1 else OPENED)

    def test_an_instance_writes_its_own_result_only(self, ask: Asker, parts: list[Pushed], world: World) -> None:
        for index, expected in enumerate([WRITTEN, FORBIDDEN, FORBIDDEN]):
            answer = ask.xcom("part 0", "POST", at("parts", "own", map_index=index), json=index)
            assert outcome(answer) == expected
        assert outcome(ask.xcom("part 0", "POST", at("parts", "own"), json=1)) == FORBIDDEN  # map_index -1


#: Who may write nothing anyway: not with a valid token of a task for its execution.
NO_TASKS = ("workload", "unknown scope", "ui", "garbage", "expired", None)

#: Caller, and the coordinate that is its own in all but one respect.
NEARLY_OWN = {
    "a finished task's own": ("finished", at("done")),
    "a queued task's own": ("queued", at("queued")),
    "its own in another run": ("owner", at("extract", run_id=LATER_RUN)),
    "its own in an earlier run": ("owner", at("extract", run_id=EARLIER_RUN)),
    "its own under a map_index": ("owner", at("extract", map_index=0)),
    "a finished earlier run's own": ("earlier run's owner", at("extract", run_id=EARLIER_RUN)),
    "the same task of another DAG": ("namesake", at("load")),
    "a DAG of the caller's task name": ("consumer", at("load", dag_id="other")),
}


class TestWrites:
    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    @pytest.mark.parametrize("caller", READERS)
    def test_only_the_running_owner_writes(self, ask: Asker, world: World, caller: str | None, method: str) -> None:
        coordinate = at("extract", "writable")
        world.put_row(coordinate, "before")
        body = {"json": "after"} if method == "POST" else {}

        found = outcome(ask.xcom(caller, method, coordinate, **body))

        row = world.row(coordinate)
        if caller == "owner":
            assert (found, row) == ((WRITTEN, "after") if method == "POST" else (REMOVED, None))
        else:
            assert found == (NO_TASK if caller in NO_TASKS else FORBIDDEN)
            assert row == "before"

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    @pytest.mark.parametrize("case", NEARLY_OWN)
    def test_what_is_only_nearly_the_callers_own_is_not(self, ask: Asker, world: World, case: str, method: str) -> None:
        caller, coordinate = NEARLY_OWN[case]
        before = world.rows()

        assert outcome(ask.xcom(caller, method, coordinate, json="after" if method == "POST" else None)) == FORBIDDEN
        assert world.rows() == before

    @pytest.mark.parametrize("params", [[("map_index", "-1"), ("map_index", "0")], [("map_index", "0")]])
    def test_of_two_map_indexes_the_one_that_airflow_takes_counts(
        self, ask: Asker, world: World, params: list[tuple[str, str]]
    ) -> None:
        before = world.rows()

        assert outcome(ask.xcom("owner", "POST", at("extract"), params=params, json=1)) == FORBIDDEN
        assert world.rows() == before

    def test_a_key_that_ends_like_a_route_is_a_key_when_it_is_written(self, ask: Asker, world: World) -> None:
        coordinate = at("extract", "folder/slice")

        assert outcome(ask.xcom("owner", "POST", coordinate, json=1)) == WRITTEN
        assert outcome(ask.xcom("stranger", "POST", coordinate, json=2)) == FORBIDDEN
        assert world.row(coordinate) == 1

    def test_a_result_with_a_mapped_length_is_written(self, ask: Asker, world: World) -> None:
        answer = ask.xcom("owner", "POST", at("extract", "return_value"), params={"mapped_length": 2}, json=[1, 2])

        assert outcome(answer) == WRITTEN


PATHS = (
    "/execution/xcoms/sales/run-1/extract/free",
    "/execution/xcoms/sales/run-1/extract/free/slice",
    "/execution/xcoms/sales/run-1/extract/free/item/0",
)


class TestWhatTheRingDoesNotKnow:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
    @pytest.mark.parametrize("caller", ["owner", "stranger", None])
    def test_other_verbs_are_denied(self, ask: Asker, caller: str | None, method: str, path: str) -> None:
        assert ask.call(caller, method, path).status_code == 403

    @pytest.mark.parametrize(
        "path",
        [
            "/execution/xcoms",
            "/execution/xcoms/",
            "/execution/xcoms/sales",
            "/execution/xcoms/sales/run-1/extract",
            "/execution/xcoms/sales/run-1/extract/",
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD"])
    def test_paths_without_a_key_are_denied(self, ask: Asker, method: str, path: str) -> None:
        assert ask.call("owner", method, path).status_code == 403

    def test_the_rest_of_the_server_is_served(self, ask: Asker) -> None:
        assert ask.call(None, "GET", "/execution/health").is_success
        assert ask.call(None, "GET", "/api/v2/version").is_success
        assert ask.call("ui", "GET", "/api/v2/dags").is_success
        assert ask.call("owner", "GET", "/execution/variables/none").status_code == 404


def api_versions() -> list[str]:
    from airflow.api_fastapi.execution_api.versions import bundle

    return [str(version.value) for version in bundle.versions if str(version.value) != "head"]


class TestApiVersions:
    @pytest.mark.parametrize("version", api_versions())
    def test_every_version_of_the_api_is_ringed(self, ask: Asker, free: Pushed, version: str) -> None:
        headers = {"Airflow-API-Version": version}
        coordinate = free.reference.coordinate

        def read(caller: str, route: str) -> str:
            return outcome(ask.xcom(caller, "GET", coordinate, route=route, headers=headers))

        routes = ("", "/slice", "/item/0")
        assert [read("consumer", route) for route in routes] == [OPENED] * 3
        assert [read("stranger", route) for route in routes] == [DENIED] * 3
        assert outcome(ask.xcom("stranger", "POST", coordinate, headers=headers, json=1)) == FORBIDDEN

    def test_an_unknown_version_opens_nothing(self, ask: Asker, free: Pushed) -> None:
        answer = ask.xcom("stranger", "GET", free.reference.coordinate, headers={"Airflow-API-Version": "1999-01-01"})

        assert "data_key" not in answer.text


class TestTheAnswer:
    def test_it_is_whole_when_it_is_compressed(self, ask: Asker, world: World) -> None:
        for index in range(3):
            world.push(at("parts", "zipped", map_index=index), ["load"])

        answer = ask.xcom("consumer", "GET", at("parts", "zipped"), route="/slice", headers={"Accept-Encoding": "gzip"})

        assert len(seals(answer)) == 3
