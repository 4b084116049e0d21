"""`dag.test()` under `enforcement = server`: there is no API server, so this process opens values, or nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from devtools.components import OURS
from tests.acceptance.conftest import SERVER_DAGS
from tests.acceptance.test_dag_test import dag_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from devtools.airflow_stack import AirflowStack
    from tests.acceptance.conftest import ServerMode

Outcome = tuple[dict[str, str], str]


@pytest.fixture(scope="module")
def dag_test_with(new_airflow: Callable[..., AirflowStack], server_mode: ServerMode) -> Callable[..., Outcome]:
    """Runs `server_local` with a database and settings, without components; what the tasks became, and the output."""

    def run(**further: str) -> Outcome:
        env = {**server_mode.env, "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO", **further}
        with new_airflow(env, dags=SERVER_DAGS, components=()) as home:
            _, states, output = dag_test(home, "server_local", "server_local")
        return {name.removesuffix("/-1"): state for name, state in states.items()}, re.sub(r"\s+", " ", output)

    return run


@pytest.fixture(scope="module")
def without_key(dag_test_with: Callable[..., Outcome]) -> Outcome:
    return dag_test_with()


@pytest.fixture(scope="module")
def with_key(dag_test_with: Callable[..., Outcome], server_mode: ServerMode) -> Outcome:
    return dag_test_with(**{f"{OURS}SEAL_PRIVATE_KEYS": server_mode.private_key})


def test_without_a_private_key_no_value_is_opened_and_the_text_says_what_to_do(without_key: Outcome) -> None:
    states, output = without_key

    assert states["produce"] == "success"
    assert {state for name, state in states.items() if name != "produce"} <= {"failed", "upstream_failed"}
    assert "XComSealed" in output
    assert "dag.test() runs without an API server" in output
    assert "`exclusive-xcom keygen` prints one" in output


def test_with_the_private_key_consumers_are_served_and_the_stranger_is_refused(with_key: Outcome) -> None:
    states, output = with_key

    served = {name: state for name, state in states.items() if not name.startswith("denied_")}
    assert set(served.values()) == {"success"}, output[-4000:]
    assert states["denied_stranger"] == "failed"
    assert "denied_stranger may not pull '" in output


def test_what_may_be_read_once_is_claimed_by_the_first_consumer(with_key: Outcome) -> None:
    states, output = with_key

    assert (states["once"], states["denied_once"]) == ("success", "failed")
    assert "XComAlreadyClaimed" in output
    assert "task 'once'" in output


def test_the_private_key_is_not_printed(with_key: Outcome, server_mode: ServerMode) -> None:
    _, output = with_key

    assert server_mode.private_key not in output
