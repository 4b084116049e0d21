"""A session with a Redis cluster: it knows which node holds a key, and follows a key that has moved.

https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/, "Redirection and resharding".
"""

from __future__ import annotations

import bisect
import itertools
import operator
import time
from typing import TYPE_CHECKING, Any

import redis
from redis.crc import key_slot

from exclusive_redis_xcom.connection import driver
from exclusive_redis_xcom.connection.redis_options import Address, RedisOptions, Timeouts
from exclusive_redis_xcom.connection.replies import code_of
from exclusive_redis_xcom.connection.server import Line
from exclusive_redis_xcom.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.budget import Budget
    from exclusive_redis_xcom.connection.session import Command

_MAX_REDIRECTIONS = 8
_SILENCE_SECONDS = 60.0


class ClusterSession:
    """One client per node, made when first needed. The table of slots is read once; MOVED corrects it."""

    def __init__(self, options: RedisOptions, timeouts: Timeouts, budget: Budget) -> None:
        self.budget = budget
        self._options = options
        self._timeouts = timeouts
        self._nodes: dict[Address, Line] = {}
        self._starts: list[int] = []
        self._ranges: list[tuple[int, Address]] = []
        self._moved: dict[int, Address] = {}
        self._silent_until: dict[Address, float] = {}
        try:
            self._read_slots()
        except BaseException:
            self.close()
            raise

    def call(self, key: str, command: Command) -> Any:
        """Do what the protocol says, and follow MOVED and ASK."""
        slot = key_slot(key.encode())
        address, asking = self._address_of(slot), False
        for _ in range(_MAX_REDIRECTIONS):
            try:
                return self._call_node(address, command, asking=asking)
            except redis.ResponseError as error:
                code = code_of(error)
                if code not in ("MOVED", "ASK"):
                    raise
                address, asking = _target(error, address), code == "ASK"
                if code == "MOVED":
                    self._moved[slot] = address
        raise redis.ResponseError("TRYAGAIN the nodes redirect to each other")

    def call_many(self, calls: Sequence[tuple[str, Command]], asides: Sequence[tuple[str, Command]] = ()) -> list[Any]:
        """Do what the protocol says, with one round trip per node and one more for each key that has moved."""
        by_node: dict[Address, list[int]] = {}
        for position, (key, _) in enumerate(calls):
            by_node.setdefault(self._address_of(key_slot(key.encode())), []).append(position)
        replies: list[Any] = [None] * len(calls)
        for address, positions in by_node.items():
            found = self._node(address).pipelined([calls[position][1] for position in positions])
            for position, reply in zip(positions, found, strict=True):
                # A refused or redirected command is sent again alone: `call` follows the redirection or raises.
                replies[position] = self.call(*calls[position]) if isinstance(reply, Exception) else reply
        self._say_aside(asides)
        return replies

    def in_order(self, calls: Sequence[tuple[str, Command]], asides: Sequence[tuple[str, Command]] = ()) -> list[Any]:
        """Do what the protocol says, with one round trip for neighbours on the same key."""
        replies: list[Any] = []
        for key, group in itertools.groupby(calls, operator.itemgetter(0)):
            commands = [command for _, command in group]
            found: list[Any] = []
            if len(commands) > 1:
                found = self._node(self._address_of(key_slot(key.encode()))).pipelined(commands)
            if not found or any(isinstance(reply, Exception) for reply in found):
                # Commands that were answered are sent again too: the node of the others must run them, in order.
                found = [self.call(key, command) for command in commands]
            replies += found
        self._say_aside(asides)
        return replies

    def receive(self, key: str, commands: Sequence[Command], into: Sequence[memoryview]) -> bool:
        """Do what the protocol says. For a key that has moved, return False."""
        return self._node(self._address_of(key_slot(key.encode()))).receive(commands, into)

    def transact(self, key: str, transactions: Sequence[Sequence[Command]]) -> list[list[Any]] | None:
        """Do what the protocol says."""
        try:
            return self._node(self._address_of(key_slot(key.encode()))).transact(transactions)
        except redis.ResponseError as error:
            if code_of(error) not in ("MOVED", "ASK", "TRYAGAIN"):
                raise
            return None

    def node_keys(self) -> list[str]:
        """Do what the protocol says, for each master that owns slots."""
        owners = {address for _, address in self._ranges}
        found: dict[Address, str] = {}
        for key in map(str, itertools.count()):
            if found.keys() == owners:
                break
            address = self._address_of(key_slot(key.encode()))
            if address in owners:
                found.setdefault(address, key)
        return list(found.values())

    def is_good(self) -> bool:
        """Return what the protocol says, for the connections to all nodes."""
        return all(node.is_good() for node in self._nodes.values())

    def close(self) -> None:
        """Close the connections to all nodes."""
        for node in self._nodes.values():
            node.close()

    def _say_aside(self, asides: Sequence[tuple[str, Command]]) -> None:
        """Send commands whose outcome is nobody's concern. A node that fails at one is left alone for a while."""
        for key, command in asides:
            address = self._address_of(key_slot(key.encode()))
            if time.monotonic() < self._silent_until.get(address, 0.0):
                continue
            try:
                self.call(key, command)
            except redis.ResponseError:
                continue  # the connection is in order
            except (redis.RedisError, OSError):
                self._silent_until[address] = time.monotonic() + _SILENCE_SECONDS
                self.close()  # a late reply must not answer the next question
                self._nodes.clear()

    def _call_node(self, address: Address, command: Command, *, asking: bool) -> Any:
        node = self._node(address)
        if not asking:
            return node.call(command)
        _, reply = node.pipelined([("ASKING",), command])
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _node(self, address: Address) -> Line:
        node = self._nodes.get(address)
        if node is None:
            node = Line(driver.open_server(self._options, address, self._timeouts, self.budget))
            self._nodes[address] = node
        return node

    def _address_of(self, slot: int) -> Address:
        if slot in self._moved:
            return self._moved[slot]
        place = bisect.bisect_right(self._starts, slot) - 1
        if place >= 0:
            end, address = self._ranges[place]
            if slot <= end:
                return address
        return self._options.addresses[0]  # The slot had no owner. Any node knows whether it has one now.

    def _read_slots(self) -> None:
        error: redis.RedisError = redis.ConnectionError("no node given")
        for address in self._options.addresses:
            try:
                table = self._node(address).call(("CLUSTER SLOTS",))
            except (redis.AuthenticationError, redis.ResponseError) as failure:
                if "cluster support disabled" in str(failure):
                    msg = (
                        f"Redis {address} is no cluster.\n"
                        "Leave out 'cluster' in the connection, or '+cluster' in the URL."
                    )
                    raise ConfigurationError(msg) from None
                raise
            except redis.RedisError as failure:
                error = failure
                continue
            self._learn(table, address)
            return
        raise error

    def _learn(self, table: Any, asked: Address) -> None:
        for start, end, master, *_ in sorted(table, key=lambda row: int(row[0])):
            host = master[0].decode() if isinstance(master[0], bytes) else master[0]
            # With "", "?" or None the node does not know its own host name. Then it has the host that was asked.
            known = Address(host, int(master[1])) if host and host != "?" else Address(asked.host, int(master[1]))
            self._starts.append(int(start))
            self._ranges.append((int(end), known))


def _target(error: Exception, asked: Address) -> Address:
    """Return the address in `MOVED <slot> <host>:<port>`. Old releases of redis-py leave the first word in the text."""
    host, _, port = str(error).split()[-1].rpartition(":")
    return Address(host or asked.host, int(port))
