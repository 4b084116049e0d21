"""Whether a msgpack message may hold bytes, told from the message alone.

The headers of bytes are 0xc4, 0xc5 and 0xc6. In a message of numbers, many other bytes look the same. Checking the
value itself (`round_trip.py`) takes almost as long as packing it. So the look-alikes are first told apart.

A copy of the message gets 0xc1 in place of every look-alike. No msgpack object begins with 0xc1, so a walk over the
copy fails at a header of bytes. The walk over the copy must take the same steps as one over the message. So a changed
byte may not be part of a length. A length takes the four bytes after its header at most. So bytes before a changed byte
that look like such a header are changed, too. Where they were headers indeed, the walk fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.codec.msgpack_reader import skip

if TYPE_CHECKING:
    from exclusive_redis_xcom.memory import Buffer

_HEADERS = (b"\xc4", b"\xc5", b"\xc6")
_NO_HEADER = 0xC1
#: Headers with a length: of extension types, texts, arrays and maps.
_WITH_LENGTH = frozenset(b"\xc7\xc8\xc9\xd9\xda\xdb\xdc\xdd\xde\xdf")
_LONGEST_LENGTH = 4  # bytes

#: In smaller messages and in those with more look-alikes, checking the value is as fast. Larger ones are not copied.
_SMALLEST, _LARGEST = 16 * 1024, 16 * 1024 * 1024
_FEWEST_BYTES_EACH = 128


def may_hold_bytes(message: bytes) -> bool:
    """Return False if the message holds no object of msgpack's type for bytes. True says nothing."""
    if not _SMALLEST <= len(message) <= _LARGEST:
        return True
    if sum(map(message[:_SMALLEST].count, _HEADERS)) > _SMALLEST // _FEWEST_BYTES_EACH:
        return True  # there are as many in the rest, probably
    changed = _changed(message, len(message) // _FEWEST_BYTES_EACH)
    if changed is None:
        return True
    try:
        skip(changed)
    except Exception:
        return True
    return False


def _changed(message: bytes, most: int) -> Buffer | None:
    """Return the copy; None if that takes many more than so many changes."""
    places = _look_alikes(message, most)
    if len(places) > most or min(places, default=_LONGEST_LENGTH) < _LONGEST_LENGTH:
        return None
    copy = bytearray(message)
    for place in places:
        copy[place] = _NO_HEADER
    places = [place for place in places if not _WITH_LENGTH.isdisjoint(message[place - _LONGEST_LENGTH : place])]
    for place in places:  # the list grows, by each place once
        for before in range(max(0, place - _LONGEST_LENGTH), place):
            if copy[before] in _WITH_LENGTH:
                copy[before] = _NO_HEADER
                places.append(before)
        if len(places) > most:
            return None
    return copy


def _look_alikes(message: bytes, most: int) -> list[int]:
    """Return the places of what looks like headers of bytes: all of them, or more than so many."""
    found: list[int] = []
    for header in _HEADERS:
        place = message.find(header)
        while place >= 0 and len(found) <= most:
            found.append(place)
            place = message.find(header, place + 1)
    return found
