"""Pull results of a mapped task that are alike (`store/alike.py`). Each question is asked once for all of them.

The answers are those of the usual way, value by value. Where something is special, and at the first value that cannot
be read, the usual way goes on. It says what is wrong, and at which value.
"""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from exclusive_redis_xcom import codec
from exclusive_redis_xcom.crypto import Forged
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.formats.seal import Seal
from exclusive_redis_xcom.reporting import masking, metrics
from exclusive_redis_xcom.task import observing, stricter
from exclusive_redis_xcom.task.encryption import decrypt_each
from exclusive_redis_xcom.task.may_read import may_read
from exclusive_redis_xcom.task.value import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.block import Block
    from exclusive_redis_xcom.model import Coordinate, Principal
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Alike, Stored
    from exclusive_redis_xcom.task.access import Access
    from exclusive_redis_xcom.task.may_read import Permission, RuleTexts


class Fetched(NamedTuple):
    """What Redis holds for the references of a block, and the seconds that Redis took."""

    stored: Sequence[Stored]
    alike: tuple[Alike, ...] | None
    seconds: float


class _Result(NamedTuple):
    """A result, which tells its name only where somebody wants to read it."""

    alike: Alike
    i: int

    def __str__(self) -> str:
        return str(self.alike.coordinate(self.i))


def fetch(access: Access, block: Block, reader: Principal | None) -> Fetched:
    """Fetch values and rules for the references of a block.

    Raises:
        CorruptValue: Redis holds something else than was pushed.
        StoreUnavailable: Redis could not be asked.
    """
    start = time.perf_counter()
    asides = observing.reads(access, [block.at], reader) if access.settings.records == "reads" else ()
    results = access.store.fetch_results(block.at, block.indexes, block.sizes, asides)
    return Fetched(*results, time.perf_counter() - start)


def values(access: Access, fetched: Fetched, block: Block, reader: Principal | None) -> list[Any] | None:
    """Return the values of a block; None if the usual way must find out which may be read.

    Args:
        access: The access of this process.
        fetched: What Redis holds.
        block: The references. Their seals, if there are any, are open.
        reader: Who pulls; None if that cannot be established.

    Raises:
        ExclusiveXComError: As for `task.value.decoded`.
    """
    alike = fetched.alike
    if alike is None or block.versions != list(chain.from_iterable(batch.versions for batch in alike)):
        return None
    rules = rules_of(alike, reader, reports_only=access.settings.reports_only)
    if rules is None:
        return None
    if access.settings.records == "reads":
        observing.got()
    stricter.report(access, granted(alike, rules), reader)
    if metrics.is_on():
        metrics.pulled(sizes(alike), seconds=fetched.seconds)
    return decoded_values(alike, fetched.stored, rules, access.settings, block)


def rules_of(
    alike: Sequence[Alike], reader: Principal | None, *, reports_only: bool = False
) -> list[Acl | None] | None:
    """Return the rule of each batch if the reader may have all of its values, and nothing is to be reported; else None.

    The rule is the same for all values of a batch. If the oldest has not outlived its TTL, no other has.
    """
    known: dict[RuleTexts, Permission] = {}
    rules = []
    for batch in alike:
        at = batch.envelope.coordinate
        permission = may_read(batch.oldest, at, reader, reports_only=reports_only, known=known)
        # Whether a read-once value must be claimed differs from value to value: a task instance may read its own.
        if permission.obstacle is not None or permission.denials or permission.once:
            return None
        rules.append(permission.acl)
    return rules


def granted(alike: Sequence[Alike], rules: Sequence[Acl | None]) -> Iterator[tuple[Coordinate, Acl | None]]:
    """Return each XCom with its rule, for reports that map indexes do not count for."""
    return ((batch.at, acl) for batch, acl in zip(alike, rules, strict=True))


def sizes(alike: Sequence[Alike]) -> list[tuple[Coordinate, int]]:
    """Return the XCom and the bytes of each value, for metrics."""
    return [(batch.at, len(payload)) for batch in alike for payload in batch.payloads]


def decoded_values(
    alike: Sequence[Alike],
    stored: Sequence[Stored],
    rules: Sequence[Acl | None],
    settings: Settings,
    block: Block | None = None,
) -> list[Any]:
    """Return the values to a task that may read them all: decrypted, decoded, and masked in logs.

    Args:
        alike: What Redis holds.
        stored: The same, value by value.
        rules: What `rules_of` returns.
        settings: The settings of this process.
        block: The references; None for a direct pull.

    Raises:
        ExclusiveXComError: As for `task.value.decoded`.
    """
    found: list[Any] = []
    for batch, acl in zip(alike, rules, strict=True):
        first = len(found)
        last = first + len(batch.indexes)
        _add_values(found, batch, acl, settings, block)
        for i in range(len(found), last):
            envelope = stored[i].envelope
            if envelope is None:
                raise AssertionError("a value that was there is not there")
            found.append(decoded(envelope, _seal_of(block, i), acl, settings))
    return found


def _add_values(found: list[Any], batch: Alike, acl: Acl | None, settings: Settings, block: Block | None) -> None:
    """Add the values of a batch up to the first one that cannot be read so."""
    first = len(found)
    keys = () if block is None else block.data_keys[first : first + len(batch.indexes)]
    payloads = decrypt_each(batch, None if block is None else block.sealed, keys, acl, settings)
    if payloads is None:
        return
    each = codec.decode_each(payloads, batch.hows, batch.decoded_sizes, max_bytes=settings.max_value_bytes)
    is_masked = masking.applies(settings.mask, acl is None or acl.restricted)
    try:
        for value in each:
            if is_masked:
                masking.mask(value, _Result(batch, len(found) - first))
            found.append(value)
    except (ExclusiveXComError, Forged):
        return


def _seal_of(block: Block | None, i: int) -> Seal | None:
    return None if block is None or block.sealed is None else Seal(*block.sealed, data_key=block.data_keys[i])
