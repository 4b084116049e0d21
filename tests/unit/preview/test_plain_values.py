"""The preview of plain data says what the data is, as Python's literals."""

from __future__ import annotations

import ast
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.codec.support import same
from tests.unit.preview.support import previewed, require_bounded

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
)
_KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text())
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(_KEYS, inner)
        | st.sets(st.integers() | st.text())
        | st.lists(st.tuples(st.integers(), st.text()), min_size=4, max_size=9)
    ),
    max_leaves=15,
)


@given(_VALUES)
def test_plain_data_is_shown_as_literals_that_read_back(value: Any) -> None:
    shown = previewed(value)

    require_bounded(shown)
    assert shown.reason is None
    if type(value) is str:
        assert shown.kind == "text"
    elif type(value) is bytes:
        assert shown.kind == "bytes"
        if not shown.truncated:
            assert bytes.fromhex(shown.text) == value
    else:
        assert (shown.kind, shown.type_name) == ("data", type(value).__name__)
        if not shown.truncated:
            assert same(ast.literal_eval(shown.text), value)


@given(st.lists(st.integers() | st.text(max_size=5), min_size=101, max_size=120))
def test_a_long_list_says_how_many_items_are_left_out(value: list[Any]) -> None:
    shown = previewed(value)

    require_bounded(shown)
    assert (shown.summary, shown.truncated) == (f"{len(value)} items", True)
    assert "… " in shown.text


def test_depth_is_cut() -> None:
    deep: Any = "inmost"
    for _ in range(300):
        deep = [deep]

    shown = previewed(deep)

    assert shown.text == "[" * 21 + "…" + "]" * 21
    assert shown.truncated
