"""The header by which an API server shows that the ring is in its chain: its name, and its value.

The ring writes it (`api_server/ring/middleware.py`); `exclusive-xcom doctor` asks for it. It is no
secret and no proof against somebody between the two: it tells a server that was set up right from one that was not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: On every answer of a server that has the ring.
RING_HEADER = "exclusive-xcom-ring"

VERSION = 1

_VALUE = re.compile(r"([0-9]{1,3}); keys=([0-9a-f]{16}(?:,[0-9a-f]{16}){0,99})")


@dataclass(frozen=True, slots=True)
class RingMark:
    """What the header says: the version of the ring, and the ids of the keys that it opens, newest first."""

    version: int
    key_ids: tuple[str, ...]


def header_value(key_ids: Sequence[str]) -> str:
    """The header's value for a ring that holds these keys, newest first."""
    return f"{VERSION}; keys={','.join(key_ids)}"


def parse_header(value: str) -> RingMark | None:
    """Read what a server sent, which may be anything; None if it is no value of this header."""
    found = _VALUE.fullmatch(value.strip())
    return RingMark(int(found[1]), tuple(found[2].split(","))) if found else None
