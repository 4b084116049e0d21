"""Iterators of lazy sequences against Airflow's own, while results come, go, are refused, lost, claimed and edited.

The model is Airflow's database: rows in memory, with real references in them. The values lie in a real Redis. An
iterator is compared with what Airflow's own code gets for the same item at the same moment, through the same backend.
That holds exactly as long as nothing has changed since the iterator began to read, and whenever what it has read ahead
is too old. In between, the promises of `airflow/walk.py` hold.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom, ExclusiveXComError, XComAlreadyClaimed
from exclusive_redis_xcom.airflow.asking import Asking, on_behalf_of
from exclusive_redis_xcom.airflow.walk import MOST_SECONDS
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Store
from exclusive_redis_xcom.store.inventory import VERSION_LENGTH
from tests.integration.task.direct_pulls.watched import PREFIX, STARTED, ApiServer
from tests.integration.task.played_ring import PUBLIC_TEXT, ring_of
from tests.integration.task.sales import address

#: More than what is read ahead at first (32), so that some examples go on with a second chunk or slice.
INDEXES = st.integers(0, 45)
RULES = {
    "open": {"consumers": ["load", "other"]},
    "once": {"consumers": ["load", "other"], "once": True},
    "denied": {"consumers": ["other"]},
}
_numbers = itertools.count()


@dataclass
class Place:
    """Where the machine runs: what stands for Airflow and Redis. `api` watches, unless tasks cannot pull directly."""

    rows: Rows
    raw: redis.Redis
    api: ApiServer | None
    is_sealed: bool


@dataclass
class Iterating:
    """One iterator, and what was there all the time since it was made."""

    xs: Any
    read: Any
    all_the_time: set[int]
    changed: bool = False
    plain: bool = False
    is_fresh: bool = False
    count: int = 0
    after: int = -1
    seen: list[Any] = field(default_factory=list)


class Lazily(RuleBasedStateMachine):
    place: Place

    def __init__(self) -> None:
        super().__init__()
        self.key = f"key-{next(_numbers)}"
        self.versions = itertools.count()
        self.iterators: list[Iterating] = []
        self.once: set[int] = set()
        self._edit("open")
        for index in range(3):
            self._push(index)

    # What happens in the database and in Redis.

    @rule(name=st.sampled_from(sorted(RULES)))
    def edit_the_dag(self, name: str) -> None:
        """The next pushes have another rule, and the latest push's rule holds for the key."""
        self._edit(name)

    @rule(index=INDEXES)
    def push(self, index: int) -> None:
        self._push(index)

    @rule(start=INDEXES, count=st.integers(1, 40))
    def push_many(self, start: int, count: int) -> None:
        for index in range(start, start + count):
            self._push(index)

    @rule(index=INDEXES)
    def push_none(self, index: int) -> None:
        self._push(index, is_none=True)

    @rule(index=INDEXES)
    def remove(self, index: int) -> None:
        with self._executing("parts", index):
            ExclusiveRedisXCom.delete(self.key, **address("parts"), map_index=index)
        self._changed(without=index)

    @rule(index=INDEXES)
    def lose(self, index: int) -> None:
        self.place.raw.hdel(self._hash(), str(index))
        self._changed()

    @rule(index=INDEXES)
    def write_by_hand(self, index: int) -> None:
        row = ("sales", RUN_ID, "parts", self.key, index)
        self.place.rows.values[row] = {"by hand": next(self.versions)}
        if self.place.api is not None:
            self.place.api.store.uncommit([self._at(index)])
        self._changed()

    @rule(index=INDEXES)
    def another_task_reads(self, index: int) -> None:
        with self._executing("other"), contextlib.suppress(ExclusiveXComError):
            ExclusiveRedisXCom.get_one(key=self.key, **address("parts"), map_index=index)
        self._changed()

    @precondition(lambda self: self.place.api is not None)
    @rule()
    def nobody_watches(self) -> None:
        assert self.place.api is not None
        self.place.api.stops()

    @precondition(lambda self: self.place.api is not None)
    @rule()
    def somebody_watches(self) -> None:
        assert self.place.api is not None
        self.place.api.watches_since_long_ago()

    # What a task does.

    @rule()
    def begin(self) -> None:
        with self._executing("load") as task_instance:
            xs = self.dag.get_task("parts").output[self.key].resolve({"ti": task_instance})
            one = Iterating(xs, iter(xs), set(self._indexes()), plain=self._has_plain())
        self.iterators.append(one)

    @rule()
    def time_passes(self) -> None:
        for one in self.iterators:
            one.read._walk._read_at -= 2 * MOST_SECONDS
            one.is_fresh = True

    @precondition(lambda self: self.iterators)
    @rule(data=st.data(), steps=st.integers(1, 40))
    def go_on(self, data: st.DataObject, steps: int) -> None:
        one = data.draw(st.sampled_from(self.iterators))
        for _ in range(steps):
            self._step(one)

    @precondition(lambda self: self.iterators)
    @rule(data=st.data())
    def step_each(self, data: st.DataObject) -> None:
        for one in data.draw(st.permutations(self.iterators)):
            self._step(one)

    @rule(number=st.integers(0, 50))
    def by_number(self, number: int) -> None:
        """An item that does not follow another one is Airflow's."""
        with self._executing("load") as task_instance:
            xs = self.dag.get_task("parts").output[self.key].resolve({"ti": task_instance})
            assert self._outcome(lambda: xs[number]) == self._airflows(xs, number)

    # How it is checked.

    def _step(self, one: Iterating) -> None:
        claimed = self._claimed()
        with self._executing("load"):
            found = self._outcome(lambda: next(one.read))
            new_claims = self._claimed() - claimed
            if not one.changed:
                assert found == self._airflows(one.xs, one.count)
            elif one.is_fresh and not one.plain:
                number = sum(index <= one.after for index in self._indexes())
                assert found == self._airflows(one.xs, number)
        assert len(new_claims) <= 1, "claimed ahead"
        one.is_fresh = False
        if found[0] == "value":
            one.count += 1
            self._went_on(one, found[1])
        elif found[0] == "end" and not one.plain:
            assert not [index for index in one.all_the_time if index > one.after], "left out at the end"

    def _went_on(self, one: Iterating, value: Any) -> None:
        if not isinstance(value, list):
            one.plain = True  # nobody can tell which one it was
        if one.plain:
            return
        index = value[0]
        assert value not in one.seen, "came twice"
        assert index > one.after, "came out of order"
        assert not [other for other in one.all_the_time if one.after < other < index], "left out"
        one.seen.append(value)
        one.after = index

    def _airflows(self, xs: Any, number: int) -> tuple[str, Any]:
        """Return what Airflow's own code makes of an item now."""
        from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

        asked = _asked(xs)

        def read() -> Any:
            with on_behalf_of(Asking(asked, rows=False)):
                return inspect.unwrap(LazyXComSequence.__getitem__)(xs, number)

        return self._outcome(read)

    @staticmethod
    def _outcome(read: Callable[[], Any]) -> tuple[str, Any]:
        try:
            return "value", read()
        except (StopIteration, IndexError):
            return "end", None
        except XComAlreadyClaimed as error:
            return "error", type(error)
        except ExclusiveXComError as error:
            return "error", (type(error), str(error))

    def _push(self, index: int, *, is_none: bool = False) -> None:
        value = None if is_none else [index, next(self.versions)]
        with self._executing("parts", index):
            ExclusiveRedisXCom.set(self.key, value, **address("parts"), map_index=index)
        self._changed()

    def _changed(self, *, without: int | None = None) -> None:
        plain = self._has_plain()
        for one in self.iterators:
            one.changed = True
            one.plain = one.plain or plain
            one.all_the_time.discard(-1 if without is None else without)

    def _indexes(self) -> list[int]:
        return sorted(self.place.rows.map_indexes(("sales", RUN_ID, "parts", self.key, 0)))

    def _has_plain(self) -> bool:
        rows = self.place.rows.values
        return any("by hand" in row for at, row in rows.items() if at[3] == self.key and isinstance(row, dict))

    def _claimed(self) -> set[bytes]:
        found: Any = self.place.raw.hgetall(self._hash())
        return {name for name, text in found.items() if name.endswith(b":claim") and len(text) > VERSION_LENGTH}

    def _at(self, index: int) -> Coordinate:
        return Coordinate("sales", RUN_ID, "parts", self.key, index)

    def _hash(self) -> str:
        return redis_names.hash_name(PREFIX, self._at(0))

    def _executing(self, task_id: str, map_index: int = -1) -> Any:
        return executing(self.dag.get_task(task_id), map_index=map_index, run_started=STARTED)

    def _edit(self, name: str) -> None:
        from airflow.sdk import DAG, task

        with DAG("sales", params={"xcom_acl": {"parts": {self.key: RULES[name]}}}) as self.dag:

            @task
            def parts(number: int) -> None: ...

            @task
            def load() -> None: ...

            @task
            def other() -> None: ...

            parts.expand(number=[1]) >> [load(), other()]


def _asked(xs: Any) -> Any:
    from exclusive_redis_xcom.airflow.rows import Asked

    return Asked("sales", "parts", xs._xcom_arg.key, RUN_ID)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["direct", "by_row", "server"])
def test_iterators_are_airflows(
    mode: str,
    rows: Rows,
    raw: redis.Redis,
    server: Any,
    configure: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.sdk.execution_time import xcom

    monkeypatch.setattr(xcom, "XCom", ExclusiveRedisXCom)
    client = RedisClient(options_from_url(server.url), Timeouts(1.0, 2.0, 5.0))
    if mode == "server":
        configure(enforcement="server", seal_public_key=PUBLIC_TEXT)
        rows.answer = ring_of(rows)
    elif mode == "by_row":
        configure(direct_pulls="off")
    api = ApiServer(rows, Store(client, key_prefix=PREFIX), raw) if mode == "direct" else None

    examples = max(20, settings().max_examples // 4)  # one takes as long as hundreds of other tests

    class Machine(Lazily):
        place = Place(rows, raw, api, mode == "server")

    try:
        run_state_machine_as_test(Machine, settings=settings(max_examples=examples, stateful_step_count=30))
    finally:
        client.close()
