"""What an error says in `airflow dags test`, where no API server opens sealed values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from exclusive_redis_xcom.acl import Acl, Rule
from exclusive_redis_xcom.errors import XComSealed
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.model import Coordinate, Principal
from exclusive_redis_xcom.reporting import dag_test, refusals

AT = Coordinate("sales", "run", "extract", "token")
LOAD = Principal("sales", "load", "run", -1)
RULE = Acl("sales", (Rule("extract", "token", ("load",), "here", exact=True),), "nobody").dumps()
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)

RECIPE = [
    "No API server answers in a test run of a DAG, so nobody opened it.",
    'Run it with keys of its own: (set -a; eval "$(exclusive-xcom keygen)"; airflow dags test sales)',
    "Do so where Airflow's database and the workers' login for Redis are. To test a task with what an earlier test run "
    "pushed, keep the keys of that run: (umask 077; exclusive-xcom keygen > test.env)",
]


def sealed(reason: str | None) -> Reference:
    reference = Reference(
        coordinate=AT,
        version="0" * 32,
        type_name="str",
        size=1,
        consumers=("load",),
        rule="here",
        pushed_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        seal=Seal("0" * 16, RULE, sealed_key=b"x" * 80),
        shape=None,
        about="",
    )
    return reference if reason is None else reference.refused(reason)


@pytest.mark.parametrize("reason", [None, seal.UNKNOWN_KEY])
def test_a_value_that_this_process_cannot_open_has_the_recipe(reason: str | None) -> None:
    error = refusals.sealed(sealed(reason), LOAD, "dag_test")

    assert isinstance(error, XComSealed)
    assert str(error).splitlines()[:4] == ["'token' of extract is sealed and was not opened for load.", *RECIPE]


def test_in_a_task_of_its_own_a_lost_key_is_the_api_server_s() -> None:
    assert "The API server no longer has the private key" in str(
        refusals.sealed(sealed(seal.UNKNOWN_KEY), LOAD, "task")
    )


def test_a_dag_id_is_quoted_for_the_shell() -> None:
    assert dag_test.recipe("a b; rm -rf x").splitlines()[0].endswith("airflow dags test 'a b; rm -rf x')")
