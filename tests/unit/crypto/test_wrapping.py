"""A wrapped key opens for API servers with the same private key, for what it was wrapped for, and for nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.crypto import (
    Forged,
    SealPrivateKeys,
    UnknownKey,
    generate_seal_keys,
    payload_aad,
    seal_info,
    unwrap_key,
    wrap_aad,
    wrap_key,
)
from exclusive_redis_xcom.crypto.wrapping import WRAPPED_KEY_BYTES
from exclusive_redis_xcom.model import Coordinate
from tests.unit.crypto.tampering import error_text, flipped, shows

TEXTS = [generate_seal_keys()[1] for _ in range(2)]
KEYS = SealPrivateKeys.parse(TEXTS[0])
OTHER = SealPrivateKeys.parse(TEXTS[1])
(KEY_ID,) = KEYS.key_ids
DATA_KEY = bytes(range(32))
AAD = b"what it is bound to"

ids = st.text(max_size=8)
coordinates = st.builds(Coordinate, ids, ids, ids, ids, st.integers(-1, 2**31 - 1), st.none() | st.uuids().map(str))
versions = st.integers(0, 2**128 - 1).map("{:032x}".format)
bindings = st.tuples(coordinates, versions, st.binary(max_size=40))


def test_what_is_wrapped_is_unwrapped() -> None:
    wrapped = wrap_key(DATA_KEY, KEY_ID, KEYS, AAD)

    assert len(wrapped) == WRAPPED_KEY_BYTES
    assert unwrap_key(wrapped, KEY_ID, KEYS, AAD) == DATA_KEY


def test_api_servers_with_the_same_list_derive_the_same_key() -> None:
    again = SealPrivateKeys.parse(f"{TEXTS[1]} {TEXTS[0]}")

    assert unwrap_key(wrap_key(DATA_KEY, KEY_ID, KEYS, AAD), KEY_ID, again, AAD) == DATA_KEY


def test_no_two_wrapped_keys_are_alike() -> None:
    wrapped = [wrap_key(DATA_KEY, KEY_ID, KEYS, AAD) for _ in range(200)]

    assert len({one[:12] for one in wrapped}) == len({one[12:] for one in wrapped}) == 200


@given(st.integers(0, WRAPPED_KEY_BYTES * 8 - 1))
def test_a_changed_bit_is_found(bit: int) -> None:
    changed = flipped(wrap_key(DATA_KEY, KEY_ID, KEYS, AAD), bit)

    with pytest.raises(Forged):
        unwrap_key(changed, KEY_ID, KEYS, AAD)


@given(st.binary(max_size=2 * WRAPPED_KEY_BYTES))
def test_made_up_bytes_do_not_open(wrapped: bytes) -> None:
    with pytest.raises(Forged):
        unwrap_key(wrapped, KEY_ID, KEYS, AAD)


@pytest.mark.parametrize("length", [0, 11, 12, 28, WRAPPED_KEY_BYTES - 1, WRAPPED_KEY_BYTES + 1])
def test_a_cut_or_longer_key_does_not_open(length: int) -> None:
    wrapped = (wrap_key(DATA_KEY, KEY_ID, KEYS, AAD) + b"\0")[:length]

    with pytest.raises(Forged):
        unwrap_key(wrapped, KEY_ID, KEYS, AAD)


def test_another_private_key_opens_nothing_even_under_the_same_id() -> None:
    wrapped = wrap_key(DATA_KEY, KEY_ID, KEYS, AAD)
    (other_id,) = OTHER.key_ids

    with pytest.raises(Forged):
        unwrap_key(wrapped, other_id, OTHER, AAD)
    with pytest.raises(UnknownKey):
        unwrap_key(wrapped, KEY_ID, OTHER, AAD)
    with pytest.raises(UnknownKey):
        wrap_key(DATA_KEY, "not an id", KEYS, AAD)


@pytest.mark.parametrize("data_key", [b"", DATA_KEY[:16], DATA_KEY + b"\0"])
def test_only_a_data_key_is_wrapped(data_key: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a data key has 32 bytes$"):
        wrap_key(data_key, KEY_ID, KEYS, AAD)


@given(bindings, bindings)
def test_no_two_bindings_share_their_bytes(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert (wrap_aad(*one) == wrap_aad(*other)) is (one == other)


def _opens(wrapped: bytes, bound: tuple[Any, ...]) -> bool:
    try:
        unwrap_key(wrapped, KEY_ID, KEYS, wrap_aad(*bound))
    except Forged:
        return False
    return True


@given(bindings, st.data())
def test_a_key_opens_only_for_all_that_it_was_wrapped_for(bound: tuple[Any, ...], data: st.DataObject) -> None:
    at, version, acl = bound
    changes: dict[str, tuple[Any, ...]] = {
        name: (replace(at, **{name: data.draw(ids, name)}), version, acl)
        for name in ("dag_id", "run_id", "task_id", "key")
    }
    changes["map_index"] = (replace(at, map_index=data.draw(st.integers(-1, 9))), version, acl)
    changes["ti_id"] = (replace(at, ti_id=data.draw(st.none() | ids)), version, acl)
    changes["version"] = (at, data.draw(versions), acl)
    changes["acl"] = (at, version, data.draw(st.binary(max_size=40)))
    wrapped = wrap_key(DATA_KEY, KEY_ID, KEYS, wrap_aad(*bound))

    assert unwrap_key(wrapped, KEY_ID, KEYS, wrap_aad(*bound)) == DATA_KEY
    assert {name for name, changed in changes.items() if changed != bound and _opens(wrapped, changed)} == set()


@given(bindings)
def test_the_bytes_are_those_of_no_other_purpose(bound: tuple[Any, ...]) -> None:
    payloads = payload_aad(*bound, codec="json", compression="off", decoded_size=1)

    assert len({wrap_aad(*bound), seal_info(*bound), payloads}) == 3


def test_a_long_rule_is_bound_like_a_short_one() -> None:
    at, version = Coordinate("d", "r", "t", "k"), "0" * 32
    long = b"x" * (1024 * 1024)

    assert wrap_aad(at, version, long) != wrap_aad(at, version, long[:-1] + b"y")


def test_an_error_shows_no_key() -> None:
    wrapped = wrap_key(DATA_KEY, KEY_ID, KEYS, AAD)

    with pytest.raises(Forged) as caught:
        unwrap_key(flipped(wrapped, 3), KEY_ID, KEYS, AAD)

    assert not shows(error_text(caught.value), DATA_KEY, wrapped)
    assert "wrapping" not in repr(KEYS)
