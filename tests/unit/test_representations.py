"""What holds values or open keys of many results shows neither."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from exclusive_redis_xcom.api_server.ring.whole_slices import WholeSlice
from exclusive_redis_xcom.formats import compact_envelope
from exclusive_redis_xcom.formats.block import Block
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import References
from exclusive_redis_xcom.store.alike import Batch
from exclusive_redis_xcom.store.values import Alike, Current, Results, Stored
from exclusive_redis_xcom.task.many import Fetched
from tests.unit.sealed_reference import AT, PUSHED

SECRET = b"s3cret"
STORED = Stored(acl=None, envelope=None, found=False)
ENVELOPE: Any = Envelope
ALIKE = Alike(AT, [1], STORED, ENVELOPE, [SECRET], [("msgpack", "off")], [6], [SECRET])
HOLDERS: list[Any] = [
    ALIKE,
    Results([STORED], (ALIKE,)),
    Current([STORED], PUSHED, timedelta(0), (ALIKE,)),
    Fetched([STORED], (ALIKE,), 0.0),
    Batch(AT, [1], [None, None, SECRET, None]),
    compact_envelope.Alike([SECRET], [SECRET], [0], [("msgpack", "off")], [6], [SECRET]),
    WholeSlice([], SECRET),
    Block(AT, [1], [bytes(16)], [6], [("str", None)], [0], [1], sealed=("0", b"{}"), data_keys=[SECRET]),
    References(Block(AT, [1], [bytes(16)], [6], [("str", None)], [0], [1], sealed=("0", b"{}"), data_keys=[SECRET])),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__module__ + "." + type(holder).__name__)
def test_no_value_and_no_key_is_shown(holder: Any) -> None:
    assert "s3cret" not in f"{holder} {holder!r}"
