"""Each state of a row has its sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exclusive_redis_xcom.pages.xcoms.states import State, state_of
from tests.unit.pages.xcoms.made import NOW, envelope, known, reference, row
from tests.unit.sealed_reference import AT

OTHER = replace(AT, dag_id="secret_dag")
MAPPED = replace(AT, map_index=3)
LATE = NOW + timedelta(days=30)

CASES = {
    "held": (row(reference()), known(envelope()), NOW, State.HELD),
    "a value of another backend": (row(), None, NOW, State.FOREIGN),
    "malformed": (row(malformed=True), known(envelope()), NOW, State.MALFORMED),
    "copied": (row(reference(OTHER)), known(envelope(OTHER)), NOW, State.COPIED),
    "copied to another map index": (row(reference(MAPPED)), known(envelope(MAPPED)), NOW, State.COPIED),
    "expired": (row(reference()), None, LATE, State.EXPIRED),
    "lost": (row(reference()), None, NOW, State.LOST),
    "replaced": (row(reference()), known(envelope(version="f" * 32)), NOW, State.SUPERSEDED),
    "no envelope": (row(reference()), known(None), NOW, State.DAMAGED),
    "the value of another": (row(reference()), known(envelope(OTHER)), NOW, State.DAMAGED),
    "a result that its siblings keep": (
        row(reference(MAPPED), MAPPED),
        known(envelope(MAPPED)),
        LATE,
        State.EXPIRED,
    ),
    "Redis keeps it longer than the row says": (row(reference()), known(envelope()), LATE, State.HELD),
}


@pytest.mark.parametrize("name", CASES)
def test_a_row_is_in_the_state(name: str) -> None:
    of, held, now, state = CASES[name]

    assert state_of(of, held, now) is state


def test_each_state_but_held_has_a_sentence_of_its_own() -> None:
    sentences = [state.sentence for state in State if state is not State.HELD]

    assert all(sentences)
    assert len(set(sentences)) == len(sentences)
    assert State.HELD.sentence == ""
