"""The code of the tasks of dags/bench_side_by_side.py: each contender pushes and pulls in turn, under its own keys."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import FLOOR, OBJECT, OURS, Address
from benchmarks.figures import Row
from benchmarks.plan import Plan
from benchmarks.values import BY_NAME

if TYPE_CHECKING:
    from benchmarks.plan import Measuring
    from benchmarks.values import Value

PARTS = 24
PARTS_ROUNDS = (40, 10)
ITERATE_ROUNDS = (9, 3)
#: From so many results on, Airflow's iteration takes seconds.
MANY = 100
_LABEL = "part"
_WITHOUT_LIMIT = 2**31


def push_values(at: Address) -> None:
    """Measure the pushes of all values, and write `push.json`."""
    plan = Plan.load()
    with plan.measuring("push") as measuring:
        for name in plan.values:
            _push(plan, BY_NAME[name], at, measuring)


def pull_values(at: Address) -> None:
    """Measure the pulls of what `push_values` pushed as task instance `at`, and write `pull.json`."""
    plan = Plan.load()
    with plan.measuring("pull") as measuring:
        for name in plan.values:
            _pull(plan, BY_NAME[name], at, measuring)


def push_part(at: Address) -> None:
    """Push one mapped result with each contender."""
    plan = Plan.load()
    value = part(at.map_index or 0)
    for backend in plan.backends("many").values():
        backend.push(at, _LABEL, value)
    plan.floor().push_field(at, _LABEL, value.encode())


def pull_parts(at: Address, running: Any) -> None:
    """Measure the pull of all mapped results, at once and one by one, and write `parts.json`."""
    plan = Plan.load()
    with plan.measuring("parts") as measuring:
        pull_all(plan, measuring, at, _LABEL, PARTS, PARTS_ROUNDS)
        iterate(plan, measuring, at, _LABEL, PARTS, ITERATE_ROUNDS, running)


def pull_all(plan: Plan, measuring: Measuring, at: Address, label: str, count: int, rounds: tuple[int, int]) -> None:
    """Measure the pull of all results of a mapped task at once."""
    contenders: dict[str, Any] = {**plan.backends("many"), FLOOR: plan.floor()}
    wanted = [part(index) for index in range(count)]
    assert contenders[OURS].pull_all(at, label) == wanted, "the pulled value is not the pushed value"
    operations = {name: partial(contender.pull_all, at, label) for name, contender in contenders.items()}
    measuring.row(Row("pull all", f"{count:,} mapped results"), operations, rounds[plan.quick])


def iterate(
    plan: Plan, measuring: Measuring, at: Address, label: str, count: int, rounds: tuple[int, int], running: Any
) -> None:
    """Measure `for x in xs`, where `xs` are the results of a mapped task. A thousand are many for object storage."""
    able = {name: each for name, each in plan.backends("many").items() if name != OBJECT or count < MANY}
    wanted = [part(index) for index in range(count)]
    assert able[OURS].iterate(at, label, running) == wanted, "the pulled value is not the pushed value"
    operations = {name: partial(contender.iterate, at, label, running) for name, contender in able.items()}
    row = Row("for x in xs,", f"{count:,} mapped results")
    measuring.row(row, operations, rounds[plan.quick], try_first=count < MANY)


def part(index: int) -> str:
    """Return a mapped result: 100 bytes."""
    return f"{index:100d}"


def same(one: Any, other: Any) -> bool:
    """Return whether two values or DataFrames are equal."""
    return bool(one.equals(other)) if hasattr(one, "equals") else bool(one == other)


def _push(plan: Plan, value: Value, at: Address, measuring: Measuring) -> None:
    from exclusive_redis_xcom import codec
    from exclusive_redis_xcom.memory import joined, size_of

    made, label = value.make(), _label(value)
    plain = bytes(joined(codec.encode(made, compression="off", max_bytes=_WITHOUT_LIMIT).payload))
    sent = size_of(codec.encode(made, max_bytes=_WITHOUT_LIMIT).payload)
    operations = {name: partial(each.push, at, label, made) for name, each in plan.backends(value.kind).items()}
    operations[FLOOR] = partial(plan.floor().push, at, label, plain)
    row = Row("push", value.name, size=len(plain), sent=sent)
    measuring.row(row, operations, value.rounds[plan.quick])


def _pull(plan: Plan, value: Value, at: Address, measuring: Measuring) -> None:
    label = _label(value)
    contenders: dict[str, Any] = {**plan.backends(value.kind), FLOOR: plan.floor()}
    assert same(contenders[OURS].pull(at, label), value.make()), "the pulled value is not the pushed value"
    operations = {name: partial(each.pull, at, label) for name, each in contenders.items()}
    measuring.row(Row("pull", value.name), operations, value.rounds[plan.quick])


def _label(value: Value) -> str:
    return re.sub(r"[^a-z0-9]+", "-", value.name.lower())
