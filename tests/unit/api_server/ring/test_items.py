"""An answer taken apart into its values."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from exclusive_redis_xcom.api_server.requests.routes import Shape
from exclusive_redis_xcom.api_server.ring.answers import CannotDecide
from exclusive_redis_xcom.api_server.ring.items import Document, encoded, encoded_text
from exclusive_redis_xcom.crypto.opening import open_for
from exclusive_redis_xcom.formats.reference import MARK, parse
from exclusive_redis_xcom.formats.seal import encode_key
from tests.unit.sealed_reference import DATA_KEY, LOAD, PRIVATE, sealed_reference


def test_items_stand_in_the_order_of_the_values() -> None:
    sealed = sealed_reference()
    body = json.dumps(["plain", sealed.to_json(), {MARK: {}}]).encode()

    items = Document(Shape.SLICE, body).items

    assert [item.reference for item in items] == [None, sealed, None]
    assert [item.malformed for item in items] == [False, False, True]
    assert [item.concerns_the_ring for item in items] == [False, True, True]


def test_an_item_shows_neither_its_value_nor_its_key() -> None:
    plain, sealed = Document(Shape.SLICE, json.dumps(["canary", sealed_reference().to_json()]).encode()).items
    assert sealed.reference is not None
    sealed.verdict = open_for(sealed.reference, LOAD, PRIVATE)
    sealed.json = encoded(sealed.reference.opened(DATA_KEY).to_json())

    shown = repr([plain, sealed])

    assert "canary" not in shown
    assert repr(DATA_KEY) not in shown
    assert encode_key(DATA_KEY) not in shown


UNUSUAL = [
    b"null",
    b'""',
    b"1e400",
    b"-0.0",
    b"NaN",
    b"Infinity",
    b"123456789012345678901234567890",
    rb'"\ud800"',
    rb'"\u0000"',
    b'{"a":[{"b":"exclusive_redis_xcom"}]}',
    b'["exclusive_redis_xcom",NaN]',
    rb'{"exclusive_redis_xcom":1,"more":"\ud800"}',
    b"[" * 500 + b"]" * 500,
]


@pytest.mark.parametrize("stored", UNUSUAL)
@pytest.mark.parametrize("other", [b"1", b"NaN"])
def test_what_is_no_reference_is_answered_as_airflow_wrote_it(stored: bytes, other: bytes) -> None:
    """Python's own JSON also has what no other JSON has, and each value passes as it came."""
    sliced, alone = b"[" + stored + b"," + other + b"]", b'{"key":"k","value":' + stored + b"}"

    assert _values(Document(Shape.SLICE, sliced).to_json()) == _values(sliced)
    assert _values(Document(Shape.VALUE, alone).to_json()) == _values(alone)
    assert _values(Document(Shape.ITEM, stored).to_json()) == _values(stored)


def _values(body: bytes) -> str:
    return repr(json.loads(body))  # NaN is not equal to itself


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        (Shape.SLICE, b'{"key":"k","value":1}'),
        (Shape.SLICE, b'{"key":NaN}'),
        (Shape.SLICE, b"1"),
        (Shape.VALUE, b"[1]"),
        (Shape.VALUE, b"[NaN]"),
        (Shape.VALUE, b'{"key":"k"}'),
        (Shape.VALUE, b'{"key":NaN}'),
        (Shape.VALUE, b'"value"'),
        (Shape.ITEM, b"{"),
        (Shape.ITEM, b""),
        (Shape.SLICE, b"[1,"),
        (Shape.SLICE, b"[" * 200_000),
        (Shape.VALUE, b"\xff"),
    ],
)
def test_an_answer_of_another_form_is_not_sent(shape: Shape, body: bytes) -> None:
    with pytest.raises(CannotDecide, match=r"^Airflow's answer "):
        Document(shape, body)


def test_an_opened_reference_may_be_one_text() -> None:
    opened = sealed_reference().opened(DATA_KEY)

    found = parse(json.loads(bytes(encoded_text(sealed_reference().opened_text(DATA_KEY)))))

    assert found == replace(opened, format=found.format)
