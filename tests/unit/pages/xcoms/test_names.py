"""Names of DAGs that a user may not read are counted."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.pages.xcoms import names
from tests.unit.pages.xcoms.made import ALL_DAGS, OWN_DAG


@pytest.mark.parametrize(
    ("consumers", "texts"),
    [
        ((), []),
        (("*",), ["all tasks of this DAG"]),
        (("*/*",), ["any task of any DAG"]),
        (("load", "sales/report", "re*"), ["load", "report", "re*"]),
        (("load", "secret_dag/x"), ["load", "1 task of a DAG that you may not see"]),
        (("secret_dag/x", "secret_*/y"), ["2 tasks of DAGs that you may not see"]),
        (("*/anyone",), ["*/anyone"]),
        (("\u202eevil<b>",), ["\\u202eevil<b>"]),
    ],
)
def test_a_user_of_one_dag_sees_its_names_alone(consumers: tuple[str, ...], texts: list[str]) -> None:
    assert names.consumers(consumers, "sales", OWN_DAG).texts == texts


def test_a_user_of_all_dags_sees_all_names() -> None:
    assert names.consumers(("reports/x", "rep*/y"), "sales", ALL_DAGS).texts == ["reports/x", "rep*/y"]


def test_twenty_names_are_shown_and_each_is_cut() -> None:
    found = names.consumers([f"{number}{'t' * 300}" for number in range(30)], "sales", OWN_DAG)

    assert len(found.shown) == 20
    assert all(len(name) == 120 for name in found.shown)
    assert found.texts[-1] == "10 more"


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (("sales", "load"), "load"),
        (("secret_dag", "x"), None),
        (None, "a process that nobody knows"),
    ],
)
def test_a_reader_is_named_as_far_as_the_user_may_know(reader: tuple[str, str] | None, text: str | None) -> None:
    assert names.task(reader, "sales", OWN_DAG) == text
