"""Errors about a value name its XCom. The codec that raises them does not know the XCom; pushes and pulls do."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom import (
    CorruptValue,
    ExclusiveXComError,
    XComNotImportable,
    XComNotSerializable,
    XComTooLarge,
)
from tests.integration.task.sales import CANARY, HASH, field_of, pull, push

XCOM = f"XCom 'token' of task 'extract' in DAG 'sales', run '{RUN_ID}'"


@dataclass
class NotAllowed:
    """A class that Airflow's configuration does not let a payload name."""

    number: int


def error_of(action: Callable[[], object], kind: type[ExclusiveXComError]) -> str:
    with pytest.raises(kind) as caught:
        action()

    assert type(caught.value) is kind
    assert caught.value.__context__ is None
    text = str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == text  # noqa: S301 - our own bytes
    assert CANARY not in text
    return text


def test_a_value_that_cannot_be_encoded(dag: Any) -> None:
    text = error_of(lambda: push(dag, 1j), XComNotSerializable)

    about(text, "pushed", "complex")


def test_a_value_that_is_too_large_to_be_pushed(dag: Any, configure: Callable[..., None]) -> None:
    configure(max_value_bytes="1000")

    text = error_of(lambda: push(dag, CANARY * 100), XComTooLarge)

    about(text, "pushed", "1500 bytes", "max_value_bytes")


def test_a_value_that_is_too_large_to_be_pulled(dag: Any, configure: Callable[..., None]) -> None:
    push(dag, CANARY * 100)
    configure(max_value_bytes="1000")

    text = error_of(lambda: pull(dag), XComTooLarge)

    about(text, "pulled", "1500 bytes", "max_value_bytes")


def test_a_value_that_cannot_be_decoded(dag: Any, raw: redis.Redis) -> None:
    push(dag, [CANARY])
    stored = field_of(raw, HASH, "-1")
    raw.hset(HASH, "-1", stored.replace(CANARY.encode(), b"\xff" * len(CANARY)))

    text = error_of(lambda: pull(dag), CorruptValue)

    about(text, "pulled", "cannot be decoded")


def test_a_value_whose_class_this_worker_may_not_import(dag: Any) -> None:
    push(dag, NotAllowed(1))

    text = error_of(lambda: pull(dag), XComNotImportable)

    about(text, "pulled", f"{__name__}.NotAllowed")


def about(text: str, done: str, *parts: str) -> None:
    """The XCom stands in the first words, and its whole ids on the last line; between them the codec speaks."""
    first, *_, last = text.splitlines()
    assert first.startswith(f"'token' of extract was not {done}")
    assert len(first) <= 100
    assert last == f"{XCOM}."
    for part in parts:
        assert part in text
