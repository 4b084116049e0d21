"""An answer taken apart into its values."""

from __future__ import annotations

import json

from exclusive_redis_xcom.api_server.requests.routes import Shape
from exclusive_redis_xcom.api_server.ring.items import take_apart
from exclusive_redis_xcom.crypto.opening import open_for
from exclusive_redis_xcom.formats.reference import MARK
from tests.unit.sealed_reference import DATA_KEY, LOAD, PRIVATE, sealed_reference


def test_items_stand_in_the_order_of_the_values() -> None:
    sealed = sealed_reference()
    body = json.dumps(["plain", sealed.to_json(), {MARK: {}}]).encode()

    _, items = take_apart(Shape.SLICE, body)

    assert [item.reference for item in items] == [None, sealed, None]
    assert [item.malformed for item in items] == [False, False, True]
    assert [item.concerns_the_ring for item in items] == [False, True, True]


def test_an_item_shows_neither_its_value_nor_its_key() -> None:
    _, (plain, sealed) = take_apart(Shape.SLICE, json.dumps(["canary", sealed_reference().to_json()]).encode())
    assert sealed.reference is not None
    sealed.verdict = open_for(sealed.reference, LOAD, PRIVATE)
    sealed.json = sealed.reference.opened(DATA_KEY).to_json()

    shown = repr([plain, sealed])

    assert "canary" not in shown
    assert repr(DATA_KEY) not in shown
    assert sealed.json[MARK]["reference"]["seal"]["data_key"] not in shown
