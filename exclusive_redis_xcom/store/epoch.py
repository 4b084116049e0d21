"""Find out since when all API servers have watched over XCom rows. Marks count only while they do; see `marks.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store.marks import FRESH_MS

if TYPE_CHECKING:
    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.store.keyspace import Keyspace

#: In a cluster, marks and epoch come from the clocks of two nodes. The clocks may differ by this much.
_SLACK_MS = 1_000

#: Workers may write the epoch, and Python does not read a number of any length.
_MAX_DIGITS = 15

_HEXADECIMAL = b"0123456789abcdefABCDEF"


class Epoch(NamedTuple):
    """Since when API servers have watched without a gap, and how far the slowest of their clocks is ahead of Redis'."""

    began_ms: int
    ahead_ms: int

    def covers(self, since_ms: int) -> bool:
        """Tell whether they have watched since then, for example over the row of a value that was pushed then."""
        return since_ms > self.began_ms + _SLACK_MS


def asking_epoch(keyspace: Keyspace) -> tuple[tuple[str, Command], tuple[str, Command]]:
    """Return the commands that ask for what `epoch_of` takes. They must be the last commands of a pull."""
    # These are plain commands. A script costs Redis and the network more than all the rest of a small pull.
    name = redis_names.servers_name(keyspace.prefix)
    return (name, ("HMGET", name, redis_names.EPOCH_FIELD, redis_names.SERVERS_FIELD)), (name, ("TIME",))


def epoch_of(held: Any, time: Any) -> Epoch | None:
    """Return the epoch if there are API servers, and all have been heard of lately; else None.

    Args:
        held: Epoch and servers. Anything else than `lua/beat.lua` writes may be a server that is not heard of.
        time: Redis' time. It was asked for after them.
    """
    try:
        began, servers = held
        seconds, microseconds = time
        now = int(seconds) * 1000 + int(microseconds) // 1000
    except (TypeError, ValueError):
        return None
    if began is None or servers is None or not began.isdigit() or len(began) > _MAX_DIGITS:
        return None
    *entries, rest = servers.split(b";")
    aheads: list[int] = []
    for entry in entries:
        told = _told(entry)
        if told is None or abs(now - told[0]) > FRESH_MS:
            return None
        aheads.append(told[1])
    return Epoch(int(began), min(aheads)) if aheads and not rest else None


def _told(entry: bytes) -> tuple[int, int] | None:
    """Read what `lua/beat.lua` writes for a server: its id, the time of its last beat, its clock minus Redis'.

    The times are milliseconds. A pattern would do the same, but where caches are cold it takes three times as long.
    """
    words = entry.split(b" ")
    if len(words) != 3 or not words[0] or words[0].strip(_HEXADECIMAL):
        return None
    beat, ahead = words[1], words[2].removeprefix(b"-")
    if not (beat.isdigit() and ahead.isdigit() and len(beat) <= _MAX_DIGITS and len(ahead) <= _MAX_DIGITS):
        return None
    return int(beat), int(words[2])
