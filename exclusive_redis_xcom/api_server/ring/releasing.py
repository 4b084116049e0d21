"""What becomes of the references in one answer: opened, refused or left as they are, and what is put on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.api_server.ring.audit import Record
from exclusive_redis_xcom.crypto import opening
from exclusive_redis_xcom.crypto.opening import Verdict
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import claims, reference, seal
from exclusive_redis_xcom.formats.claims import Claim
from exclusive_redis_xcom.model import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exclusive_redis_xcom.api_server.requests.caller import Caller
    from exclusive_redis_xcom.api_server.requests.routes import Read
    from exclusive_redis_xcom.crypto import SealPrivateKeys
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate, Principal
    from exclusive_redis_xcom.store import Store

#: Of a value that is read once and was not claimed, because the pull fails at another one.
WITHHELD = Claim("withheld")

#: In place of a reference: the row only looks like one.
UNUSABLE = object()

NOBODY_WHY = "the token's task instance is not running, or no longer exists"
_UNUSABLE_WHY = "the row holds a malformed reference: it was edited or forged"
_MAX_SHOWN_INDEXES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one value of the answer becomes; `event` is None where nothing is worth a record."""

    json: Any
    event: str | None = None
    why: str = ""
    at: Coordinate | None = None
    released: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """What the values of an answer become, in their order, and what goes on record."""

    outcomes: tuple[Outcome, ...]
    records: tuple[Record, ...]

    @property
    def opens(self) -> bool:
        """Whether the answer will hold an open key."""
        return any(outcome.released for outcome in self.outcomes)


class Releaser:
    """Decides about the references of an answer.

    Args:
        keys: The API server's private keys.
        store: Where claims are; called only for values that are read once.
        reports_only: `mode = report`.
    """

    def __init__(self, keys: SealPrivateKeys, store: Callable[[], Store], *, reports_only: bool) -> None:
        self._keys = keys
        self._store = store
        self._reports_only = reports_only

    def judge(self, read: Read, parsed: Sequence[Any], caller: Caller | None) -> list[Verdict | None]:
        """Open and decide about each, by what `parsed_reference` made of it; None where there is no seal.

        About 0.1 ms for each.

        Args:
            read: What was asked for.
            parsed: The references.
            caller: Who asks, in whatever state; None if nobody who exists.
        """
        principal = caller.principal if caller is not None and caller.running else None
        return [self._verdict(read, found, principal) if is_sealed(found) else None for found in parsed]

    def _verdict(self, read: Read, found: Reference, principal: Principal | None) -> Verdict:
        # Anybody can seal a reference to any coordinate, for it takes the public key only, and put it into a row of his
        # own. It would open nothing, but claim somebody else's read-once value.
        if not read.may_hold(found.coordinate):
            return Verdict(Decision(False, "the reference lies in a row of another XCom"), refused=seal.FORGED)
        if principal is None:  # nobody to open it for, whatever it is
            return Verdict(Decision(False, NOBODY_WHY), refused=seal.NOT_RUNNING)
        return opening.judge(found, principal, self._keys, reports_only=self._reports_only)

    def claim(self, pairs: Sequence[tuple[Coordinate, str]], caller: Caller) -> list[Claim]:
        """Claim values that are read once. Asks Redis.

        Raises:
            StoreUnavailable, CorruptValue, ConfigurationError: Nothing may be released.
        """
        return self._store().claim(pairs, claims.claimer_text(caller.principal))

    def conclude(
        self,
        read: Read,
        values: Sequence[Any],
        parsed: Sequence[Any],
        verdicts: Sequence[Verdict | None],
        claimed: Mapping[int, Claim],
        caller: Caller | None,
    ) -> Release:
        """What all of it comes to.

        Args:
            read: What was asked for.
            values: As they are in the database.
            parsed: Their references.
            verdicts: Of `judge`.
            claimed: By position, for all of `to_be_claimed`.
            caller: Who asks.
        """
        outcomes = tuple(
            self._outcome(read, value, found, verdict, claimed.get(position))
            for position, (value, found, verdict) in enumerate(zip(values, parsed, verdicts, strict=True))
        )
        return Release(outcomes, tuple(_records(outcomes, caller)))

    def _outcome(self, read: Read, value: Any, found: Any, verdict: Verdict | None, claim: Claim | None) -> Outcome:
        if found is UNUSABLE:
            return Outcome(reference.unusable(), audit.DENIED, _UNUSABLE_WHY, read.row)
        if verdict is None:
            return Outcome(value)
        at, why = found.coordinate, verdict.decision.reason
        if verdict.data_key is None:
            refused = found.refused(verdict.refused or seal.FORGED)
            # What a forged reference says of itself may be somebody else's name: the record is about the row it lay in.
            shown = read.row if verdict.refused == seal.FORGED else at
            return Outcome(refused.to_json(), audit.DENIED, why, shown)
        opened = found.opened(verdict.data_key).to_json()
        if not verdict.decision.allowed:
            return Outcome(opened, audit.WOULD_BE_DENIED, why, at, released=True)
        if claim is None:
            return Outcome(opened, audit.GRANTED, why, at, released=True)
        return self._claimed(found, opened, claim)

    def _claimed(self, found: Reference, opened: Any, claim: Claim) -> Outcome:
        at = found.coordinate
        if claim.status == "granted":
            return Outcome(opened, audit.CLAIMED, "read once, by this task instance", at, released=True)
        if claim.status == "gone":
            return Outcome(found.refused(seal.GONE).to_json())
        by = claims.describe(claim.claimer) if claim.status == "taken" else None
        if self._reports_only:
            why = f"read once, and claimed by {by}" if by else "read once, and another value of the pull is refused"
            return Outcome(opened, audit.WOULD_BE_DENIED, why, at, released=True)
        if by is None:
            return Outcome(found.refused(seal.WITHHELD).to_json())
        refused = found.refused(seal.CLAIMED, by).to_json()
        return Outcome(refused, audit.CLAIM_DENIED, f"read once, and claimed by {by}", at)


