"""Releasing: which values of an answer leave the ring with an open seal.

To open a seal is one step of it. A value that may be read once must also be claimed, and what became of each value
goes on record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.threads import OwnThreads, off_loop
from exclusive_redis_xcom.api_server.ring import audit, records
from exclusive_redis_xcom.api_server.ring.items import Document, encoded
from exclusive_redis_xcom.api_server.ring.rewritable_answer import MAX_ANSWER_BYTES
from exclusive_redis_xcom.api_server.ring.whole_slices import WholeSlice, open_slice
from exclusive_redis_xcom.crypto.opening import KnownDecisions, Verdict, open_for
from exclusive_redis_xcom.formats import claims, reference, seal
from exclusive_redis_xcom.formats.claims import Claim
from exclusive_redis_xcom.memory import paused_collector
from exclusive_redis_xcom.model import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exclusive_redis_xcom.api_server.requests.caller import Caller
    from exclusive_redis_xcom.api_server.requests.routes import Read
    from exclusive_redis_xcom.api_server.ring.audit import Record
    from exclusive_redis_xcom.api_server.ring.items import Item
    from exclusive_redis_xcom.crypto import SealPrivateKeys
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store import Store

# Threads of their own, because Redis may not answer.
_REDIS_THREADS = 8

#: For a read-once value that was not claimed, because the pull fails at another value.
_WITHHELD = Claim("withheld")

#: For a read-once value that is read ahead. The task must ask for it alone.
_NOT_YET = Claim("not_yet")

_MALFORMED_WHY = "the row holds a malformed reference: it was edited or forged"


class Releaser:
    """Decides about the values of an answer.

    Attributes:
        as_texts: As given.

    Args:
        keys: The API server's private keys.
        store: Gives the Redis store, where claims are; called only for values that are read once.
        reports_only: `mode = report`.
        as_texts: Whether an opened reference of the latest format is one text. Workers of earlier builds cannot read
            that. They read no reference of that format either.
    """

    def __init__(
        self, keys: SealPrivateKeys, store: Callable[[], Store], *, reports_only: bool, as_texts: bool
    ) -> None:
        self._keys = keys
        self._store = store
        self._reports_only = reports_only
        self.as_texts = as_texts
        self._redis_threads = OwnThreads(_REDIS_THREADS)

    async def release(
        self, document: Document, read: Read, caller: Caller | None, *, is_big: bool
    ) -> tuple[list[Record], bytes]:
        """Decide about each value of an answer, and open the seals that the caller may open.

        Args:
            document: The answer; each value is changed into what the caller gets.
            read: What was asked for.
            caller: Who asks, in whatever state; None if nobody who exists.
            is_big: Whether the work would block the event loop.

        Returns:
            What goes on record, and the answer as JSON.

        Raises:
            StoreUnavailable, CorruptValue, ConfigurationError: Nothing of the answer may be sent.
        """
        concluded = await off_loop(is_big, self._decide, document, read, caller)
        if concluded is not None:
            return concluded
        wanted = _once(document.items, caller)
        if read.ahead:
            for item, _ in wanted:
                item.claim = _NOT_YET
        else:
            await self._claim(wanted, document.items, caller)
        return await off_loop(is_big, self._conclude, document, read, caller)

    async def release_rows(self, texts: Sequence[str], read: Read, caller: Caller) -> WholeSlice | None:
        """Open the seals of all rows of a slice, as one text.

        Args:
            texts: The JSON of the rows.
            read: What was asked for.
            caller: Who asks. It is running.

        Returns:
            The slice; None if not all values can be opened at once.
        """
        if sum(map(len, texts)) > MAX_ANSWER_BYTES:
            return None  # Airflow's answer is refused
        return await off_loop(True, self._release_rows, texts, read, caller)

    def _release_rows(self, texts: Sequence[str], read: Read, caller: Caller) -> WholeSlice | None:
        with paused_collector():
            return open_slice(texts, read, caller, self._keys)

    def _decide(self, document: Document, read: Read, caller: Caller | None) -> tuple[list[Record], bytes] | None:
        """Decide about each value. If nothing must be claimed, conclude: each thread costs the answer some time."""
        known: KnownDecisions = {}
        with paused_collector():
            for item in document.items:
                found = item.reference
                if found is not None and found.seal is not None:
                    item.verdict = self._verdict(found, read, caller, known)
            return None if _once(document.items, caller) else self._conclude(document, read, caller)

    def _verdict(self, found: Reference, read: Read, caller: Caller | None, known: KnownDecisions) -> Verdict:
        # Sealing takes the public key only: any task can seal a reference to any coordinate, and put it into a row of
        # its own. Such a reference would open nothing, but it would claim another task's read-once value.
        if not read.may_hold(found.coordinate):
            return Verdict(Decision(False, "the reference lies in a row of another XCom"), refused=seal.FORGED)
        if caller is None or not caller.running:  # there is nobody to open it for, whatever it is
            return Verdict(Decision(False, records.why_not_running(caller)), refused=seal.NOT_RUNNING)
        return open_for(found, caller.principal, self._keys, reports_only=self._reports_only, known=known)

    async def _claim(
        self, wanted: Sequence[tuple[Item, Reference]], items: Sequence[Item], caller: Caller | None
    ) -> None:
        """Claim the values that are read once."""
        if not wanted or caller is None:
            return
        # Where any value is refused the pull fails as a whole, so nothing is claimed for it.
        if _are_refused(items):
            answer = [_WITHHELD] * len(wanted)
        else:
            pairs = [(found.coordinate, found.version) for _, found in wanted]
            answer = await self._redis_threads.run(self._ask_redis, pairs, caller)
        for (item, _), claim in zip(wanted, answer, strict=True):
            item.claim = claim

    def _ask_redis(self, pairs: Sequence[tuple[Coordinate, str]], caller: Caller) -> list[Claim]:
        return self._store().claim(pairs, claims.claimer_text(caller.principal))

    def _conclude(self, document: Document, read: Read, caller: Caller | None) -> tuple[list[Record], bytes]:
        for item in document.items:
            if item.malformed:
                item.json = encoded(reference.unusable())
                item.note(audit.DENIED, _MALFORMED_WHY, read.row)
            elif item.reference is not None and item.verdict is not None:
                self._conclude_sealed(item, item.reference, item.verdict, read.row)
        written = document.to_json(as_texts=self.as_texts, as_one=read.as_one)
        return records.of_items(document.items, caller), written

    def _conclude_sealed(self, item: Item, found: Reference, verdict: Verdict, row: Coordinate) -> None:
        why = verdict.decision.reason
        if verdict.data_key is None:
            reason = verdict.refused or seal.FORGED
            item.json = encoded(found.refused(reason).to_json())
            # A forged reference may name another task's XCom: the record is about the row in which it lay.
            item.note(audit.DENIED, why, row if reason == seal.FORGED else found.coordinate)
        elif not verdict.decision.allowed:
            _open(item, found, verdict.data_key, audit.WOULD_BE_DENIED, why)
        elif item.claim is None:
            _open(item, found, verdict.data_key, audit.GRANTED, why)
        else:
            self._conclude_claimed(item, found, verdict.data_key, item.claim)

    def _conclude_claimed(self, item: Item, found: Reference, data_key: bytes, claim: Claim) -> None:
        by = claims.describe(claim.claimer) if claim.status == "taken" else None
        if claim.status == "granted":
            _open(item, found, data_key, audit.CLAIMED, "read once, by this task instance")
        elif claim.status == "not_yet":
            item.json = encoded(found.refused(seal.WITHHELD).to_json())
        elif claim.status == "gone":
            item.json = encoded(found.refused(seal.GONE).to_json())
        elif self._reports_only:
            why = f"read once, and claimed by {by}" if by else "read once, and another value of the pull is refused"
            _open(item, found, data_key, audit.WOULD_BE_DENIED, why)
        elif by is None:
            item.json = encoded(found.refused(seal.WITHHELD).to_json())
        else:
            item.json = encoded(found.refused(seal.CLAIMED, by).to_json())
            item.note(audit.CLAIM_DENIED, f"read once, and claimed by {by}", found.coordinate)


def _open(item: Item, found: Reference, data_key: bytes, event: str, why: str) -> None:
    item.data_key = data_key
    item.note(event, why, found.coordinate)


def _once(items: Sequence[Item], caller: Caller | None) -> list[tuple[Item, Reference]]:
    """Return the values that are read once, each with its reference."""
    return [(item, item.reference) for item in items if item.reference is not None and _is_once(item, caller)]


def _is_once(item: Item, caller: Caller | None) -> bool:
    """Tell whether a value is read once, by another task instance than its producer."""
    verdict = item.verdict
    return (
        verdict is not None
        and verdict.decision.allowed
        and verdict.acl is not None
        and verdict.acl.once
        and caller is not None
        and item.reference is not None
        and not claims.is_producer(caller.principal, item.reference.coordinate)
    )


def _are_refused(items: Sequence[Item]) -> bool:
    """Tell whether the pull fails at one of the values, whatever a claim would say."""
    return any(item.malformed or (item.verdict is not None and item.verdict.refused is not None) for item in items)
