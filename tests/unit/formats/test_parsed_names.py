"""The name of a hash can be read back, and no other name can."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats.redis_names import hash_name, name_pattern, parse_name
from exclusive_redis_xcom.model import Coordinate

IDS = st.text(max_size=20)


@given(IDS, IDS, IDS, IDS, st.none() | IDS)
def test_a_name_is_read_back(dag_id: str, run_id: str, task_id: str, key: str, ti_id: str | None) -> None:
    at = Coordinate(dag_id, run_id, task_id, key, ti_id=ti_id)

    name = hash_name("a:prefix", at)

    assert parse_name("a:prefix", name) == at
    for pattern in (
        name_pattern("a:prefix"),
        name_pattern("a:prefix", dag_id),
        name_pattern("a:prefix", None, task_id),
    ):
        assert fnmatch.fnmatchcase(name, pattern)


@pytest.mark.parametrize(
    "name",
    ["p", "p:", "p:!servers", "p:a:b:c", "p:a:b:c:d:e", "p:a:b:c:d:ti-1:e", "p:a:b:c:%zz", "p:a:b:c:%61", "q:a:b:c:d"],
)
def test_another_name_is_no_xcoms(name: str) -> None:
    assert parse_name("p", name) is None
