"""What Redis holds for XComs whose coordinates are known: facts of many, or one small value. Pages ask for it.

The Redis user needs `hstrlen`, `hlen` and `time` besides what reads need. Nothing is listed: no other name is seen.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import CorruptValue, XComTooLarge
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import MAX_HEAD_BYTES
from exclusive_redis_xcom.store import inventory, reading, scripts
from exclusive_redis_xcom.store.keyspace import misanswered, moment, slices
from exclusive_redis_xcom.store.rules import Rules
from exclusive_redis_xcom.store.values import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.inventory import Held
    from exclusive_redis_xcom.store.keyspace import Keyspace

#: One round trip asks for so many coordinates.
_BATCH = 100
#: The rules in one answer have so many bytes. Workers may write a rule of 2 MiB for each XCom.
_MOST_RULES = 8 * 1024 * 1024
_ITEMS = 7
_HEAD_ALONE = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What Redis holds for one coordinate. Workers may have written any of it.

    Attributes:
        asked_at: When Redis was asked, by its own clock.
        acl: The rule in force for the key; empty if there is none, or if it is too long for the answer.
        own_acl: The rule under which the value was pushed, where the task is mapped; empty as `acl`.
        held: What is told of the value; None if the hash has no value for the map_index.
        claimer: The text of who has claimed the value (`formats/claims.py`); empty if nobody has.
    """

    asked_at: datetime
    acl: bytes
    own_acl: bytes
    held: Held | None
    claimer: str


def known(keyspace: Keyspace, coordinates: Sequence[Coordinate]) -> list[Known | None]:
    """See `Store.known`."""
    found: list[Known | None] = []
    for batch in slices(coordinates, _BATCH):
        hashes = [(name, list(members)) for name, members in itertools.groupby(batch, keyspace.hash_of)]
        for (_, members), reply in zip(hashes, _ask(keyspace, hashes, _HEAD_ALONE), strict=True):
            found += [None] * len(members) if reply is None else [_known(*each) for each in _each(members, reply)]
    return found


def fetch_small(keyspace: Keyspace, at: Coordinate, most: int) -> Stored:
    """See `Store.fetch_small`."""
    (reply,) = _ask(keyspace, [(keyspace.hash_of(at), [at])], most + MAX_HEAD_BYTES)
    if reply is None:
        return Stored(None, None, found=False)
    ((_, _, rules, items),) = _each([at], reply)
    _, length, data, own_acl, *_ = items
    acl = rules.in_force or None
    if not length:
        return Stored(acl, None, found=True, own_acl=rules.own(None, own_acl or None))
    if not data:
        raise _too_large(at, most)
    envelope = reading.opened(at, data)
    stored = Stored(acl, envelope, found=True, own_acl=rules.own(envelope, own_acl or None))
    if stored.envelope is not None and stored.envelope.payload_size > most:
        raise _too_large(at, most)
    whole = reading.with_payload(keyspace, stored)
    if whole is None:
        raise CorruptValue(f"The value was replaced while it was read, or Redis holds only a part of it.\n{at}.")
    return whole


def _ask(keyspace: Keyspace, hashes: Sequence[tuple[str, Sequence[Coordinate]]], most: int) -> list[Any]:
    calls: list[tuple[str, tuple[scripts.Argument, ...]]] = [
        (
            name,
            (
                redis_names.ACL_FIELD,
                most,
                _MOST_RULES // len(hashes),
                redis_names.RULES_FIELD,
                *(redis_names.field_name(at.map_index) for at in members),
            ),
        )
        for name, members in hashes
    ]
    replies = keyspace.client.run("Describing XComs", lambda session: scripts.KNOWN.run_many(session, calls))
    for (_, members), reply in zip(hashes, replies, strict=True):
        if reply is not None and (not isinstance(reply, list) or len(reply) != 3 + _ITEMS * len(members)):
            keyspace.client.drop()
            raise misanswered(members[0])
    return replies


def _each(members: Sequence[Coordinate], reply: list[Any]) -> list[tuple[Coordinate, int, Rules, list[Any]]]:
    asked_at, acl, shared, *rest = reply
    rules = Rules(members[0], bytes(acl), bytes(shared))
    return [
        (at, int(asked_at), rules, rest[number * _ITEMS : (number + 1) * _ITEMS]) for number, at in enumerate(members)
    ]


def _known(at: Coordinate, asked_at: int, rules: Rules, items: list[Any]) -> Known:
    size, length, head, own_acl, claim, spilled, described = items
    index = redis_names.field_name(at.map_index).encode("ascii")
    held = inventory.held_of(at, index, size, head, len(claim), spilled, described) if length else None
    return Known(
        asked_at=moment(asked_at),
        acl=rules.in_force or b"",
        own_acl=rules.own(None if held is None else held.envelope, own_acl or None) or b"",
        held=held,
        claimer=bytes(claim[inventory.VERSION_LENGTH :]).decode("utf-8", "replace"),
    )


def _too_large(at: Coordinate, most: int) -> XComTooLarge:
    return XComTooLarge(f"The value takes more than {most} bytes, and is not fetched here.\n{at}.")
