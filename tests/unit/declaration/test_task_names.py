"""The tasks that a pattern matches: the same as if each were compared, however few are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl.glob import matches
from exclusive_redis_xcom.declaration import task_names
from exclusive_redis_xcom.declaration.task_names import TaskNames, TooManyComparedError

TEXTS = st.text("ab.é\n", max_size=6)
PATTERNS = st.text("ab.é\n*", max_size=8)


@given(st.frozensets(TEXTS, max_size=12), st.lists(PATTERNS, max_size=6))
def test_they_are_those_that_match(ids: frozenset[str], patterns: list[str]) -> None:
    names = TaskNames(ids)

    for pattern in patterns:
        assert names.matching(pattern) == {name for name in ids if matches(pattern, name)}


@pytest.mark.parametrize("pattern", ["group_7.*", "*_777", "*up_7.task_7*", "group_7.*_7"])
def test_few_ids_are_compared(pattern: str) -> None:
    ids = [f"group_{number % 50}.task_{number}" for number in range(5000)]

    assert len(TaskNames(ids)._candidates(pattern)) <= 111


def test_after_too_many_comparisons_no_pattern_is_searched_for() -> None:
    names = TaskNames([f"task_{number}" for number in range(1000)])

    def search(most: int) -> None:
        for number in range(most):
            digits = "".join("a*" if digit == "1" else "*" for digit in f"{number:016b}")
            names.matching(f"t*{digits}_*")  # all ids are compared with 19 parts

    most = task_names.MOST_COMPARED // 1000 // 19
    search(most)
    with pytest.raises(TooManyComparedError):
        search(most + 1)
