"""Several small payloads are decoded as each of them is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from exclusive_redis_xcom.codec import decode, decode_each, encode
from exclusive_redis_xcom.errors import CorruptValue, ExclusiveXComError, XComTooLarge
from exclusive_redis_xcom.memory import joined

LIMIT = 10_000


def outcome(payload: bytes, size: int, **how: Any) -> Any:
    try:
        return decode(payload, decoded_size=size, max_bytes=LIMIT, **how)
    except ExclusiveXComError as error:
        return type(error), str(error)


def outcomes(payloads: list[bytes], sizes: list[int], **how: Any) -> list[Any]:
    found: list[Any] = []
    try:
        hows = [(how["codec"], how["compression"])] * len(payloads)
        for value in decode_each(payloads, hows, sizes, max_bytes=LIMIT):
            found.append(value)
    except ExclusiveXComError as error:
        found.append((type(error), str(error)))
    return found


@pytest.mark.parametrize("compression", ["off", "zstd"])
@pytest.mark.parametrize(
    "value", ["canary", b"canary", 5, None, {"a": [1, (2, 3)]}, "x" * 200, Decimal("1.5"), {"deep": {1: {2: "\ud800"}}}]
)
def test_values(value: Any, compression: str) -> None:
    encoded = encode(value, compression=compression, max_bytes=LIMIT)
    payload, size = bytes(joined(encoded.payload)), encoded.decoded_size
    how = {"codec": encoded.codec, "compression": encoded.compression}

    found = outcomes([payload, payload], [size, size], **how)

    assert found == [value, value]
    assert list(map(type, found)) == [type(value)] * 2


def test_arrays_are_writable_as_ever() -> None:
    value = np.arange(500)
    encoded = encode(value, compression="off", max_bytes=LIMIT)
    payload = bytes(joined(encoded.payload))

    (found,) = outcomes([payload], [encoded.decoded_size], codec=encoded.codec, compression=encoded.compression)
    found[0] = 7

    assert found.flags.writeable
    assert payload == bytes(joined(encoded.payload))


@pytest.mark.parametrize(
    ("payload", "size", "how"),
    [
        (b"\xff", 1, {"codec": "str", "compression": "off"}),
        (b"\xc1", 1, {"codec": "msgpack", "compression": "off"}),
        (b"\x01\x01", 2, {"codec": "msgpack", "compression": "off"}),
        (b"\x01", 2, {"codec": "msgpack", "compression": "off"}),
        (b"\x01", -1, {"codec": "msgpack", "compression": "off"}),
        (bytes(LIMIT + 1), LIMIT + 1, {"codec": "bytes", "compression": "off"}),
        (b"\x01", 1, {"codec": "pickle", "compression": "off"}),
        (b"\x01", 1, {"codec": "msgpack", "compression": "lzma"}),
        (b"\x01", 1, {"codec": "msgpack", "compression": "zstd"}),
    ],
)
def test_what_cannot_be_decoded_ends_them_with_the_same_error(payload: bytes, size: int, how: Any) -> None:
    error = outcome(payload, size, **how)

    assert error[0] in (CorruptValue, XComTooLarge)
    assert outcomes([payload, b""], [size, 0], **how) == [error]


def test_the_values_before_it_are_there() -> None:
    how = {"codec": "str", "compression": "off"}

    assert outcomes([b"a", b"\xff", b"c"], [1, 1, 1], **how) == ["a", outcome(b"\xff", 1, **how)]


def test_each_has_its_own_codec() -> None:
    values = ["a", 1, b"b", "x" * 500, None]
    each = [encode(value, compression="zstd", max_bytes=LIMIT) for value in values]
    payloads = [bytes(joined(one.payload)) for one in each]
    hows = [(one.codec, one.compression) for one in each]

    assert len(set(hows)) == 4
    assert list(decode_each(payloads, hows, [one.decoded_size for one in each], max_bytes=LIMIT)) == values
