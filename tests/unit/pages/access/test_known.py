"""What is read of a DAG and of those around it."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.access.undecided import NoSuchDagError, UndecidedError
from exclusive_redis_xcom.errors import InvalidAcl
from tests.unit.pages.access.conftest import Database

_RULES = {"extract": {"token": ["load", "secret_dag/spy"]}}


def test_other_dags_are_read_that_the_rules_name_and_the_user_may_read(database: Database) -> None:
    database.write("shop", {"extract": {"token": ["bi/load", "secret_dag/load", "gone/x", "b*/y"]}})
    for dag_id in ("bi", "secret_dag", "unrelated"):
        database.write(dag_id, {})

    found = database.known("shop", reads=("bi", "gone", "unrelated"))

    assert [facts.dag_id for facts in found.others] == ["bi"]
    assert found.identity != database.known("shop").identity
    assert found.identity == database.known("shop", reads=("bi", "gone", "unrelated")).identity


def test_a_new_version_is_noticed_at_once(database: Database) -> None:
    database.write("shop", {"extract": {"*": ["load"]}})
    before = database.known("shop")
    database.write("shop", {"extract": {"*": ["report"]}})
    after = database.known("shop")

    assert before.facts.acl.rules[0].consumers == ("load",)
    assert after.facts.acl.rules[0].consumers == ("report",)
    assert before.identity != after.identity


def test_a_dag_that_is_not_there(database: Database) -> None:
    with pytest.raises(NoSuchDagError):
        database.known("shop")


def test_wrong_rules_are_described_only_to_those_who_may_see_all_names(database: Database) -> None:
    database.write("shop", _RULES)
    database.write("secret_dag", {})
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE serialized_dag SET data = replace(data, 'secret_dag/spy', 'secret_dag//py') WHERE dag_id = 'shop'"
        )

    with pytest.raises(InvalidAcl, match="secret_dag//py"):
        database.known("shop")
    with pytest.raises(UndecidedError) as caught:
        database.known("shop", reads=())
    assert str(caught.value) == "The rules of this DAG are wrong. `exclusive-xcom lint` tells what is wrong."


def test_a_dag_that_is_nested_too_deeply_breaks_no_page_of_a_dag_that_names_it(database: Database) -> None:
    database.write("shop", {"extract": {"token": ["reports/load"]}})
    database.write("reports", {})
    with database.engine.begin() as connection:
        deep = "[" * 100_000 + "]" * 100_000
        connection.exec_driver_sql("UPDATE serialized_dag SET data = ? WHERE dag_id = 'reports'", (deep,))

    assert database.known("shop").others == ()
    with pytest.raises(UndecidedError, match=r"^A DAG in Airflow's database is nested too deeply to be read"):
        database.known("reports")
