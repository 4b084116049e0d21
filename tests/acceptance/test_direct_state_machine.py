"""Direct pulls never answer differently from Airflow's own path, whatever happens to values and rows.

A real API server, database and Redis. Hypothesis makes up histories; after each step, all that a task could pull is
pulled in both ways. `HYPOTHESIS_PROFILE=search` makes up many more and longer ones (half an hour).
"""

from __future__ import annotations

import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import hypothesis.strategies as st
import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from devtools.airflow_api import wait_until
from devtools.redis_server import RedisServer
from devtools.worlds.fresh_process import start_afresh
from devtools.worlds.watched_world import DAG_ID, WatchedWorld, open_watched_world
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.reference import Reference, parse
from exclusive_redis_xcom.formats.seal import SEALED_KEY_BYTES, Seal
from exclusive_redis_xcom.model import Coordinate

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "search"
MOST_PARTS = 3
KEYS = ("token", "token", "return_value", "return_value", "denied", "once")

#: What a task can make of the reference to its own push before it writes the row.
FORGERIES: dict[str, Callable[[Reference], Reference]] = {
    "of another key": lambda pushed: replace(pushed, coordinate=replace(pushed.coordinate, key="other")),
    "of another index": lambda pushed: replace(pushed, coordinate=replace(pushed.coordinate, map_index=7)),
    "of another version": lambda pushed: replace(pushed, version="0" * 32),
    "larger": lambda pushed: replace(pushed, size=2**40),
    "sealed": lambda pushed: replace(pushed, seal=Seal("0" * 16, b"{}", sealed_key=b"x" * SEALED_KEY_BYTES)),
    "malformed": lambda pushed: replace(pushed, size=-1),
}

values = st.sampled_from(["text", 0, None, {"a": (1, 2)}, ["x", None], "x" * 2000])
rows = st.sampled_from(["by hand", 7, None, {"a": [1, 2]}])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[WatchedWorld]:
    with open_watched_world(tmp_path_factory.mktemp("watched"), redis_server.url) as opened:
        start_afresh()
        yield opened
        start_afresh()


