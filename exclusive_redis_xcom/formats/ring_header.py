"""The name and value of the header by which an API server shows that the ring guards it.

The ring writes the header (`api_server/ring/middleware.py`), and `exclusive-xcom doctor` asks for it. The header shows
whether a server was set up right. It is no secret, and no proof against somebody between the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Every answer of a server with the ring has this header.
RING_HEADER = "exclusive-xcom-ring"

VERSION = 1

_VALUE = re.compile(r"([0-9]{1,3}); keys=([0-9a-f]{16}(?:,[0-9a-f]{16}){0,99})")


@dataclass(frozen=True, slots=True)
class RingMark:
    """What the header says: the version of the ring, and the ids of the keys with which it opens, newest first."""

    version: int
    key_ids: tuple[str, ...]


def header_value(key_ids: Sequence[str]) -> str:
    """Return the header's value for a ring that holds these keys, newest first."""
    return f"{VERSION}; keys={','.join(key_ids)}"


def parse_header(value: str) -> RingMark | None:
    """Read what a server sent, which may be anything; return None if it is no value of this header."""
    found = _VALUE.fullmatch(value.strip())
    return RingMark(int(found[1]), tuple(found[2].split(","))) if found else None
