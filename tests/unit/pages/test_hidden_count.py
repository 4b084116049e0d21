"""How many tasks stay hidden, in words that fit their number."""

from __future__ import annotations

import pytest

from exclusive_redis_xcom.pages.hidden_count import hidden


@pytest.mark.parametrize(
    ("tasks", "patterns", "said"),
    [
        (1, 0, "1 task of a DAG that you may not see"),
        (2, 0, "2 tasks of DAGs that you may not see"),
        (0, 1, "1 pattern of tasks of DAGs that you may not see"),
        (1, 2, "1 task and 2 patterns of tasks of DAGs that you may not see"),
    ],
)
def test_the_words_fit_the_number(tasks: int, patterns: int, said: str) -> None:
    assert hidden(tasks, patterns) == said