class History(RuleBasedStateMachine):
    """One run of the DAG, one key, and whatever people, tasks and time do to its XComs."""

    world: WatchedWorld
    redis: redis.Redis
    #: How many pulls were answered by Redis alone, over all histories.
    direct: ClassVar[Counter[str]] = Counter()
    pulls: ClassVar[Counter[str]] = Counter()
    #: What the REST API said to what was tried.
    rest: ClassVar[Counter[str]] = Counter()
    _numbers = itertools.count()
    #: How many instances `parts` has had at most.
    parts = 0

    @initialize(key=st.sampled_from(KEYS), parts=st.integers(1, MOST_PARTS))
    def begin(self, key: str, parts: int) -> None:
        self.run = self.world.run(f"run-{next(self._numbers)}")
        self.key = key
        self.references: list[Any] = []
        self.cleaned = False
        self.turns = itertools.count()
        self.expand(parts)
        self.push_everything("of the beginning")

    # Tasks

    @rule(value=values)
    def push_everything(self, value: Any) -> None:
        self.run.push("extract", self.key, value)
        for index in range(self.parts):
            self.run.push("parts", self.key, value, map_index=index)

    @rule(value=values)
    def push_all_but_the_last(self, value: Any) -> None:
        self.run.push("extract", self.key, value)
        for index in range(self.parts - 1):
            self.run.push("parts", self.key, value, map_index=index)

    @rule(data=st.data(), value=values)
    def push(self, data: Any, value: Any) -> None:
        self.run.push(**self._address(data), value=value)

    @rule(data=st.data(), value=values)
    def push_twice(self, data: Any, value: Any) -> None:
        at = self._address(data)
        self.run.push(**at, value="first")
        self.run.push(**at, value=value)

    @rule(data=st.data(), value=values)
    def retry(self, data: Any, value: Any) -> None:
        at = self._address(data)
        self.run.delete(**at)
        self.run.push(**at, value=value)

    @rule(data=st.data())
    def start_again(self, data: Any) -> None:
        self.run.delete(**self._address(data))

    @rule(data=st.data(), value=values)
    def die_between_redis_and_database(self, data: Any, value: Any) -> None:
        self.references.append(self.run.push_to_redis_only(**self._address(data), value=value))

    @rule(data=st.data(), row=rows)
    def write_past_the_backend(self, data: Any, row: Any) -> None:
        self.run.write_row(**self._address(data), row=row)

    @rule(data=st.data())
    def delete_past_the_backend(self, data: Any) -> None:
        self.run.delete_row(**self._address(data))

    @precondition(lambda self: self.references)
    @rule(data=st.data())
    def write_an_old_reference(self, data: Any) -> None:
        self.run.write_row(**self._address(data), row=data.draw(st.sampled_from(self.references)))

    @rule(data=st.data(), value=values, forged=st.sampled_from(sorted(FORGERIES)))
    def write_a_forged_reference(self, data: Any, value: Any, forged: str) -> None:
        at = self._address(data)
        pushed = parse(self.run.push_to_redis_only(**at, value=value))
        self.run.write_row(**at, row=FORGERIES[forged](pushed).to_json())

    # People, over REST

    @rule(data=st.data(), row=rows)
    def create_over_rest(self, data: Any, row: Any) -> None:
        task_id, key, index = self._address(data).values()
        body = {"key": key, "value": row, "map_index": index}
        self._rest("POST", f"/taskInstances/{task_id}/xcomEntries", body)

    @rule(data=st.data(), row=rows, old=st.booleans())
    def edit_over_rest(self, data: Any, row: Any, old: bool) -> None:
        task_id, key, index = self._address(data).values()
        value = data.draw(st.sampled_from(self.references)) if old and self.references else row
        self._rest("PATCH", f"/taskInstances/{task_id}/xcomEntries/{key}", {"value": value, "map_index": index})

    @rule(data=st.data())
    def delete_over_rest(self, data: Any) -> None:
        task_id, key, index = self._address(data).values()
        self._rest("DELETE", f"/taskInstances/{task_id}/xcomEntries/{key}", map_index=index)

    @rule(task_id=st.sampled_from(["extract", "parts"]))
    def clear(self, task_id: str) -> None:
        assert self.run.clear(task_id).is_success
        self.run.schedule()

    @rule(over_rest=st.booleans(), pushed=st.booleans())
    def delete_the_run_and_make_it_again(self, over_rest: bool, pushed: bool) -> None:
        if over_rest:
            self.run.end()
            self._rest("DELETE", "")
        else:
            self.run.delete_past_the_api()
        self.check("the run is gone")
        self.run = self.world.run(self.run.run_id)
        parts, self.parts = self.parts, 0
        self.expand(parts)
        if pushed:
            self.push_everything("of the new run")

    # The scheduler, commands, time

    @rule(parts=st.integers(1, MOST_PARTS))
    def expand(self, parts: int) -> None:
        """To more or fewer instances than before; the rows of those that are left over stay."""
        if self.parts:
            assert self.run.clear("numbers", "parts").is_success
        self.run.expand(parts)
        self.parts = max(parts, self.parts)

    @precondition(lambda self: not self.cleaned)
    @rule()
    def clean_the_database(self) -> None:
        command = "db clean --clean-before-timestamp 2099-01-01 --tables xcom --skip-archive --yes"
        self.world.inside.command(*command.split())
        self.cleaned = True

    @rule(task_id=st.sampled_from(["extract", "parts"]))
    def expire(self, task_id: str) -> None:
        name = redis_names.hash_name("exclusive_redis_xcom", Coordinate(DAG_ID, self.run.run_id, task_id, self.key))
        self.redis.pexpire(name, 1)
        wait_until(lambda: not self.redis.exists(name), 10, lambda: "the value does not expire")

    @invariant()
    def both_ways_agree(self) -> None:
        self.check("")
        self.references += [row for row in self.run.rows().values() if isinstance(row, dict)][:3]
        del self.references[:-6]

    def check(self, when: str) -> None:
        one = partial(self.run.pull, key=self.key)
        self._compare("one", partial(one, "extract"), when)
        if self.parts:
            self._compare("one mapped", partial(one, "parts", map_index=next(self.turns) % self.parts), when)
        self._compare("all", partial(self.run.pull_all, "extract", self.key), when)
        self._compare("all mapped", partial(self.run.pull_all, "parts", self.key), when)

    def _compare(self, kind: str, pull: Any, when: str) -> None:
        direct, airflows = pull(direct=True), pull(direct=False)
        assert direct.same_as(airflows), f"{kind} {when}: {direct}, but Airflow says {airflows}"
        self.pulls[kind] += 1
        self.direct[kind] += direct.direct

    def _address(self, data: Any) -> dict[str, Any]:
        index = data.draw(st.integers(-1, self.parts - 1), label="map index")
        return {"task_id": "extract" if index < 0 else "parts", "key": self.key, "map_index": index}

    def _rest(self, method: str, path: str, body: Any = None, **params: Any) -> None:
        status = self.run.rest(method, path, body, **params).status_code
        assert status < 500
        self.rest[f"{method} {path.rpartition('/')[2] or 'run'}: {status}"] += 1


@pytest.mark.timeout(4 * 3600 if LONG else 600)
def test_direct_pulls_answer_as_airflow_does(
    world: WatchedWorld, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(History, "world", world, raising=False)
    monkeypatch.setattr(History, "redis", redis_client, raising=False)

    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=150 if LONG else 12,
            stateful_step_count=40 if LONG else 14,
            deadline=None,
            phases=[Phase.generate],  # a history takes seconds: to make it shorter takes hours
            suppress_health_check=list(HealthCheck),
        ),
    )

    sys.stdout.write(f"answered by Redis alone: {History.direct} of {History.pulls}; REST: {History.rest}\n")
    # A history in which Redis never answered would prove nothing. How often it does depends on the machine: where
    # heartbeats come late, tasks ask the API server.
    assert min(History.direct[kind] for kind in History.pulls) >= 3
