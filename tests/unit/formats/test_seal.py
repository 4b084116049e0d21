"""The seal in a reference: four forms, and nothing else is one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exclusive_redis_xcom.crypto.opening import wrap_seal
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference as references
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.formats.reference import MARK, Reference
from tests.unit.sealed_reference import DATA_KEY, PRIVATE, sealed_reference

FORMS = {
    "pushed": sealed_reference(),
    "wrapped": wrap_seal(sealed_reference(), PRIVATE),
    "opened": sealed_reference().opened(DATA_KEY),
    "refused": sealed_reference().refused(seal.CLAIMED, "task 'load' of DAG 'sales'"),
    "refused, by nobody": sealed_reference().refused(seal.DENIED),
}


def body(reference: Reference) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(reference.to_json()))
    return value


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_worker_reads_each_form_back(form: Reference) -> None:
    assert references.parse(body(form)) == form


@pytest.mark.parametrize("form", ["pushed", "wrapped"])
def test_the_ring_believes_a_row_in_the_form_of_a_push_or_of_its_own(form: str) -> None:
    assert references.parse_stored(body(FORMS[form])) == FORMS[form]


def test_a_wrapped_reference_holds_no_sealed_key_and_no_answer_holds_a_wrapped_one() -> None:
    sealed = FORMS["pushed"].seal
    assert sealed is not None
    assert sealed.sealed_key is not None
    assert seal.encode_key(sealed.sealed_key) not in body(FORMS["wrapped"])[MARK]
    for answer in (FORMS["wrapped"].opened(DATA_KEY), FORMS["wrapped"].refused(seal.DENIED)):
        assert answer.seal is not None
        assert answer.seal.wrapped_key is None


@pytest.mark.parametrize("form", ["opened", "refused", "refused, by nobody"])
def test_a_row_that_pretends_to_be_an_answer_of_the_ring_is_refused_by_the_ring(form: str) -> None:
    with pytest.raises(InvalidReference, match="seal"):
        references.parse_stored(body(FORMS[form]))


def test_an_opened_reference_no_longer_holds_the_sealed_key_and_a_refused_one_holds_no_open_key() -> None:
    assert set(body(FORMS["opened"])[MARK]["reference"]["seal"]) == {"key_id", "acl", "data_key"}
    assert set(body(FORMS["refused"])[MARK]["reference"]["seal"]) == {"key_id", "acl", "key", "refused"}


def test_what_the_ring_puts_in_place_of_an_unreadable_row_is_refused_by_workers() -> None:
    assert references.is_reference(references.unusable())

    with pytest.raises(InvalidReference):
        references.parse(references.unusable())


def test_opening_takes_the_sealed_key_and_a_refusal_away() -> None:
    opened = sealed_reference().refused(seal.DENIED).opened(DATA_KEY).seal

    assert opened is not None
    assert (opened.sealed_key, opened.data_key, opened.refused) == (None, DATA_KEY, None)


def test_what_stands_in_place_of_an_unreadable_row_says_so() -> None:
    assert references.unusable() == {MARK: {"v": 1, "unusable": True}}


def test_no_key_shows_in_a_repr() -> None:
    assert repr(DATA_KEY) not in repr(FORMS["opened"])
    assert "sealed_key" not in repr(FORMS["pushed"])


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": "XYZ"},
        {"key_id": "0123456789abcdeF"},
        {"key_id": None},
        {"key": "short"},
        {"key": None},
        {"key": "A" * 106 + "=="},
        {"key": ["A" * 107]},
        {"acl": None},
        {"acl": "\u20ac"},
        {"acl": "x" * (1024 * 1024 + 1)},
        {"extra": 1},
        {"refused": None},
        {"refused": {"reason": "because", "by": None}},
        {"refused": {"reason": ["denied"], "by": None}},
        {"refused": {"reason": "denied"}},
        {"refused": {"reason": "denied", "by": 1}},
        {"refused": {"reason": "denied", "by": "x" * 2001}},
        {"data_key": "AAAA"},
    ],
    ids=lambda change: str(change)[:40],
)
def test_anything_else_is_malformed(change: dict[str, Any]) -> None:
    value = body(FORMS["pushed"])
    value[MARK]["reference"]["seal"].update(change)

    with pytest.raises(InvalidReference, match="'seal'"):
        references.parse(value)


@pytest.mark.parametrize("value", [None, [], "seal", 1, {}], ids=repr)
def test_a_seal_is_an_object_with_exactly_its_fields(value: object) -> None:
    row = body(FORMS["pushed"])
    row[MARK]["reference"]["seal"] = value

    with pytest.raises(InvalidReference, match="'seal'"):
        references.parse(row)


def test_a_key_has_one_spelling() -> None:
    row = body(FORMS["opened"])
    opened = row[MARK]["reference"]["seal"]
    text = opened["data_key"]
    opened["data_key"] = text[:-1] + chr(ord(text[-1]) + 1)  # the last character's low bits carry nothing

    with pytest.raises(InvalidReference, match="'seal'"):
        references.parse(row)


def test_a_reference_without_a_seal_can_be_neither_opened_nor_refused() -> None:
    plain = Reference(**{**_fields(FORMS["pushed"]), "seal": None})

    with pytest.raises(ValueError, match="without a seal"):
        plain.opened(DATA_KEY)
    with pytest.raises(ValueError, match="without a seal"):
        plain.refused(seal.DENIED)


def _fields(reference: Reference) -> dict[str, Any]:
    return {name: getattr(reference, name) for name in Reference.__dataclass_fields__}
