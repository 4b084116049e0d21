"""Pushes that the code of a task's function does not show: callbacks, hooks, and what wraps the function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

from exclusive_redis_xcom.access import parsed, serialized

from .serializing import serialized as written


def nothing() -> None:
    return None


def pushes(context: Any, *_: Any) -> None:
    context["ti"].xcom_push(key="hidden", value=1)


def computes(it: Any) -> None:
    it["ti"].xcom_push(key="hidden", value=1)


def logs(context: Any) -> None:
    pass


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(**context: Any) -> Any:
        context["ti"].xcom_push(key="hidden", value=1)
        return function()

    return wrapper


def one(**options: Any) -> DAG:
    with DAG("hidden", schedule=None) as dag:
        PythonOperator(**{"task_id": "t", "python_callable": nothing, **options})
    return dag


HOOKS = (
    "on_execute_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "on_success_callback",
    "pre_execute",
    "post_execute",
)


@pytest.mark.parametrize("name", HOOKS)
def test_what_callbacks_and_hooks_push_is_known_or_called_unknown(name: str) -> None:
    known = parsed.facts_of(one(**{name: pushes}), default_consumers="same_dag").tasks["t"]
    unknown = parsed.facts_of(one(**{name: computes}), default_consumers="same_dag").tasks["t"]
    harmless = parsed.facts_of(one(**{name: logs}), default_consumers="same_dag").tasks["t"]

    assert (sorted(known.keys), known.computes_keys) == (["hidden"], False)
    assert unknown.computes_keys
    assert not harmless.computes_keys


@pytest.mark.parametrize("name", HOOKS)
def test_a_serialized_dag_shows_that_there_are_some(name: str) -> None:
    assert serialized.facts_of(written(one(**{name: logs})), default_consumers="same_dag").tasks["t"].computes_keys


def test_a_wrapper_that_took_the_functions_name_may_push_anything() -> None:
    task = parsed.facts_of(one(python_callable=wrapped(nothing)), default_consumers="same_dag").tasks["t"]

    assert (task.computes_keys, task.returns) == (True, None)


def test_wrappers_of_python_itself_are_trusted() -> None:
    cached = functools.lru_cache(maxsize=None)(nothing)

    assert not parsed.facts_of(one(python_callable=cached), default_consumers="same_dag").tasks["t"].computes_keys
