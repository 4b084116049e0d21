"""Tokens that were verified before: while such a token is young enough, its signature is not computed again.

This holds only where all tokens are signed with one secret of the settings. Then a token that was verified once passes
again until it expires. Airflow verifies the token of each request in any case, before it does anything.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: So many tokens are known at most. The one that was asked for longest ago is forgotten first.
_MOST = 4096


class _Known(NamedTuple):
    ti_id: str
    verified: float
    expires: float


class KnownTokens:
    """Remembers for which task instance a token is. It holds digests, not tokens.

    Args:
        clock: Tells the seconds since 1970, as tokens count them.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def task_instance_id(self, token: str) -> str | None:
        """Return the id of the task instance that a token is for; None if it must be verified."""
        digest = _digest(token)
        found = self._known.get(digest)
        if found is None:
            return None
        if not found.verified <= self._clock() < found.expires:  # a clock may also be set back
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return found.ti_id

    def add(self, token: str, ti_id: str, expires: Any) -> None:
        """Remember a token that was verified just now.

        Args:
            token: The token.
            ti_id: The id of the task instance that it is for.
            expires: Its claim `exp`. Without a number there, the token is not remembered.
        """
        if isinstance(expires, bool) or not isinstance(expires, (int, float)):
            return
        digest = _digest(token)
        self._known[digest] = _Known(ti_id, self._clock(), expires)
        self._known.move_to_end(digest)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("latin-1")).digest()
