"""Since when all API servers have watched over XCom rows: marks count only while they do, see `marks.py`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.store.marks import FRESH_MS

if TYPE_CHECKING:
    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.store.keyspace import Keyspace

#: Marks and epoch come from the clocks of two nodes, in a cluster: what these may differ by.
_SLACK_MS = 1_000

#: What `lua/beat.lua` writes for a server: its id, the time of its last beat, its clock minus Redis' (milliseconds).
_SERVER_ENTRY = re.compile(rb"[0-9A-Fa-f]+ ([0-9]{1,15}) (-?[0-9]{1,15})")


class Epoch(NamedTuple):
    """Since when API servers have watched without a gap, and the smallest of their clocks minus Redis'."""

    began_ms: int
    ahead_ms: int

    def covers(self, since_ms: int) -> bool:
        """Whether they have watched since then: over the row of a value that was pushed then, for one."""
        return since_ms > self.began_ms + _SLACK_MS


def asking_epoch(keyspace: Keyspace) -> tuple[tuple[str, Command], tuple[str, Command]]:
    """What to ask for `epoch_of`, last of all."""
    # Plain commands: to run a script costs Redis, and the network, more than all the rest of a small pull.
    name = redis_names.servers_name(keyspace.prefix)
    return (name, ("HMGET", name, redis_names.EPOCH_FIELD, redis_names.SERVERS_FIELD)), (name, ("TIME",))


def epoch_of(held: Any, time: Any) -> Epoch | None:
    """None unless there are API servers, all heard of lately.

    Args:
        held: Epoch and servers. What is not all as `lua/beat.lua` writes it may be a server that is not heard of.
        time: Redis' time, asked for after that.
    """
    try:
        began, servers = held
        seconds, microseconds = time
        now = int(seconds) * 1000 + int(microseconds) // 1000
    except (TypeError, ValueError):
        return None
    if began is None or servers is None or not began.isdigit():
        return None
    *entries, rest = servers.split(b";")
    aheads: list[int] = []
    for entry in entries:
        told = _SERVER_ENTRY.fullmatch(entry)
        if told is None or abs(now - int(told[1])) > FRESH_MS:
            return None
        aheads.append(int(told[2]))
    return Epoch(int(began), min(aheads)) if aheads and not rest else None
