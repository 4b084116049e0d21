"""In server mode, one task gets a value that may be read once, and the others are told which."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom import XComAlreadyClaimed, XComExpired
from tests.integration.task.played_ring import PRIVATE_TEXT, no_ring
from tests.integration.task.sales import CANARY, hash_of, pull, pull_all, push, the_row


@pytest.fixture
def pushed_in_dag_test(dag: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch, configure: Callable[..., None]) -> None:
    """A read-once value, in one process without an API server, which holds the private keys."""
    from exclusive_redis_xcom.process import kind

    configure(seal_private_keys=PRIVATE_TEXT)
    monkeypatch.setattr(kind, "of_this_process", lambda: "dag_test")
    push(dag, CANARY, key="once")
    rows.answer = no_ring


@pytest.mark.usefixtures("pushed_in_dag_test")
def test_dag_test_claims_in_its_own_process(dag: Any) -> None:
    assert pull(dag, "extract", key="once") == CANARY  # its producer claims nothing
    assert pull(dag, "load", key="once") == CANARY
    assert pull(dag, "load", key="once") == CANARY  # and again: a retry
    with pytest.raises(XComAlreadyClaimed, match="task 'load'"):
        pull(dag, "report", key="once")


@pytest.mark.usefixtures("pushed_in_dag_test")
def test_an_open_key_does_not_hang_on_the_error(dag: Any) -> None:
    pull(dag, "load", key="once")

    with pytest.raises(XComAlreadyClaimed) as caught:
        pull(dag, "report", key="once")

    assert open_keys(caught.value) == []


def open_keys(error: BaseException) -> list[bytes]:
    """Open data keys in lists, tuples and references that the frames of an error hold."""
    pending = [value for frame, _ in traceback.walk_tb(error.__traceback__) for value in frame.f_locals.values()]
    found = []
    while pending:
        value = pending.pop()
        if isinstance(value, (list, tuple)):
            pending.extend(value)
        pending.extend(getattr(value, name) for name in ("reference", "seal") if hasattr(value, name))
        if isinstance(getattr(value, "data_key", None), bytes):
            found.append(value.data_key)
    return found


def test_the_first_reads_and_reads_again_and_the_next_is_told_who_has_it(dag: Any, rows: Rows) -> None:
    push(dag, CANARY, key="once")

    assert pull(dag, "extract", key="once") == CANARY  # its producer claims nothing
    assert pull(dag, "load", key="once") == CANARY
    assert pull(dag, "load", key="once") == CANARY
    with pytest.raises(XComAlreadyClaimed, match="task 'load'"):
        pull(dag, "report", key="once")


def test_one_that_redis_lost_is_expired_and_not_anybodys(dag: Any, rows: Rows, raw: redis.Redis) -> None:
    push(dag, CANARY, key="once")
    raw.delete(hash_of("once"))

    with pytest.raises(XComExpired, match="no longer in Redis"):
        pull(dag, "load", key="once")


def test_one_that_was_pushed_again_is_expired_for_the_old_reference(dag: Any, rows: Rows) -> None:
    push(dag, "first", key="once")
    old = copy.deepcopy(the_row(rows, "once"))
    push(dag, "second", key="once")
    new = the_row(rows, "once")
    rows.values["sales", RUN_ID, "extract", "once", -1] = old

    with pytest.raises(XComExpired):
        pull(dag, "load", key="once")

    rows.values["sales", RUN_ID, "extract", "once", -1] = new
    assert pull(dag, "report", key="once") == "second"  # nothing was spent


def test_of_several_the_error_is_of_the_one_that_was_taken_and_none_is_spent(dag: Any, rows: Rows) -> None:
    for index in range(3):
        push(dag, f"{CANARY}-{index}", key="once", map_index=index)
    assert pull(dag, "load", key="once", map_index=1) == f"{CANARY}-1"

    with pytest.raises(
        XComAlreadyClaimed,
        match=r"'once' of extract\[1\]: it may be read once, and it was\.\nIt was claimed by task 'load'",
    ):
        pull_all(dag, "report", key="once")

    assert pull(dag, "load", key="once", map_index=0) == f"{CANARY}-0"
    assert pull_all(dag, "load", key="once") == [f"{CANARY}-{index}" for index in range(3)]
