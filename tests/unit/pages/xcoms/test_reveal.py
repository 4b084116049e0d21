"""Whether a value may be revealed: the whole table."""

from __future__ import annotations

import itertools

import pytest

from exclusive_redis_xcom.pages.xcoms import reveal
from exclusive_redis_xcom.pages.xcoms.reveal import refusal
from exclusive_redis_xcom.pages.xcoms.rules import Strictness
from exclusive_redis_xcom.pages.xcoms.states import State

OPEN, RULED, ONCE = Strictness(False, False), Strictness(True, False), Strictness(True, True)
#: What a rule says -> how strict it is. None stands for a rule that cannot be read.
STRICTER = {OPEN: 0, RULED: 1, ONCE: 2}


def expected(setting: str, stored: Strictness | None, declared: Strictness | None) -> reveal.No | None:
    """Word the decision once more, by cases, for a value that is there and small."""
    if setting == "off":
        return reveal.OFF
    if stored is None:
        return reveal.NO_STORED_RULE
    if ONCE in (stored, declared):
        return reveal.ONCE
    if setting == "all" or (stored, declared) == (OPEN, OPEN):
        return None
    return reveal.NOT_DECLARED if (stored, declared) == (OPEN, None) else reveal.RESTRICTED


TABLE = list(itertools.product(("open", "all", "off"), (OPEN, RULED, ONCE, None), (OPEN, RULED, ONCE, None)))


@pytest.mark.parametrize(("setting", "stored", "declared"), TABLE)
def test_a_value_that_is_there_is_revealed_by_setting_and_rules(
    setting: str, stored: Strictness | None, declared: Strictness | None
) -> None:
    assert refusal(setting, State.HELD, stored, declared, 10) == expected(setting, stored, declared)


def test_the_table_reveals_what_it_says_and_nothing_else() -> None:
    revealed = {(setting, a, b) for setting, a, b in TABLE if refusal(setting, State.HELD, a, b, 10) is None}

    assert revealed == {
        ("open", OPEN, OPEN),
        *(("all", stored, declared) for stored in (OPEN, RULED) for declared in (OPEN, RULED, None)),
    }


@pytest.mark.parametrize("state", [state for state in State if state is not State.HELD])
@pytest.mark.parametrize("setting", ["open", "all"])
def test_what_is_not_there_is_not_revealed_and_says_why(setting: str, state: State) -> None:
    assert refusal(setting, state, OPEN, OPEN, 10) == reveal.No(state.sentence, by_rule=False)


@pytest.mark.parametrize("setting", ["open", "all"])
def test_more_than_a_mebibyte_is_not_revealed(setting: str) -> None:
    assert refusal(setting, State.HELD, OPEN, OPEN, 1024 * 1024) is None
    assert refusal(setting, State.HELD, OPEN, OPEN, 1024 * 1024 + 1) == reveal.TOO_LARGE