def parsed_reference(value: Any) -> Reference | object | None:
    """The reference that a value of the database is; None if it is none, `UNUSABLE` if it only looks like one."""
    if not reference.is_reference(value):
        return None
    try:
        return reference.parse_stored(value)
    except InvalidReference:
        return UNUSABLE


def is_sealed(found: Any) -> bool:
    """Whether it is a reference with a seal to be opened."""
    return getattr(found, "seal", None) is not None


def to_be_claimed(parsed: Sequence[Any], verdicts: Sequence[Verdict | None], caller: Caller | None) -> list[int]:
    """The positions of values that are read once, and by another than their producer."""
    return [
        position
        for position, verdict in enumerate(verdicts)
        if verdict is not None
        and verdict.decision.allowed
        and verdict.acl is not None
        and verdict.acl.once
        and caller is not None
        and not claims.is_producer(caller.principal, parsed[position].coordinate)
    ]


def is_refused(found: Any, verdict: Verdict | None) -> bool:
    """Whether the pull fails at this value, whatever a claim would say."""
    return found is UNUSABLE or (verdict is not None and verdict.refused is not None)


def _records(outcomes: Sequence[Outcome], caller: Caller | None) -> list[Record]:
    """One record per XCom, not per value: a slice may hold thousands of a mapped task's."""
    groups: dict[Any, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.event is not None:
            at = outcome.at
            ids = at and (at.dag_id, at.run_id, at.task_id, at.key)
            groups.setdefault((outcome.event, ids, outcome.why), []).append(outcome)
    return [_record(event, why, members, caller) for (event, _, why), members in groups.items()]


def _record(event: str, why: str, members: Sequence[Outcome], caller: Caller | None) -> Record:
    at = members[0].at
    extra: dict[str, Any] = {**who(caller), "why": why}
    if at is not None:
        extra |= {"what": str(at), "key": at.key}
    if len(members) > 1:
        extra["values"] = len(members)
        extra["map_indexes"] = [member.at.map_index for member in members[:_MAX_SHOWN_INDEXES] if member.at is not None]
    return Record(event, at, owner(caller), extra)


def who(caller: Caller | None) -> dict[str, Any]:
    """The caller, for a record's `extra`."""
    if caller is None:
        return {"who": "a task instance that does not exist (any more)"}
    return {"who": str(caller.principal), "state": caller.state, "try_number": caller.try_number}


def owner(caller: Caller | None) -> str:
    """The caller, for a record's owner."""
    return "unknown" if caller is None else f"{caller.principal.dag_id}/{caller.principal.task_id}"
