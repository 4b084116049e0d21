"""What values are bound to: no two places, versions, access lists or ways of decoding share it."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.crypto import payload_aad, payload_aads, seal_info, wrap_aad, wrap_aads
from exclusive_redis_xcom.model import Coordinate

# st.characters() without arguments: lone surrogates and NUL included. The short alphabet makes near-collisions.
HOSTILE = st.text(st.characters(), max_size=20) | st.text(st.sampled_from(":\0/{}\ud83d\ude00\U0001f600a8"), max_size=4)
COORDINATES = st.builds(Coordinate, HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.integers(-1, 2**31 - 1), st.none() | HOSTILE)
ACLS = st.binary(max_size=60)
INFOS = st.tuples(COORDINATES, HOSTILE, ACLS)
DECODINGS = st.fixed_dictionaries({"codec": HOSTILE, "compression": HOSTILE, "decoded_size": st.integers(0, 2**40)})

AT = Coordinate("dag", "run", "task", "key", 3)
VERSION = "0123456789abcdef" * 2
ACL = b'{"rules":[]}'
DECODING: dict[str, Any] = {"codec": "msgpack", "compression": "off", "decoded_size": 5}


@given(INFOS, INFOS)
@example((Coordinate("a", "b:c", "t", "k"), "v", b""), (Coordinate("a:b", "c", "t", "k"), "v", b""))
@example((Coordinate("a", "", "t", "k"), "v", b""), (Coordinate("", "a", "t", "k"), "v", b""))
@example((Coordinate("a\0", "b", "t", "k"), "v", b""), (Coordinate("a", "\0b", "t", "k"), "v", b""))
@example((Coordinate("\ud83d\ude00", "", "", ""), "", b""), (Coordinate("\U0001f600", "", "", ""), "", b""))
@example((Coordinate("é", "", "", ""), "", b""), (Coordinate("e\u0301", "", "", ""), "", b""))
@example((Coordinate("d", "r", "t", "k", 1), "1v", b""), (Coordinate("d", "r", "t", "k", 11), "v", b""))
@example((Coordinate("d", "r", "t", "k", 1, "v"), "w", b""), (Coordinate("d", "r", "t", "k", 1), "v", b"w"))
@example((Coordinate("d", "r", "t", "k"), "va", b""), (Coordinate("d", "r", "t", "k"), "v", b"a"))
def test_the_info_is_the_same_for_the_same_and_only_for_the_same(
    one: tuple[Coordinate, str, bytes], other: tuple[Coordinate, str, bytes]
) -> None:
    assert (seal_info(*one) == seal_info(*other)) == (one == other)


@given(INFOS, DECODINGS, INFOS, DECODINGS)
def test_the_associated_data_is_the_same_for_the_same_and_only_for_the_same(
    one: tuple[Coordinate, str, bytes],
    how: dict[str, Any],
    other: tuple[Coordinate, str, bytes],
    otherwise: dict[str, Any],
) -> None:
    assert (payload_aad(*one, **how) == payload_aad(*other, **otherwise)) == ((one, how) == (other, otherwise))


@given(st.lists(HOSTILE, min_size=4, max_size=4), st.data())
def test_moving_the_boundary_between_two_ids_changes_both_encodings(ids: list[Any], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, 2))
    joined = ids[first] + ids[first + 1]
    cut = data.draw(st.integers(0, len(joined)))
    moved = [*ids[:first], joined[:cut], joined[cut:], *ids[first + 2 :]]
    assume(moved != ids)

    assert seal_info(Coordinate(*ids), VERSION, ACL) != seal_info(Coordinate(*moved), VERSION, ACL)
    assert payload_aad(Coordinate(*ids), VERSION, ACL, **DECODING) != payload_aad(
        Coordinate(*moved), VERSION, ACL, **DECODING
    )


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(("dag_id", "run_id", "task_id", "key"), 2)))
def test_swapping_two_ids_changes_both_encodings(one: str, other: str) -> None:
    swapped = dataclasses.replace(AT, **{one: getattr(AT, other), other: getattr(AT, one)})

    assert seal_info(AT, VERSION, ACL) != seal_info(swapped, VERSION, ACL)
    assert payload_aad(AT, VERSION, ACL, **DECODING) != payload_aad(swapped, VERSION, ACL, **DECODING)


@pytest.mark.parametrize(
    "change",
    [
        {"dag_id": "x"},
        {"run_id": "x"},
        {"task_id": "x"},
        {"key": "x"},
        {"map_index": -1},
        {"map_index": 0},
        {"ti_id": "x"},
    ],
    ids=str,
)
def test_every_part_of_the_coordinate_counts(change: dict[str, Any]) -> None:
    changed = dataclasses.replace(AT, **change)

    assert seal_info(AT, VERSION, ACL) != seal_info(changed, VERSION, ACL)
    assert payload_aad(AT, VERSION, ACL, **DECODING) != payload_aad(changed, VERSION, ACL, **DECODING)


def test_version_and_acl_count() -> None:
    assert len({seal_info(AT, VERSION, ACL), seal_info(AT, "x", ACL), seal_info(AT, VERSION, ACL + b" ")}) == 3
    assert len({payload_aad(AT, v, a, **DECODING) for v in (VERSION, "x") for a in (ACL, ACL + b" ")}) == 4


@pytest.mark.parametrize("change", [{"codec": "x"}, {"compression": "zstd"}, {"decoded_size": 6}], ids=str)
def test_every_part_of_the_decoding_counts(change: dict[str, Any]) -> None:
    assert payload_aad(AT, VERSION, ACL, **DECODING) != payload_aad(AT, VERSION, ACL, **(DECODING | change))


@given(INFOS, INFOS, DECODINGS)
def test_no_info_is_associated_data_of_anything(
    one: tuple[Coordinate, str, bytes], other: tuple[Coordinate, str, bytes], how: dict[str, Any]
) -> None:
    assert seal_info(*one) != payload_aad(*other, **how)


def test_a_long_access_list_costs_associated_data_no_more_than_a_short_one() -> None:
    assert len(payload_aad(AT, VERSION, bytes(1_000_000), **DECODING)) == len(payload_aad(AT, VERSION, b"", **DECODING))


def test_the_encodings_stay_as_they_are() -> None:
    # Values in Redis are bound to these bytes: another encoding needs another format number in its label.
    at = Coordinate("d", "r:\ud800", "t", "k")
    address = parts(b"d", b"r:\xed\xa0\x80", b"t", b"k", b"-1", b"v")
    how = parts(hashlib.sha256(b"{}").digest(), b"c", b"off", b"7")

    info = seal_info(at, "v", b"{}")
    aad = payload_aad(at, "v", b"{}", codec="c", compression="off", decoded_size=7)

    assert info == parts(b"exclusive-redis-xcom seal, format 1") + address + parts(b"{}")
    assert aad == parts(b"exclusive-redis-xcom payload, format 1") + address + how


def parts(*each: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in each)


@given(
    COORDINATES,
    st.lists(st.tuples(st.integers(-1, 2**31 - 1), st.binary(min_size=16, max_size=16), ACLS), max_size=4),
)
def test_several_wrapped_keys_are_bound_as_each_of_them(at: Coordinate, rows: list[tuple[int, bytes, bytes]]) -> None:
    indexes, versions, acls = ([row[column] for row in rows] for column in range(3))

    assert list(wrap_aads(at, indexes, versions, acls)) == [  # type: ignore[arg-type]
        wrap_aad(dataclasses.replace(at, map_index=index), version.hex(), acl) for index, version, acl in rows
    ]


@given(
    COORDINATES,
    st.lists(
        st.tuples(
            st.integers(-1, 2**31 - 1),
            st.binary(min_size=16, max_size=16),
            st.tuples(HOSTILE, HOSTILE),
            st.integers(0, 2**40),
        )
    ),
    ACLS,
)
def test_several_results_are_bound_as_each_of_them(at: Coordinate, results: list[Any], acl: bytes) -> None:
    columns: Any = ([result[column] for result in results] for column in range(4))
    indexes, versions, hows, sizes = columns

    assert payload_aads(at, indexes, versions, acl, hows, sizes) == [
        payload_aad(
            dataclasses.replace(at, map_index=index),
            version.hex(),
            acl,
            codec=codec,
            compression=compression,
            decoded_size=size,
        )
        for index, version, (codec, compression), size in results
    ]
