from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl.glob import covers, matches

texts = st.text(alphabet="ab.", max_size=12)
patterns = st.text(alphabet="ab.*", max_size=8)


@given(patterns, texts)
def test_a_pattern_means_what_the_regular_expression_with_dot_star_means(pattern: str, text: str) -> None:
    meant = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None

    assert matches(pattern, text) is meant


@given(patterns, patterns, texts)
def test_what_a_covered_pattern_matches_the_covering_one_matches_too(wide: str, narrow: str, text: str) -> None:
    if covers(wide, narrow) and matches(narrow, text):
        assert matches(wide, text)


@given(patterns)
def test_a_pattern_covers_itself(pattern: str) -> None:
    assert covers(pattern, pattern)


@pytest.mark.parametrize("text", ["a\nb", "a\x00b", "a💥b"])
def test_a_star_stands_for_any_character(text: str) -> None:
    assert matches("a*b", text)


def test_many_stars_do_not_make_matching_slow() -> None:
    started = time.perf_counter()

    assert not matches("a*" * 120 + "b", "a" * 100_000)

    assert time.perf_counter() - started < 1
